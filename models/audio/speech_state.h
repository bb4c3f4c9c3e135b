#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/audio/hypothesis_caches.h"
#include "models/audio/speech_decoding.h"
#include "models/audio/speech_gates.h"
#include "models/audio/speech_model.h"
#include "models/audio/token_search.h"
#include "models/audio/word_alignment.h"
#include "models/layers/kv_pool.h"

namespace vedette::models::audio {

// The rows of one step of several windows, on their way through the decoder.
struct StepRows {
  std::vector<std::int32_t> tokens, positions;
  std::vector<backend::KvSlice> self, cross;
  std::vector<std::int32_t> scored;  // rows whose logits are wanted

  void clear();
};

// What SpeechDecoding does between its steps. A step is: fill_cross (the first one), collect, the forward
// pass over all windows' rows (show_layer meanwhile), take_logits, and advance.
class SpeechDecoding::State {
 public:
  State(backend::ComputeContext& context, const SpeechModel& model, const SpeechOptions& options);

  void start(const tensor::TensorView& features, std::chrono::nanoseconds audio_length,
             std::string_view previous_text);
  const SpeechOptions& options() const { return options_; }
  int live_rows() const;
  bool finished() const { return phase_ == Phase::kFinished; }
  bool aligning() const { return phase_ == Phase::kAlign; }
  const Transcript& transcript() const { return transcript_; }

  void fill_cross(backend::ComputeContext& context);
  // Appends this window's rows.
  void collect(StepRows& rows);
  // While aligning: the cross-attention queries of all rows of the batch.
  void show_layer(backend::ComputeContext& context, int layer, backend::Matrix q,
                  const backend::PagedKv& cross);
  // Raw logits of this window's scored rows, before they become log-probabilities.
  void take_logits(backend::Matrix logits);
  // The same rows as log-probabilities.
  void advance(backend::Matrix log_probabilities);

  int scored_rows() const { return scored_rows_; }

 private:
  enum class Phase { kIdle, kLanguage, kPrompt, kRetry, kDecode, kAlign, kFinished };

  void add_row(StepRows& rows, layers::KvSequence& sequence, std::span<const std::int32_t> tokens);
  void make_prompt();
  void take_language(std::span<const float> logits);
  void begin_attempt();
  void end_attempt();
  void conclude();
  void begin_alignment();
  void end_alignment();
  std::size_t start_length() const { return prompt_.size() - start_index_ - (options_.timestamps ? 0U : 1U); }

  const SpeechModel& model_;
  const WhisperTokens& tokens_;
  SpeechOptions options_;
  layers::KvPool cross_pool_, self_pool_;
  layers::KvSequence cross_;
  HypothesisCaches caches_;
  TokenSearch search_;
  CompressionGauge gauge_;
  WordAlignment alignment_;

  Phase phase_ = Phase::kIdle;
  tensor::TensorView features_;
  std::chrono::nanoseconds audio_length_{0};
  bool cross_filled_ = false;
  std::vector<std::int32_t> previous_;  // tokens of the previous text
  std::int32_t language_ = -1;          // token; -1: none
  std::string language_name_;
  std::vector<std::int32_t> prompt_;
  std::size_t start_index_ = 0;  // of the start token in the prompt
  int attempt_ = 0;
  int scored_rows_ = 0;
  std::int64_t first_row_ = 0;         // of this window in the batch
  std::vector<std::int32_t> aligned_;  // tokens of the alignment pass
  std::vector<std::int32_t> words_;    // text tokens of the attempt
  std::vector<float> word_log_probabilities_;
  std::string text_;
  Transcript transcript_;
};

}  // namespace vedette::models::audio
