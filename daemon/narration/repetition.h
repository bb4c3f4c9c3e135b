#pragma once

#include <string_view>

namespace vedette::daemon::narration {

// The text up to where it begins to say the same sentence again, as small models do.
std::string_view without_repetition(std::string_view text);

}  // namespace vedette::daemon::narration
