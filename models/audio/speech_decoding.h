#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string_view>

#include "models/audio/speech_options.h"
#include "models/audio/transcript.h"
#include "models/tensor/tensor.h"

namespace vedette::models::backend {
class ComputeContext;
}

namespace vedette::models::audio {

class SpeechModel;

// One window on its way from encoder features to a transcript: cross-attention keys and values, the
// hypotheses with their self-attention caches, the fallback temperatures, and at last the alignment of words.
// Sized at construction and reused for window after window; its steps allocate nothing but the transcript's
// own strings and lists. Not thread-safe: it belongs to whoever steps it. The model must outlive it.
class SpeechDecoding {
 public:
  SpeechDecoding(backend::ComputeContext& context, const SpeechModel& model, const SpeechOptions& options);
  ~SpeechDecoding();
  SpeechDecoding(SpeechDecoding&&) noexcept;
  SpeechDecoding& operator=(SpeechDecoding&&) noexcept;

  // Begins a window, whatever became of the one before. `features` is [frames, hidden] f32 as the encoder
  // gave them and is read by the first step (it must live until then). `audio_length` is the window's length
  // before padding. `previous_text` is what was said before ("" for none). Throws: std::invalid_argument for
  // a wrong shape.
  void start(const tensor::TensorView& features, std::chrono::nanoseconds audio_length,
             std::string_view previous_text);

  const SpeechOptions& options() const;
  // The hypotheses that the next step runs; what a batch costs.
  int live_rows() const;
  bool finished() const;
  // What was said. Requires: finished(). Lives until the next start().
  const Transcript& transcript() const;

 private:
  friend class SpeechBatch;
  class State;
  std::unique_ptr<State> state_;
};

// Steps several windows together: their rows (prompt, hypotheses, alignment: ragged) go through the decoder
// as one batch. Not thread-safe.
class SpeechBatch {
 public:
  explicit SpeechBatch(const SpeechModel& model);
  ~SpeechBatch();

  // One step of every window that is not finished: its next tokens, a retry, or its word times.
  // Requires: all were made for this model, and started.
  void step(backend::ComputeContext& context, std::span<SpeechDecoding* const> windows);

 private:
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace vedette::models::audio
