#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace vedette::daemon::narration {

// "How many People?" -> "how many people"; "Is it true that X? Answer yes or no." -> "is it true that x".
std::string plain_words(std::string_view text);

// What a word of the table stands for; "" for others.
template <std::size_t kWords>
std::string meaning(const std::array<std::pair<std::string_view, std::string_view>, kWords>& table,
                    std::string_view word) {
  const auto* const found =
      std::ranges::find(table, word, &std::pair<std::string_view, std::string_view>::first);
  return found != table.end() ? std::string(found->second) : std::string();
}

// Which kind a word names, as the heads of the encoder call it: "people" -> "person", "objects" -> "thing";
// "" for what no head names.
std::string kind_of(const std::string& word);

}  // namespace vedette::daemon::narration
