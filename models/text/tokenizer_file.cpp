#include "models/text/tokenizer_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <utility>

#include "models/text/utf8.h"

namespace vedette::models::text {

namespace {

using nlohmann::json;

constexpr TokenId kMaxId = 1 << 22;    // far past any published vocabulary
constexpr std::size_t kMaxShown = 80;  // of a received value in a message
constexpr std::size_t kMaxSplits = 16;

// The file's name, for messages.
struct File {
  const std::string& name;

  [[noreturn]] void fail(const std::string& key, const std::string& what) const {
    throw std::runtime_error(name + ": " + key + ": " + what);
  }
  [[noreturn]] void unexpected(const std::string& key, const std::string& expected,
                               const json& received) const {
    std::string text = received.dump(-1, ' ', false, json::error_handler_t::replace);
    if (text.size() > kMaxShown) text = text.substr(0, kMaxShown) + "...";
    fail(key, "expected " + expected + ", received " + text);
  }

  const json& object(const json& parent, const char* key) const {
    const auto value = parent.find(key);
    if (value == parent.end() || !value->is_object())
      unexpected(key, "an object", value == parent.end() ? json() : *value);
    return *value;
  }
  bool flag(const json& parent, const char* key, bool fallback) const {
    const auto value = parent.find(key);
    if (value == parent.end() || value->is_null()) return fallback;
    if (!value->is_boolean()) unexpected(key, "true or false", *value);
    return value->get<bool>();
  }
  // "" when the key is missing or null.
  std::string text(const json& parent, const char* key) const {
    const auto value = parent.find(key);
    if (value == parent.end() || value->is_null()) return "";
    if (!value->is_string()) unexpected(key, "a string", *value);
    return value->get<std::string>();
  }
  TokenId id(const json& value, const std::string& key) const {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > static_cast<std::uint64_t>(kMaxId)) {
      unexpected(key, "a token id up to " + std::to_string(kMaxId), value);
    }
    return value.get<TokenId>();
  }
};

void add_token(const File& file, TokenizerFile& out, const std::string& spelling, TokenId id,
               const std::string& key) {
  if (spelling.empty()) file.fail(key, "token " + std::to_string(id) + " has no spelling");
  const auto index = static_cast<std::size_t>(id);
  if (index >= out.spellings.size()) out.spellings.resize(index + 1);
  if (!out.spellings[index].empty() && out.spellings[index] != spelling) {
    file.fail(key, "id " + std::to_string(id) + " stands for \"" + out.spellings[index] + "\" and \"" +
                       spelling + "\"");
  }
  const auto [position, fresh] = out.ids.emplace(spelling, id);
  if (!fresh && position->second != id) {
    file.fail(key, "token \"" + spelling + "\" has the ids " + std::to_string(position->second) + " and " +
                       std::to_string(id));
  }
  out.spellings[index] = spelling;
}

void parse_vocabulary(const File& file, const json& model, TokenizerFile& out) {
  const json& vocabulary = file.object(model, "vocab");
  out.ids.reserve(vocabulary.size());
  out.spellings.reserve(vocabulary.size());
  for (const auto& [spelling, id] : vocabulary.items())
    add_token(file, out, spelling, file.id(id, "vocab: " + spelling), "vocab");
}

// The two sides of "a b" or ["a", "b"].
std::pair<std::string, std::string> merge_sides(const File& file, const json& merge, const std::string& key) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
    return {merge[0], merge[1]};
  if (merge.is_string()) {
    const auto& text = merge.get_ref<const std::string&>();
    const std::size_t space = text.find(' ');
    if (space != std::string::npos && text.find(' ', space + 1) == std::string::npos) {
      return {text.substr(0, space), text.substr(space + 1)};
    }
  }
  file.unexpected(key, "\"a b\" or [\"a\", \"b\"]", merge);
}

