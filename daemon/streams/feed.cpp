#include "daemon/streams/feed.h"

namespace vedette::daemon::streams {

const char* to_string(StreamState state) {
  switch (state) {
    case StreamState::kStarting: return "starting";
    case StreamState::kRunning: return "running";
    case StreamState::kReconnecting: return "reconnecting";
    case StreamState::kNoSignal: return "no_signal";
    case StreamState::kStalled: return "stalled";
    case StreamState::kStopped: return "stopped";
    case StreamState::kRefused: return "refused";
  }
  return "unknown";
}

}  // namespace vedette::daemon::streams
