#include "models/runtime/speech_lane.h"

#include <algorithm>

namespace vedette::models::runtime {

SpeechLane::SpeechLane(const audio::SpeechModel& model, backend::ComputeContext& context, std::size_t slots)
    : model_(model), context_(context), batch_(model), slots_(slots) {
  stepped_.reserve(slots);
}

bool SpeechLane::admit(SpeechJob& job) {
  const audio::SpeechOptions& options = job.request.options;
  // A free slot whose decoding fits, else one that has none yet, else any free one.
  Slot* best = nullptr;
  for (Slot& slot : slots_) {
    if (slot.taken) continue;
    const bool fits = slot.decoding && slot.decoding->options() == options;
    if (fits || best == nullptr || (!slot.decoding && best->decoding)) best = &slot;
    if (fits) break;
  }
  if (best == nullptr) return false;
  if (!best->decoding || !(best->decoding->options() == options))
    best->decoding.emplace(context_, model_, options);
  best->decoding->start(job.request.features, job.request.audio_length, job.request.previous_text);
  best->taken = true;
  job.slot = static_cast<std::size_t>(best - slots_.data());
  return true;
}

void SpeechLane::step(std::span<SpeechJob* const> jobs) {
  stepped_.clear();
  for (const SpeechJob* job : jobs) stepped_.push_back(&*slots_[job->slot].decoding);
  batch_.step(context_, stepped_);
  for (SpeechJob* job : jobs) {
    const audio::SpeechDecoding& decoding = *slots_[job->slot].decoding;
    if (!decoding.finished()) continue;
    job->result.transcript = decoding.transcript();
    job->result.reason = FinishReason::kStop;
    job->done = true;
  }
}

void SpeechLane::release(SpeechJob& job) {
  slots_[job.slot].taken = false;
}

}  // namespace vedette::models::runtime
