#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string_view>

#include "models/audio/speech_options.h"
#include "models/audio/transcript.h"
#include "models/tensor/tensor.h"

namespace vedette::models::backend {
class Context;
}

namespace vedette::models::audio {

class SpeechModel;

// One window on its way from encoder features to a transcript: cross-attention keys and values, the hypotheses with
// their self-attention caches, the fallback temperatures, and at last the alignment of words. Sized at construction and
// reused for window after window; start() and the steps allocate nothing (but for the transcript's own strings).
// Not thread-safe: it belongs to whoever steps it. The model must outlive it.
class SpeechDecoding {
 public:
  SpeechDecoding(const SpeechModel& model, SpeechOptions options);
  ~SpeechDecoding();
  SpeechDecoding(SpeechDecoding&&) noexcept;
  SpeechDecoding& operator=(SpeechDecoding&&) noexcept;

  // Begins a window, whatever became of the one before. `features` is [frames, hidden] as the encoder gave them and is
  // copied by the first step (keep it until then). `audio_length` is the window's length before padding.
  // `previous_text` is what was said before ("" for none). Throws: std::invalid_argument for a wrong shape.
  void start(const tensor::TensorView& features, std::chrono::nanoseconds audio_length, std::string_view previous_text);

  const SpeechOptions& options() const;
  bool finished() const;
  // What was said. Requires: finished().
  const Transcript& transcript() const;

 private:
  friend class SpeechBatch;
  struct State;
  std::unique_ptr<State> state_;
};

// Steps several windows together: their rows (prompt, beams, alignment: ragged) go through the decoder as one batch.
// Owns the activations of that forward. Not thread-safe.
class SpeechBatch {
 public:
  // `max_windows` windows of at most `max_beams` hypotheses may be stepped at once.
  SpeechBatch(const SpeechModel& model, int max_windows, int max_beams);
  ~SpeechBatch();

  // One step of every window that is not finished: its next tokens, a retry, or its word times.
  // Requires: at most max_windows windows, all made for this model and started.
  void step(backend::Context& context, std::span<SpeechDecoding* const> windows);

 private:
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace vedette::models::audio
