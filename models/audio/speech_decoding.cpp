#include "models/audio/speech_decoding.h"

#include <cstring>

#include "models/audio/speech_state.h"
#include "models/ops/rows.h"

namespace vedette::models::audio {

using backend::ComputeContext;
using backend::Matrix;

SpeechDecoding::SpeechDecoding(ComputeContext& context, const SpeechModel& model,
                               const SpeechOptions& options)
    : state_(std::make_unique<State>(context, model, options)) {}
SpeechDecoding::~SpeechDecoding() = default;
SpeechDecoding::SpeechDecoding(SpeechDecoding&&) noexcept = default;
SpeechDecoding& SpeechDecoding::operator=(SpeechDecoding&&) noexcept = default;

void SpeechDecoding::start(const tensor::TensorView& features, std::chrono::nanoseconds audio_length,
                           std::string_view previous_text) {
  state_->start(features, audio_length, previous_text);
}

const SpeechOptions& SpeechDecoding::options() const {
  return state_->options();
}
int SpeechDecoding::live_rows() const {
  return state_->live_rows();
}
bool SpeechDecoding::finished() const {
  return state_->finished();
}
const Transcript& SpeechDecoding::transcript() const {
  return state_->transcript();
}

struct SpeechBatch::Buffers {
  const SpeechModel& model;
  StepRows rows;
  std::vector<SpeechDecoding::State*> states;
  std::vector<Matrix> own;  // each window's rows of the logits
};

SpeechBatch::SpeechBatch(const SpeechModel& model)
    : buffers_(std::make_unique<Buffers>(Buffers{model, StepRows{}, {}, {}})) {}
SpeechBatch::~SpeechBatch() = default;

void SpeechBatch::step(ComputeContext& context, std::span<SpeechDecoding* const> windows) {
  auto& [model, rows, states, own] = *buffers_;
  rows.clear();
  states.clear();
  own.clear();
  bool aligning = false;
  for (SpeechDecoding* window : windows) {
    if (window->finished()) continue;
    SpeechDecoding::State& state = *window->state_;
    state.fill_cross(context);
    state.collect(rows);
    aligning = aligning || state.aligning();
    states.push_back(&state);
  }
  if (rows.tokens.empty()) return;

  const backend::ScratchScope scope(context.scratch());
  const std::int64_t hidden = model.config().sizes.hidden;
  const Matrix h = context.matrix(static_cast<std::int64_t>(rows.tokens.size()), hidden);
  const DecoderRows batch{rows.tokens, rows.positions, rows.self, rows.cross};
  if (aligning) {
    const auto show = [&](int layer, Matrix q, const backend::PagedKv& cross) {
      for (SpeechDecoding::State* state : states) {
        if (state->aligning()) state->show_layer(context, layer, q, cross);
      }
    };
    model.decoder().forward(context, batch, show, h);
  } else {
    model.decoder().forward(context, batch, h);
  }

  const auto scored = static_cast<std::int64_t>(rows.scored.size());
  Matrix logits;
  if (scored > 0) {
    const Matrix last = context.matrix(scored, hidden);
    for (std::int64_t i = 0; i < scored; ++i) {
      std::memcpy(last.row(i), h.row(rows.scored[static_cast<std::size_t>(i)]),
                  static_cast<std::size_t>(hidden) * sizeof(float));
    }
    logits = context.matrix(scored, model.config().sizes.vocabulary);
    model.decoder().logits(context, last, logits);
    context.synchronize();
  }
  // Windows know nothing of one another: each works through its own rows on whatever thread is free.
  std::int64_t first = 0;
  for (SpeechDecoding::State* state : states) {
    own.push_back(state->scored_rows() > 0 ? logits.row_range(first, state->scored_rows()) : Matrix());
    first += state->scored_rows();
  }
  const auto windows_left = static_cast<std::int64_t>(states.size());
  context.parallel_for(windows_left, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      if (!own[i].empty()) states[i]->take_logits(own[i]);
    }
  });
  if (scored > 0) ops::log_softmax(context, logits, logits);
  context.parallel_for(windows_left, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
      states[i]->advance(own[i]);
  });
}

}  // namespace vedette::models::audio
