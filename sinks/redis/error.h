#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace vedette::sinks::redis {

// What Redis, or the way to it, has against a command. Bounded: a label of the metrics.
enum class ErrorClass : std::uint8_t {
  kConnection,     // refused, reset, closed, name not found
  kTimeout,        // no reply in time
  kAuth,           // NOAUTH, WRONGPASS, NOPERM
  kLoading,        // LOADING, MASTERDOWN, CLUSTERDOWN, TRYAGAIN, BUSY: comes back by itself
  kOutOfMemory,    // OOM
  kReadOnly,       // READONLY: a replica
  kMisconfigured,  // MISCONF: cannot persist
  kWrongType,      // WRONGTYPE: somebody else uses the key
  kNoGroup,        // NOGROUP: the consumer group went away
  kOther,
};
constexpr std::size_t kErrorClasses = 10;

const char* to_string(ErrorClass error);  // "connection", "timeout", "auth", ...

// By the first word of an error reply, as Redis 7 writes it.
ErrorClass classify(std::string_view error_reply);

// True when the same command may succeed later, for all keys alike.
bool passes_by_itself(ErrorClass error);

struct Error {
  ErrorClass error = ErrorClass::kConnection;
  std::string text;
};

}  // namespace vedette::sinks::redis
