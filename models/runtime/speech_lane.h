#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "models/audio/speech_decoding.h"
#include "models/audio/speech_model.h"
#include "models/backend/context.h"
#include "models/runtime/jobs.h"

namespace vedette::models::runtime {

// Whisper's decoder for the windows of all streams: every step carries all running windows on by one token
// (or a retry, or their word times). Decodings are made once per slot and used again while the options stay
// the same. Belongs to the engine's thread.
class SpeechLane final : public Lane<SpeechJob> {
 public:
  // All must outlive the lane.
  SpeechLane(const audio::SpeechModel& model, backend::ComputeContext& context, std::size_t slots = 8);

  std::size_t slots() const override { return slots_.size(); }
  bool admit(SpeechJob& job) override;
  void step(std::span<SpeechJob* const> jobs) override;
  void release(SpeechJob& job) override;

 private:
  struct Slot {
    std::optional<audio::SpeechDecoding> decoding;
    bool taken = false;
  };

  const audio::SpeechModel& model_;
  backend::ComputeContext& context_;
  audio::SpeechBatch batch_;
  std::vector<Slot> slots_;
  std::vector<audio::SpeechDecoding*> stepped_;
};

}  // namespace vedette::models::runtime
