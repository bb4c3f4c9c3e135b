#include "daemon/narration/whole_windows.h"

#include <algorithm>

namespace vedette::daemon::narration {

using models::audio::Transcript;
using std::chrono::nanoseconds;

namespace {

constexpr std::chrono::seconds kWorthHearing{2};  // a rest shorter than this is left as it is

// How much of the window is dealt with. Small models sometimes end the text at a pause, with speech behind
// it: what comes after the last segment is heard again.
nanoseconds settled_of(const Transcript& transcript, nanoseconds length) {
  if (transcript.settled.count() <= 0) return length;
  if (transcript.settled < length || transcript.segments.empty()) return std::min(transcript.settled, length);
  const nanoseconds end = transcript.segments.back().end;
  return end.count() > 0 && end + kWorthHearing <= length ? end : length;
}

}  // namespace

std::vector<TimedWord> WholeWindows::pass(const Transcript& transcript, nanoseconds start, nanoseconds end) {
  Transcript settled = transcript;
  // What begins later is heard again at the beginning of the next window.
  std::erase_if(settled.segments, [&](const auto& segment) { return segment.start >= transcript.settled; });
  cut_ = start + settled_of(transcript, end - start);
  return words_of(settled, start);
}

void WholeWindows::skip(nanoseconds end) {
  cut_ = std::max(cut_, end);
}

}  // namespace vedette::daemon::narration
