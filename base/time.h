#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace vedette::base {

// A point of one stream's running time. Running time restarts with every epoch: a reconnect, a flush, a
// non-contiguous segment or a jump of more than 1 s begins a new one, and nothing (window, timeline, KV)
// spans two.
struct MediaTime {
  std::uint32_t epoch = 0;
  std::chrono::nanoseconds t{0};

  friend auto operator<=>(const MediaTime&, const MediaTime&) = default;
};

// How UTC was learned: from the camera (RTCP sender reports), from the moment of receipt, or from a file's
// own data.
enum class ClockSource : std::uint8_t { kRtcp, kReceive, kFile };

// Name as records carry it: "rtcp", "receive", "file".
constexpr const char* to_string(ClockSource source) {
  switch (source) {
    case ClockSource::kRtcp: return "rtcp";
    case ClockSource::kReceive: return "receive";
    case ClockSource::kFile: return "file";
  }
  return "receive";
}

// Turns the media time of one epoch into UTC, and says how far to trust it. A value: copied where a record is
// made.
struct ClockMap {
  std::uint32_t epoch = 0;
  std::chrono::nanoseconds utc_zero{0};  // UTC, since 1970, of running time zero
  std::chrono::nanoseconds error{0};     // half-width of the error bar
  ClockSource source = ClockSource::kReceive;
  double drift_ppm = 0.0;  // rate of the source's clock against UTC, parts per million

  std::chrono::nanoseconds utc(std::chrono::nanoseconds t) const {
    const auto drift = static_cast<std::int64_t>(static_cast<double>(t.count()) * drift_ppm * 1e-6);
    return utc_zero + t + std::chrono::nanoseconds{drift};
  }
  std::int64_t utc_ms(std::chrono::nanoseconds t) const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(utc(t)).count();
  }
};

// Milliseconds of UTC now, from the system clock.
inline std::int64_t utc_now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace vedette::base
