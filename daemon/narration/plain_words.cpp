#include "daemon/narration/plain_words.h"

#include <cctype>

namespace vedette::daemon::narration {

std::string plain_words(std::string_view text) {
  std::string words;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) {
      words += static_cast<char>(std::tolower(byte));
    } else if (c != '\'' && !words.empty() && words.back() != ' ') {
      words += ' ';
    }
  }
  if (words.ends_with(' ')) words.pop_back();
  constexpr std::string_view kAsked = " answer yes or no";
  if (words.ends_with(kAsked)) words.resize(words.size() - kAsked.size());
  return words;
}

std::string kind_of(const std::string& word) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 18> kKinds{{
      {"person", "person"},
      {"people", "person"},
      {"persons", "person"},
      {"somebody", "person"},
      {"someone", "person"},
      {"anybody", "person"},
      {"anyone", "person"},
      {"nobody", "person"},
      {"vehicle", "vehicle"},
      {"vehicles", "vehicle"},
      {"animal", "animal"},
      {"animals", "animal"},
      {"thing", "thing"},
      {"things", "thing"},
      {"something", "thing"},
      {"anything", "thing"},
      {"nothing", "thing"},
      {"objects", "thing"},
  }};
  return meaning(kKinds, word);
}

}  // namespace vedette::daemon::narration
