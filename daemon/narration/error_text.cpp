#include "daemon/narration/error_text.h"

namespace vedette::daemon::narration {

std::string message_of(const std::exception_ptr& error) {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
  }
  return "unknown error";
}

}  // namespace vedette::daemon::narration
