#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace vedette::sinks {

// News about one stream for its state hash. What is empty stays as it was.
struct StateUpdate {
  std::string stream;
  std::optional<std::string> state;           // "starting", "running", "reconnecting", ...
  std::optional<std::string> reason;          // "auth", "refused", "no_audio", ...; "" for none
  std::optional<std::int64_t> next_try_ms;    // UTC; 0: none is planned
  std::optional<double> fps;                  // frames per second that arrive
  std::optional<std::int64_t> last_frame_ms;  // UTC of the newest frame or audio window
  std::optional<std::string> last_text;       // newest caption or words
  std::optional<std::int64_t> last_text_ms;   // UTC of its end
  std::optional<std::string> clock;           // "rtcp", "receive", "file"
  std::optional<std::int64_t> clock_error_ms;
  std::optional<int> shed_level;           // 0: nothing is shed
  std::optional<std::string> shed_reason;  // what is left out, in words; "" for nothing
};

}  // namespace vedette::sinks
