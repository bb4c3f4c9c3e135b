#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "daemon/narration/words.h"
#include "tests/support/hearing_rig.h"

namespace vedette::tests {

namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::string spaced = text;
  std::replace(spaced.begin(), spaced.end(), '-', ' ');
  std::istringstream in(spaced);
  for (std::string word; in >> word;) {
    word = daemon::narration::normalised(word);
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

}  // namespace

double word_error_rate(const std::string& reference, const std::string& hypothesis) {
  const auto expected = words_of(reference);
  const auto received = words_of(hypothesis);
  std::vector<std::size_t> row(received.size() + 1);
  for (std::size_t j = 0; j <= received.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= expected.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= received.size(); ++j) {
      const std::size_t replaced = diagonal + (expected[i - 1] == received[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return expected.empty() ? 0.0 : static_cast<double>(row.back()) / static_cast<double>(expected.size());
}

}  // namespace vedette::tests
