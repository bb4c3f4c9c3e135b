#pragma once

#include <exception>
#include <string>

namespace vedette::test {

// The message of what `action` throws; "nothing was thrown" when it does not.
template <class Action>
std::string thrown_message(Action&& action) {
  try {
    action();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace vedette::test
