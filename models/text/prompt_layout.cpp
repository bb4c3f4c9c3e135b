#include "models/text/prompt_layout.h"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

#include "models/weights/file_map.h"

namespace vedette::models::text {

namespace {

using nlohmann::json;

constexpr std::size_t kMostBytes = 4096;  // of one text
constexpr std::size_t kMostWords = 1000;  // of one list
constexpr int kMostNumber = 100'000;

struct Text {
  const char* key;
  std::string PromptLayout::*member;
  const char* needs;  // a placeholder that must stand in it once; "" for none
};
constexpr Text kTexts[] = {
    {"system", &PromptLayout::system, ""},
    {"frame", &PromptLayout::frame, "{frame}"},
    {"heard", &PromptLayout::heard, "{text}"},
    {"seen", &PromptLayout::seen, "{text}"},
    {"moved", &PromptLayout::moved, "{text}"},
    {"sounded", &PromptLayout::sounded, "{text}"},
    {"condition", &PromptLayout::condition, "{text}"},
    {"question", &PromptLayout::question, "{text}"},
    {"check", &PromptLayout::check, "{text}"},
};
struct List {
  const char* key;
  std::vector<std::string> PromptLayout::*member;
  bool may_be_empty;
};
constexpr List kLists[] = {{"yes", &PromptLayout::yes, false},
                           {"no", &PromptLayout::no, false},
                           {"classes", &PromptLayout::classes, true}};
struct Number {
  const char* key;
  int PromptLayout::*member;
};
constexpr Number kNumbers[] = {{"pictures", &PromptLayout::pictures},
                               {"sounds", &PromptLayout::sounds},
                               {"seconds", &PromptLayout::seconds}};

[[noreturn]] void fail(const std::string& name, const std::string& key, const std::string& expected) {
  throw std::runtime_error(name + ": " + key + ": expected " + expected);
}

void read_text(const json& value, const Text& text, PromptLayout& layout, const std::string& name) {
  if (!value.is_string() || value.get_ref<const std::string&>().size() > kMostBytes) {
    fail(name, text.key, "a text of at most " + std::to_string(kMostBytes) + " bytes");
  }
  std::string read = value.get<std::string>();
  const std::string needs = text.needs;
  const auto at = read.find(needs);
  if (!needs.empty() && (at == std::string::npos || read.find(needs, at + 1) != std::string::npos)) {
    fail(name, text.key, "a text with " + needs + " in it once");
  }
  if (read.find("{sound}") != read.rfind("{sound}")) fail(name, text.key, "{sound} at most once");
  layout.*text.member = std::move(read);
}

std::vector<std::string> words_of(const json& value, const std::string& key, const std::string& name) {
  if (!value.is_array() || value.size() > kMostWords) fail(name, key, "a list of words");
  std::vector<std::string> words;
  for (const json& word : value) {
    if (!word.is_string() || word.get_ref<const std::string&>().empty()) fail(name, key, "a list of words");
    words.push_back(word.get<std::string>());
  }
  return words;
}

void read_number(const json& value, const Number& number, PromptLayout& layout, const std::string& name) {
  const bool fits = value.is_number_integer() && value >= 1 && value <= kMostNumber;
  if (!fits) fail(name, number.key, "a whole number from 1 to " + std::to_string(kMostNumber));
  layout.*number.member = value.get<int>();
}

}  // namespace

PromptLayout PromptLayout::parse(std::string_view text, const std::string& name) {
  const json root = json::parse(text, nullptr, false);
  if (!root.is_object()) throw std::runtime_error(name + ": expected a JSON object");
  PromptLayout layout;
  for (const auto& [key, value] : root.items()) {
    bool known = false;
    for (const Text& one : kTexts) {
      if (key != one.key) continue;
      read_text(value, one, layout, name);
      known = true;
    }
    for (const List& one : kLists) {
      if (key != one.key) continue;
      layout.*one.member = words_of(value, key, name);
      if (!one.may_be_empty && (layout.*one.member).empty()) fail(name, key, "a list of words");
      known = true;
    }
    for (const Number& one : kNumbers) {
      if (key != one.key) continue;
      read_number(value, one, layout, name);
      known = true;
    }
    if (key == "answers" || key == "narrates") {
      if (!value.is_boolean()) fail(name, key, "true or false");
      (key == "answers" ? layout.answers : layout.narrates) = value.get<bool>();
      known = true;
    }
    if (!known) throw std::runtime_error(name + ": unknown key \"" + key + "\"");
  }
  return layout;
}

PromptLayout PromptLayout::load(const std::filesystem::path& folder) {
  const auto file = folder / "prompt_layout.json";
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return {};
  return parse(weights::read_text_file(file), file.string());
}

std::string fill(std::string_view pattern,
                 std::initializer_list<std::pair<std::string_view, std::string_view>> values) {
  std::string out;
  while (!pattern.empty()) {
    const std::size_t open = pattern.find('{');
    out += pattern.substr(0, open);
    if (open == std::string_view::npos) break;
    pattern.remove_prefix(open);
    const std::size_t close = pattern.find('}');
    const std::string_view name = close == std::string_view::npos ? "" : pattern.substr(1, close - 1);
    bool known = false;
    for (const auto& [key, value] : values) {
      if (name.empty() || key != name) continue;
      out += value;
      known = true;
      break;
    }
    pattern.remove_prefix(known ? close + 1 : 1);
    if (!known) out += '{';
  }
  return out;
}

}  // namespace vedette::models::text
