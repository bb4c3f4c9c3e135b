#include "daemon/files/manifest.h"

#include <algorithm>
#include <cctype>
#include <istream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace vedette::daemon::files {

namespace {

using nlohmann::json;

constexpr std::int64_t kLatestMs = std::int64_t{1000} * 3600 * 24 * 365;
constexpr std::size_t kMostText = 2048;  // of a question, as Redis takes it

[[noreturn]] void refuse(const char* key, const std::string& expected, const json& got) {
  std::string text = got.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 60) + "...";
  throw std::runtime_error(std::string(key) + ": expected " + expected + ", received " +
                           (got.is_null() ? "nothing" : text));
}

const json& value_of(const json& object, const char* key) {
  static const json none;
  const auto found = object.find(key);
  return found != object.end() ? *found : none;
}

std::string text_of(const json& object, const char* key) {
  const json& value = value_of(object, key);
  const bool good = value.is_string() && !value.get_ref<const std::string&>().empty() &&
                    value.get_ref<const std::string&>().size() <= kMostText;
  if (!good) refuse(key, "a text of 1 to 2048 bytes", value);
  return value.get<std::string>();
}

std::chrono::milliseconds time_of(const json& object, const char* key) {
  const json& value = value_of(object, key);
  const bool good = value.is_number() && value.get<double>() >= 0.0 &&
                    value.get<double>() <= static_cast<double>(kLatestMs);
  if (!good) refuse(key, "milliseconds, at least 0", value);
  return std::chrono::milliseconds(static_cast<std::int64_t>(value.get<double>()));
}

// Empty when it is not there.
std::vector<std::string> texts_of(const json& object, const char* key) {
  const json& value = value_of(object, key);
  std::vector<std::string> texts;
  if (value.is_null()) return texts;
  if (!value.is_array()) refuse(key, "a list of texts", value);
  for (const json& one : value) {
    if (!one.is_string() || one.get_ref<const std::string&>().empty()) refuse(key, "a list of texts", value);
    texts.push_back(one.get<std::string>());
  }
  return texts;
}

EvalItem item_of(const std::string& line, const std::filesystem::path& folder) {
  const json object = json::parse(line, nullptr, false);
  if (!object.is_object()) throw std::runtime_error("expected a JSON object");
  EvalItem item;
  item.file = folder / text_of(object, "file");
  item.from = time_of(object, "from_ms");
  item.to = time_of(object, "to_ms");
  if (item.to <= item.from) refuse("to_ms", "more than from_ms", value_of(object, "to_ms"));
  item.slot = text_of(object, "slot");
  item.question = text_of(object, "question");
  item.expect = texts_of(object, "expect");
  item.reject = texts_of(object, "reject");
  if (item.expect.empty() && item.reject.empty())
    refuse("expect", "a list of texts", value_of(object, "expect"));
  return item;
}

bool is_digit(std::string_view text, std::size_t at) {
  return at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0;
}

// " word word " in lower case.
std::string words_of(std::string_view text) {
  std::string words = " ";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool in_number = byte == '.' && i > 0 && is_digit(text, i - 1) && is_digit(text, i + 1);
    if (std::isalnum(byte) != 0 || byte >= 0x80 || in_number) {
      words += static_cast<char>(std::tolower(byte));
    } else if (byte != '\'' && words.back() != ' ') {
      words += ' ';
    }
  }
  if (words.back() != ' ') words += ' ';
  return words;
}

}  // namespace

Manifest read_manifest(std::istream& in, const std::string& name, const std::filesystem::path& folder) {
  Manifest manifest;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      manifest.items.push_back(item_of(line, folder));
      manifest.items.back().line = number;
    } catch (const std::exception& error) {
      manifest.problems.push_back(name + ":" + std::to_string(number) + ": " + error.what());
    }
  }
  return manifest;
}

bool EvalItem::is_right(std::string_view answer) const {
  const auto stands = [&](const std::string& text) { return says(answer, text); };
  return (expect.empty() || std::ranges::any_of(expect, stands)) && std::ranges::none_of(reject, stands);
}

bool says(std::string_view answer, std::string_view wanted) {
  const std::string words = words_of(wanted);
  return words != " " && words_of(answer).find(words) != std::string::npos;
}

}  // namespace vedette::daemon::files
