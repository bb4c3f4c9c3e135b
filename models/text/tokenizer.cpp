#include "models/text/tokenizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <utility>

#include "models/text/bpe.h"
#include "models/text/pre_tokenizer.h"
#include "models/text/tokenizer_file.h"
#include "models/text/utf8.h"
#include "models/weights/file_map.h"

namespace vedette::models::text {

namespace {

// The bytes that a vocabulary entry spells; a spelling with any other character stands for itself, as in the
// reference.
std::string bytes_of(std::string_view spelling, const std::unordered_map<std::int32_t, char>& symbol_bytes) {
  std::string bytes;
  for (std::string_view rest = spelling; !rest.empty();) {
    const Utf8Unit unit = next_utf8(rest);
    const auto byte = symbol_bytes.find(unit.codepoint);
    if (unit.kind != Utf8Unit::Kind::kCharacter || byte == symbol_bytes.end()) return std::string(spelling);
    bytes.push_back(byte->second);
    rest.remove_prefix(unit.length);
  }
  return bytes;
}

std::string normalised(std::string_view text, Normaliser form) {
  if (form == Normaliser::kNone) return std::string(text);
  int options = UTF8PROC_STABLE;
  options |= form == Normaliser::kNfc || form == Normaliser::kNfkc ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
  if (form == Normaliser::kNfkc || form == Normaliser::kNfkd) options |= UTF8PROC_COMPAT;
  utf8proc_uint8_t* result = nullptr;
  const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                   static_cast<utf8proc_ssize_t>(text.size()), &result,
                                   static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owner(result, std::free);
  if (length < 0) throw std::runtime_error(std::string("tokenizer: normalising: ") + utf8proc_errmsg(length));
  return {reinterpret_cast<const char*>(result), static_cast<std::size_t>(length)};
}

bool is_space_at_end(std::string_view text, std::size_t& length) {
  std::size_t begin = text.size();
  while (begin > 0 && text.size() - begin < 4) {
    --begin;
    if ((static_cast<unsigned char>(text[begin]) & 0xC0) != 0x80) break;
  }
  if (begin == text.size()) return false;
  length = text.size() - begin;
  const std::int32_t c = next_utf8(text.substr(begin)).codepoint;
  const auto category = utf8proc_category(c);
  return (c >= 9 && c <= 13) || c == 0x85 || category == UTF8PROC_CATEGORY_ZS ||
         category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

// A text put together from parts, and which of its stretches may hold added tokens.
struct Joined {
  std::string text;
  std::vector<std::pair<std::size_t, std::size_t>> trusted;  // [begin, end), ascending, neighbours joined
};

Joined join(std::span<const TextPart> parts) {
  Joined joined;
  for (const TextPart& part : parts) {
    const std::size_t begin = joined.text.size();
    append_valid_utf8(part.text, false, joined.text);
    if (!part.parse_special || joined.text.size() == begin) continue;
    if (!joined.trusted.empty() && joined.trusted.back().second == begin) {
      joined.trusted.back().second = joined.text.size();
    } else {
      joined.trusted.emplace_back(begin, joined.text.size());
    }
  }
  return joined;
}

}  // namespace

struct Tokenizer::Impl {
  TokenizerFile file;
  PreTokenizer words;
  Bpe bpe;
  std::vector<std::string> bytes;                                 // by id
  std::vector<bool> special;                                      // by id
  std::array<std::vector<std::size_t>, 256> added_by_first_byte;  // indices into file.added, longest first

  static Bpe make_bpe(const TokenizerFile& file);
  explicit Impl(TokenizerFile parsed);