void parse_merges(const File& file, const json& model, TokenizerFile& out) {
  const auto merges = model.find("merges");
  if (merges == model.end() || !merges->is_array()) file.fail("merges", "expected an array");
  out.merges.reserve(merges->size());
  const auto id_of = [&](const std::string& token, const std::string& key) {
    const auto position = out.ids.find(token);
    if (position == out.ids.end()) file.fail(key, "\"" + token + "\" is not in the vocabulary");
    return position->second;
  };
  for (std::size_t rank = 0; rank < merges->size(); ++rank) {
    const std::string key = "merges: entry " + std::to_string(rank);
    const auto [left, right] = merge_sides(file, (*merges)[rank], key);
    out.merges.push_back({id_of(left, key), id_of(right, key), id_of(left + right, key)});
  }
}

void parse_model(const File& file, const json& root, TokenizerFile& out) {
  const json& model = file.object(root, "model");
  const std::string type = file.text(model, "type");
  if (!type.empty() && type != "BPE") file.fail("model: type", "expected BPE, received " + type);
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (const std::string value = file.text(model, key); !value.empty())
      file.fail(key, "expected none, received \"" + value + "\"");
  }
  const auto dropout = model.find("dropout");
  if (dropout != model.end() && !dropout->is_null() && *dropout != 0.0)
    file.unexpected("dropout", "none", *dropout);
  if (file.flag(model, "byte_fallback", false))
    file.fail("byte_fallback", "expected false (byte-level BPE), received true");
  parse_vocabulary(file, model, out);
  parse_merges(file, model, out);
  out.fuse_unknown = file.flag(model, "fuse_unk", false);
  out.ignore_merges = file.flag(model, "ignore_merges", false);
  const std::string unknown = file.text(model, "unk_token");
  if (unknown.empty()) return;
  const auto position = out.ids.find(unknown);
  if (position == out.ids.end()) file.fail("unk_token", "\"" + unknown + "\" is not in the vocabulary");
  out.unknown = position->second;
}

void parse_added(const File& file, const json& root, TokenizerFile& out) {
  const auto added = root.find("added_tokens");
  if (added == root.end() || added->is_null()) return;
  if (!added->is_array()) file.unexpected("added_tokens", "an array", *added);
  for (const json& entry : *added) {
    if (!entry.is_object() || !entry.contains("id"))
      file.unexpected("added_tokens", "objects with id and content", entry);
    AddedToken token;
    token.id = file.id(entry["id"], "added_tokens: id");
    token.content = file.text(entry, "content");
    token.strip_left = file.flag(entry, "lstrip", false);
    token.strip_right = file.flag(entry, "rstrip", false);
    token.special = file.flag(entry, "special", false);
    if (file.flag(entry, "single_word", false))
      file.fail("added_tokens: " + token.content, "single_word: expected false");
    if (file.flag(entry, "normalized", false) && out.normaliser != Normaliser::kNone) {
      file.fail("added_tokens: " + token.content, "normalized: expected false beside a normalizer");
    }
    add_token(file, out, token.content, token.id, "added_tokens");
    out.added.push_back(std::move(token));
  }
}

void parse_normaliser(const File& file, const json& root, TokenizerFile& out) {
  const auto normaliser = root.find("normalizer");
  if (normaliser == root.end() || normaliser->is_null()) return;
  const json* entry = &*normaliser;
  if (entry->is_object() && file.text(*entry, "type") == "Sequence") {
    const auto list = entry->find("normalizers");
    if (list == entry->end() || !list->is_array() || list->size() > 1)
      file.unexpected("normalizer", "at most one", *entry);
    if (list->empty()) return;
    entry = &(*list)[0];
  }
  const std::string type = entry->is_object() ? file.text(*entry, "type") : "";
  constexpr std::array<std::pair<std::string_view, Normaliser>, 4> kForms{{{"NFC", Normaliser::kNfc},
                                                                           {"NFD", Normaliser::kNfd},
                                                                           {"NFKC", Normaliser::kNfkc},
                                                                           {"NFKD", Normaliser::kNfkd}}};
  for (const auto& [form, value] : kForms) {
    if (form == type) {
      out.normaliser = value;
      return;
    }
  }
  file.unexpected("normalizer", "null, NFC, NFD, NFKC or NFKD", *entry);
}

