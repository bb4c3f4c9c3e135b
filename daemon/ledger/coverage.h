#pragma once

#include <cstddef>
#include <cstdint>

namespace vedette::daemon::ledger {

// What is known about one second of one stream's sound or picture.
enum class Coverage : std::uint8_t {
  kStarting,
  kAnalysed,
  kGated,
  kShed,
  kNoSignal,
  kDecodeError,
  kPaused,
  kDown
};
constexpr std::size_t kCoverageStates = 8;
const char* to_string(Coverage state);  // "starting", "analysed", ...

// As the history in Redis carries it (docs/redis.md).
char letter_of(Coverage state);
// kDown for what is no letter of a state: nobody wrote there.
Coverage coverage_of_letter(char letter);

enum class Modality : std::uint8_t { kAudio, kVideo };
const char* to_string(Modality modality);  // "audio", "video"

}  // namespace vedette::daemon::ledger