  const AddedToken* match_added(std::string_view text) const;
  void encode_plain(std::string_view text, Bpe::Scratch& scratch, std::vector<TokenId>& out) const;
  std::vector<TokenId> encode(const Joined& joined) const;
};

Bpe Tokenizer::Impl::make_bpe(const TokenizerFile& file) {
  Bpe::Options options;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    std::string symbol;
    append_utf8(byte_symbols()[byte], symbol);
    const auto position = file.ids.find(symbol);
    options.byte_ids[byte] = position == file.ids.end() ? -1 : position->second;
  }
  options.unknown = file.unknown;
  options.fuse_unknown = file.fuse_unknown;
  return {options, file.merges};
}

Tokenizer::Impl::Impl(TokenizerFile parsed)
    : file(std::move(parsed)),
      words(file.splits, file.add_prefix_space),
      bpe(make_bpe(file)),
      special(file.spellings.size()) {
  std::unordered_map<std::int32_t, char> symbol_bytes;
  for (std::size_t byte = 0; byte < 256; ++byte) symbol_bytes[byte_symbols()[byte]] = static_cast<char>(byte);
  bytes.reserve(file.spellings.size());
  for (const std::string& spelling : file.spellings) bytes.push_back(bytes_of(spelling, symbol_bytes));
  for (std::size_t i = 0; i < file.added.size(); ++i) {
    const AddedToken& token = file.added[i];
    if (token.special) special[static_cast<std::size_t>(token.id)] = true;
    added_by_first_byte[static_cast<unsigned char>(token.content[0])].push_back(i);
  }
  for (auto& candidates : added_by_first_byte) {
    std::stable_sort(candidates.begin(), candidates.end(), [this](std::size_t a, std::size_t b) {
      return file.added[a].content.size() > file.added[b].content.size();
    });
  }
}

// The longest added token that `text` begins with; null for none.
const AddedToken* Tokenizer::Impl::match_added(std::string_view text) const {
  for (const std::size_t index : added_by_first_byte[static_cast<unsigned char>(text[0])]) {
    if (text.starts_with(file.added[index].content)) return &file.added[index];
  }
  return nullptr;
}

void Tokenizer::Impl::encode_plain(std::string_view text, Bpe::Scratch& scratch,
                                   std::vector<TokenId>& out) const {
  if (text.empty()) return;
  const std::string form =
      file.normaliser == Normaliser::kNone ? std::string() : normalised(text, file.normaliser);
  words.split(file.normaliser == Normaliser::kNone ? text : std::string_view(form),
              [&](std::string_view word) {
                if (file.ignore_merges) {
                  std::string spelling;
                  for (const char c : word)
                    append_utf8(byte_symbols()[static_cast<unsigned char>(c)], spelling);
                  if (const auto whole = file.ids.find(spelling); whole != file.ids.end())
                    return out.push_back(whole->second);
                }
                bpe.encode(word, scratch, out);
              });
}

std::vector<TokenId> Tokenizer::Impl::encode(const Joined& joined) const {
  const std::string_view text = joined.text;
  Bpe::Scratch scratch;
  std::vector<TokenId> out;
  std::size_t done = 0;
  for (const auto& [begin, end] : joined.trusted) {
    for (std::size_t at = std::max(begin, done); at < end;) {
      const AddedToken* token = match_added(text.substr(at, end - at));
      if (token == nullptr) {
        ++at;
        continue;
      }
      std::string_view before = text.substr(done, at - done);
      std::size_t space = 0;
      while (token->strip_left && is_space_at_end(before, space)) before.remove_suffix(space);
      encode_plain(before, scratch, out);
      out.push_back(token->id);
      at += token->content.size();
      if (token->strip_right) {
        while (at < text.size() && is_space_at_end(text.substr(at, next_utf8(text.substr(at)).length), space))
          at += space;
      }
      done = at;
    }
  }
  encode_plain(text.substr(std::min(done, text.size())), scratch, out);
  return out;
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::load(const std::filesystem::path& folder_or_file) {
  const auto file =
      std::filesystem::is_directory(folder_or_file) ? folder_or_file / "tokenizer.json" : folder_or_file;
  return parse(weights::read_text_file(file), file.string());
}

Tokenizer Tokenizer::parse(std::string_view json, const std::string& name) {
  TokenizerFile file = parse_tokenizer_file(json, name);
  try {
    return Tokenizer(std::make_unique<const Impl>(std::move(file)));
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error(name + ": pre_tokenizer: " + error.what());
  }
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, bool parse_special) const {
  const TextPart part{text, parse_special};
  return impl_->encode(join({&part, 1}));
}

std::vector<TokenId> Tokenizer::encode(std::span<const TextPart> parts) const {
  return impl_->encode(join(parts));
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  std::string raw;
  for (const TokenId id : ids) {
    if (!skip_special || !is_special(id)) raw += bytes(id);
  }
  std::string text;
  append_valid_utf8(raw, false, text);
  return text;
}

std::string_view Tokenizer::bytes(TokenId id) const {
  return id >= 0 && id < size() ? impl_->bytes[static_cast<std::size_t>(id)] : std::string_view();
}

std::optional<TokenId> Tokenizer::find(std::string_view token) const {
  const auto position = impl_->file.ids.find(std::string(token));
  if (position == impl_->file.ids.end()) return std::nullopt;
  return position->second;
}

std::string_view Tokenizer::spelling(TokenId id) const {
  return id >= 0 && id < size() ? impl_->file.spellings[static_cast<std::size_t>(id)] : std::string_view();
}

bool Tokenizer::is_special(TokenId id) const {
  return id >= 0 && id < size() && impl_->special[static_cast<std::size_t>(id)];
}

TokenId Tokenizer::size() const {
  return static_cast<TokenId>(impl_->file.spellings.size());
}

std::string_view Detokenizer::push(TokenId id) {
  ready_.clear();
  if (skip_special_ && tokenizer_->is_special(id)) return ready_;
  pending_ += tokenizer_->bytes(id);
  pending_.erase(0, append_valid_utf8(pending_, true, ready_));
  return ready_;
}

std::string_view Detokenizer::finish() {
  ready_.clear();
  append_valid_utf8(pending_, false, ready_);
  pending_.clear();
  return ready_;
}

}  // namespace vedette::models::text
