#pragma once

#include <exception>
#include <string>

namespace vedette::daemon::narration {

// The words of an error that crossed threads; "unknown error" when it has none.
std::string message_of(const std::exception_ptr& error);

}  // namespace vedette::daemon::narration
