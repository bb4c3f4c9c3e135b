#include "sinks/redis/error.h"

#include <utility>

namespace vedette::sinks::redis {

const char* to_string(ErrorClass error) {
  switch (error) {
    case ErrorClass::kConnection: return "connection";
    case ErrorClass::kTimeout: return "timeout";
    case ErrorClass::kAuth: return "auth";
    case ErrorClass::kLoading: return "loading";
    case ErrorClass::kOutOfMemory: return "out_of_memory";
    case ErrorClass::kReadOnly: return "read_only";
    case ErrorClass::kMisconfigured: return "misconfigured";
    case ErrorClass::kWrongType: return "wrong_type";
    case ErrorClass::kNoGroup: return "no_group";
    case ErrorClass::kOther: return "other";
  }
  return "other";
}

ErrorClass classify(std::string_view error_reply) {
  static constexpr std::pair<std::string_view, ErrorClass> kWords[] = {
      {"NOAUTH", ErrorClass::kAuth},           {"WRONGPASS", ErrorClass::kAuth},
      {"NOPERM", ErrorClass::kAuth},           {"LOADING", ErrorClass::kLoading},
      {"MASTERDOWN", ErrorClass::kLoading},    {"CLUSTERDOWN", ErrorClass::kLoading},
      {"TRYAGAIN", ErrorClass::kLoading},      {"BUSY", ErrorClass::kLoading},
      {"OOM", ErrorClass::kOutOfMemory},       {"READONLY", ErrorClass::kReadOnly},
      {"MISCONF", ErrorClass::kMisconfigured}, {"NOREPLICAS", ErrorClass::kMisconfigured},
      {"WRONGTYPE", ErrorClass::kWrongType},   {"NOGROUP", ErrorClass::kNoGroup},
  };
  if (!error_reply.empty() && error_reply.front() == '-') error_reply.remove_prefix(1);
  const std::string_view word = error_reply.substr(0, error_reply.find(' '));
  for (const auto& [name, error] : kWords) {
    if (word == name) return error;
  }
  // Redis has no code of its own for these (AUTH with a wrong password before ACLs, too many clients).
  if (error_reply.find("invalid password") != std::string_view::npos) return ErrorClass::kAuth;
  if (error_reply.find("max number of clients") != std::string_view::npos) return ErrorClass::kConnection;
  return ErrorClass::kOther;
}

bool passes_by_itself(ErrorClass error) {
  switch (error) {
    case ErrorClass::kWrongType:
    case ErrorClass::kNoGroup:
    case ErrorClass::kOther: return false;
    default: return true;
  }
}

}  // namespace vedette::sinks::redis
