#pragma once

#include <string>

namespace vedette::daemon::http {

// True for 127.0.0.0/8, ::1 and localhost.
bool is_loopback(const std::string& host);

}  // namespace vedette::daemon::http
