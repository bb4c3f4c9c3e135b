#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/narration/timeline.h"

namespace vedette::daemon::narration {

// Answers a plain question from the facts alone: how many there are, whether there is one, where it is, its
// colour, what moved, how the picture is, which sounds there were, what was said. A small language model that
// was not taught to read facts gets these wrong; what was measured is no better for being retold. Facts in
// order of their start. Nothing where the question is another, or is about what nobody looked for.
std::optional<std::string> plain_answer(std::string_view question, const std::vector<Fact>& facts);

}  // namespace vedette::daemon::narration
