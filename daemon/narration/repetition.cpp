#include "daemon/narration/repetition.h"

#include <set>
#include <string>

namespace vedette::daemon::narration {

namespace {

constexpr std::size_t kShortestRepeated = 8;  // letters; "No. No." may stand

// Letters and digits only, in lower case.
std::string normalised_sentence(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z') {
      result += static_cast<char>(c - 'A' + 'a');
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               (static_cast<unsigned char>(c) & 0x80U) != 0) {
      result += c;
    }
  }
  return result;
}

}  // namespace

std::string_view without_repetition(std::string_view text) {
  std::set<std::string> said;
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = text.find_first_of(".!?\n", begin);
    if (end == std::string_view::npos) return text;  // an unfinished sentence: nothing to compare yet
    const std::string sentence = normalised_sentence(text.substr(begin, end - begin));
    if (sentence.size() >= kShortestRepeated && !said.insert(sentence).second) return text.substr(0, begin);
    begin = end + 1;
  }
  return text;
}

}  // namespace vedette::daemon::narration
