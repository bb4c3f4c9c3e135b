#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "models/runtime/image_encoding.h"
#include "models/tensor/tensor.h"
#include "signals/health.h"

namespace vedette::signals {
struct MotionEvent;
}

namespace vedette::daemon::streams {

// Sound of one window after the encoder, on its way into the stream's timeline. Windows of one epoch start
// where the settled time was when they were cut, and overlap. A window without features was gated: nothing
// sounds since the last encoded one, which no further pass follows, so what is tentative closes now. A start
// past the settled time without such a gap means that a full window (30 s) moved on: what was tentative
// before it closes too.
struct HeardWindow {
  base::MediaTime start;               // of the window's first sample
  std::chrono::nanoseconds length{0};  // true length
  models::tensor::Tensor features;     // [frames, hidden]; empty when the window was gated as silent
  float level_dbfs = -120.0F;          // RMS of the part that is new since the last window
  bool last = false;                   // the epoch ends here: commit what is left
};

// A sampled picture, after the encoder or held back by the change gate, on its way into the stream's
// timeline. Pictures of one epoch come in order of their time.
struct SeenFrame {
  base::MediaTime time;
  // Encoder and projector: [tokens, hidden of the LLM]. Empty: nothing changed since the last encoded picture
  // (change 0), there is no model that sees, or encoding failed.
  models::tensor::Tensor tokens;
  models::preprocess::TileGrid tiles;  // of the tokens: tiles row by row, then the whole; 0 x 0: that alone
  int tiles_left_out = 0;              // that the model's own processor would have cut besides
  std::vector<models::runtime::Sighting> sightings;  // the likeliest first; empty: the model has no heads
  models::runtime::ImageFrame picture;               // for evidence; without an owner: there is none
  float change = 1.0F;     // against the last encoded picture, 0 to 1; 0: the gate held it back
  std::uint32_t lost = 0;  // sampled pictures that were lost since the last one came: the encoder is behind
  bool last = false;       // the epoch ends here; the rest may be empty

  // What the encoder made of it.
  void take(models::runtime::EncodedImage encoded) {
    tokens = std::move(encoded.tokens);
    tiles = encoded.tiles;
    tiles_left_out = encoded.tiles_left_out;
    sightings = std::move(encoded.sightings);
  }
};

enum class StreamState : std::uint8_t {
  kStarting,
  kRunning,
  kReconnecting,
  kNoSignal,
  kStalled,
  kStopped,
  kRefused
};
const char* to_string(StreamState state);

struct StreamStatus {
  StreamState state = StreamState::kStarting;
  std::string reason;            // "auth", "refused", "no_audio", "eos", ... as the state hash shows it
  std::int64_t next_try_ms = 0;  // UTC of the next attempt; 0: none is planned
};

// What a source, live (streams/) or file (files/), hands to narration. One feed per stream; calls come one at
// a time from the stream's own threads and must not block. The implementation is narration; the tests have a
// recorder.
class Feed {
 public:
  virtual ~Feed() = default;
  // A new epoch, or a better clock for the running one.
  virtual void on_clock(const base::ClockMap& clock) = 0;
  virtual void on_heard(HeardWindow window) = 0;
  virtual void on_seen(SeenFrame frame) = 0;
  virtual void on_motion(const signals::MotionEvent& event) = 0;
  virtual void on_health(const signals::HealthEvent& event) = 0;
  virtual void on_status(const StreamStatus& status) = 0;
  // Sound before this time is settled; the window may start here. Asked by the source before it makes its
  // next window.
  virtual base::MediaTime committed_until() const = 0;
  // Windows handed over are still being worked on. Asked by a source that runs as fast as it can, before it
  // goes on.
  virtual bool busy() const { return false; }
};

}  // namespace vedette::daemon::streams
