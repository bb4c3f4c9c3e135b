#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vedette::daemon::http {

// `bytes` bytes that nobody can guess, in hexadecimal. Throws: std::runtime_error when the system has none.
std::string random_word(std::size_t bytes);

// Whether both are equal, in a time that tells nothing of where they differ; only the lengths show.
bool equal_secrets(std::string_view one, std::string_view other);

}  // namespace vedette::daemon::http
