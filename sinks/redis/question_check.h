#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/question.h"

namespace vedette::sinks::redis {

// Limits of the contract, docs/redis.md.
constexpr std::size_t kQuestionIdBytes = 64;
constexpr std::size_t kQuestionTextBytes = 2048;
constexpr std::int64_t kQuestionAgeMs = 60'000;

// What a request says, or what is wrong with it.
struct CheckedQuestion {
  Question question;   // id and stream are set as far as they are fit to be repeated, else id is the entry's
  std::string reason;  // "" when the request is good; else a sentence for the asker
};

// Checks the fields and values (in turn) of one entry of `vedette:questions`. `age_ms` is that of the entry.
// Values may hold any bytes, and be cut off after kQuestionTextBytes + 1.
CheckedQuestion check_question(std::string_view entry_id, const std::vector<std::string_view>& fields,
                               std::int64_t now_ms, std::int64_t age_ms);

}  // namespace vedette::sinks::redis
