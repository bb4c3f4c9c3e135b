#include "daemon/settings/setting_text.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <vector>

namespace vedette::daemon::settings {

namespace {

constexpr std::size_t kShownBytes = 60;

std::optional<std::string> credential(const Environment& environment, const std::string& name) {
  const auto folder = environment("CREDENTIALS_DIRECTORY");  // systemd.exec(5), LoadCredential=
  if (!folder || name.find('/') != name.npos) return std::nullopt;
  std::ifstream file(*folder + "/" + name, std::ios::binary);
  if (!file) return std::nullopt;
  std::string value(4096, '\0');
  file.read(value.data(), static_cast<std::streamsize>(value.size()));
  value.resize(static_cast<std::size_t>(file.gcount()));
  while (value.ends_with('\n') || value.ends_with('\r')) value.pop_back();
  return value;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  std::string shown(text.substr(0, kShownBytes));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return '"' + shown + (text.size() > kShownBytes ? "...\"" : "\"");
}

std::string nearest(std::string_view text, std::span<const std::string> names) {
  if (text.size() > 64) return {};
  std::string best;
  std::size_t best_distance = std::min<std::size_t>(3, text.size() / 3 + 1) + 1;
  for (const std::string& name : names) {
    std::vector<std::size_t> row(name.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (std::size_t i = 0; i < text.size(); ++i) {  // Levenshtein distance, row by row
      std::size_t diagonal = row[0];
      row[0] = i + 1;
      for (std::size_t j = 0; j < name.size(); ++j) {
        const std::size_t replaced = diagonal + (text[i] == name[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = name;
    }
  }
  return best;
}

Expansion expand_variables(const std::string& text, const Environment& environment) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text.compare(at, 3, "$${") == 0) {
      out += "${";
      at += 3;
      continue;
    }
    if (text.compare(at, 2, "${") != 0) {
      out += text[at++];
      continue;
    }
    const std::size_t end = text.find('}', at);
    if (end == text.npos) {
      return {{}, "\"${\" without \"}\"; write \"$${\" for the characters themselves"};
    }
    const std::string name = text.substr(at + 2, end - at - 2);
    const bool is_credential = name.starts_with("credential:");
    const auto value = is_credential ? credential(environment, name.substr(11)) : environment(name);
    if (!value) {
      return {{},
              is_credential ? "credential " + in_quotes(name.substr(11)) + " is not in $CREDENTIALS_DIRECTORY"
                            : "environment variable " + in_quotes(name) + " is not set"};
    }
    out += *value;
    at = end + 1;
  }
  return {std::move(out), {}};
}

}  // namespace vedette::daemon::settings
