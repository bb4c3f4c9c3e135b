#pragma once

#include <span>
#include <string>
#include <string_view>

#include "daemon/settings/settings.h"

namespace vedette::daemon::settings {

// A value of the configuration as errors show it: in quotes, on one line, its beginning.
std::string in_quotes(std::string_view text);

// The one of `names` that `text` was probably meant to be; empty: none is near.
std::string nearest(std::string_view text, std::span<const std::string> names);

struct Expansion {
  std::string text;
  std::string problem;  // why there is no text; empty when there is
};
// Puts in the values of `${NAME}` and `${credential:NAME}`; `$${` stands for `${`.
Expansion expand_variables(const std::string& text, const Environment& environment);

}  // namespace vedette::daemon::settings