// A literal text as a pattern: every byte that means something to a regular expression is escaped.
std::string quoted(const std::string& literal) {
  std::string pattern;
  for (const char c : literal) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && std::isalnum(byte) == 0) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

SplitRule parse_split(const File& file, const json& entry) {
  SplitRule rule;
  const json& pattern = file.object(entry, "pattern");
  const std::string regex = file.text(pattern, "Regex");
  const std::string literal = file.text(pattern, "String");
  if (regex.empty() == literal.empty())
    file.unexpected("pre_tokenizer: pattern", "one of Regex and String", pattern);
  rule.pattern = regex.empty() ? quoted(literal) : regex;
  const std::string behaviour = file.text(entry, "behavior");
  if (behaviour != "Isolated" && behaviour != "Removed") {
    file.fail("pre_tokenizer: behavior", "expected Isolated or Removed, received \"" + behaviour + "\"");
  }
  if (file.flag(entry, "invert", false)) file.fail("pre_tokenizer: invert", "expected false");
  rule.keep_matches = behaviour == "Isolated";
  return rule;
}

// True for ByteLevel, which ends the sequence.
bool parse_pre_tokenizer(const File& file, const json& entry, TokenizerFile& out) {
  const std::string type = entry.is_object() ? file.text(entry, "type") : "";
  if (type == "ByteLevel") {
    out.add_prefix_space = file.flag(entry, "add_prefix_space", true);
    if (out.add_prefix_space && !out.splits.empty())
      file.fail("pre_tokenizer: add_prefix_space", "expected false after another rule");
    if (file.flag(entry, "use_regex", true))
      out.splits.push_back({SplitRule::Kind::kPattern, kGpt2Pattern, true, false});
    return true;
  }
  if (type == "Digits") {
    out.splits.push_back({SplitRule::Kind::kDigits, "", true, file.flag(entry, "individual_digits", false)});
  } else if (type == "Split") {
    out.splits.push_back(parse_split(file, entry));
  } else {
    file.unexpected("pre_tokenizer", "ByteLevel, Digits, Split or a Sequence of them", entry);
  }
  if (out.splits.size() > kMaxSplits)
    file.fail("pre_tokenizer", "expected at most " + std::to_string(kMaxSplits) + " rules");
  return false;
}

void parse_pre_tokenizers(const File& file, const json& root, TokenizerFile& out) {
  const json& entry = file.object(root, "pre_tokenizer");
  if (file.text(entry, "type") != "Sequence") {
    if (!parse_pre_tokenizer(file, entry, out)) file.unexpected("pre_tokenizer", "ByteLevel", entry);
    return;
  }
  const auto list = entry.find("pretokenizers");
  if (list == entry.end() || !list->is_array() || list->empty())
    file.unexpected("pre_tokenizer: pretokenizers", "a list", entry);
  for (std::size_t i = 0; i < list->size(); ++i) {
    const bool ended = parse_pre_tokenizer(file, (*list)[i], out);
    if (ended != (i + 1 == list->size())) file.unexpected("pre_tokenizer", "ByteLevel once and last", entry);
  }
}

}  // namespace

TokenizerFile parse_tokenizer_file(std::string_view text, const std::string& name) {
  const File file{name};
  const json root = json::parse(text.begin(), text.end(), nullptr, false);
  if (!root.is_object()) throw std::runtime_error(name + ": expected a JSON object");
  TokenizerFile out;
  parse_normaliser(file, root, out);
  parse_pre_tokenizers(file, root, out);
  const json& decoder = file.object(root, "decoder");
  if (file.text(decoder, "type") != "ByteLevel") file.unexpected("decoder", "ByteLevel", decoder);
  parse_model(file, root, out);
  parse_added(file, root, out);
  return out;
}

const std::array<std::int32_t, 256>& byte_symbols() {
  static const std::array<std::int32_t, 256> symbols = [] {
    std::array<std::int32_t, 256> table{};
    std::int32_t next = 256;
    for (std::int32_t byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
      table[static_cast<std::size_t>(byte)] = printable ? byte : next++;
    }
    return table;
  }();
  return symbols;
}

}  // namespace vedette::models::text
