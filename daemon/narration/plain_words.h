#pragma once

#include <string>
#include <string_view>

namespace vedette::daemon::narration {

// "How many People?" -> "how many people"; "Is it true that X? Answer yes or no." -> "is it true that x".
std::string plain_words(std::string_view text);

// Which kind a word names, as the heads of the encoder call it: "people" -> "person", "objects" -> "thing";
// "" for what no head names.
std::string kind_of(const std::string& word);

}  // namespace vedette::daemon::narration
