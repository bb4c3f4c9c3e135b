#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "models/audio/speech_options.h"
#include "models/audio/token_rules.h"
#include "models/audio/whisper_config.h"
#include "models/backend/backend.h"

namespace vedette::models::audio {

// The hypotheses of one window at one temperature: greedy, samples, or a beam. Knows scores and tokens but
// neither the network nor its caches; whoever runs those asks live() for the rows it needs. Sized at
// construction; advancing allocates nothing. Not thread-safe.
class TokenSearch {
 public:
  struct Live {
    int parent = 0;          // which live hypothesis of the step before this one goes on from
    std::int32_t token = 0;  // its last token: the next row
  };
  struct Result {
    std::span<const std::int32_t> tokens;      // end token included where there is one
    std::span<const float> log_probabilities;  // of each
    float score = 0.0F;  // what hypotheses are ranked by: mean, or by the length penalty
  };

  // `longest`: tokens that an attempt may have at most.
  TokenSearch(const WhisperTokens& tokens, const SpeechOptions& options, int longest);

  // Begins an attempt. One row of scores is then wanted: that of the prompt's last token.
  void begin(float temperature, int max_tokens);
  // Rows wanted for the next advance, one for each. After begin() a single one, whose token is the prompt's.
  std::span<const Live> live() const { return live_; }
  bool done() const { return live_.empty(); }

  // What must happen to the logits of live hypothesis `index` before they become log-probabilities.
  void prepare(int index, std::span<float> logits) const;
  // The log-probabilities of the live hypotheses, [live, vocabulary]; they are written to.
  void advance(backend::Matrix log_probabilities);

  // Requires: done(). Lives until the next begin().
  Result result() const;

 private:
  struct Hypothesis {
    std::vector<std::int32_t> tokens;
    std::vector<float> log_probabilities;
    float score = 0.0F;  // sum of the log-probabilities; once finished, what it is ranked by
    int row = 0;         // its place among the live ones; -1: finished
  };
  struct Candidate {
    float score = 0.0F;
    int parent = 0;
    std::int32_t token = 0;
    float log_probability = 0.0F;
  };

  bool beam_search() const { return temperature_ == 0.0F && options_.beams > 1; }
  bool ends(std::int32_t token, const Hypothesis& hypothesis) const;
  float ranked(float sum, std::size_t length) const;
  static void extend(const Hypothesis& parent, const Candidate& candidate, Hypothesis& child);

  void advance_samples(backend::Matrix rows);
  std::int32_t choose(std::span<float> row, float& log_probability);
  std::int32_t sample(std::span<const float> row);

  void advance_beam(backend::Matrix rows);
  void find_candidates(backend::Matrix rows);
  void keep_finished(const Candidate& candidate);

  const WhisperTokens& tokens_;
  SpeechOptions options_;
  TokenRules rules_;
  float temperature_ = 0.0F;
  std::size_t max_tokens_ = 0;
  std::mt19937_64 random_;
  std::vector<Live> live_, next_live_;
  // Samples: the hypotheses. Beam: those that go on, those being made, those that ended, best first.
  std::vector<Hypothesis> running_, next_, finished_;
  std::size_t running_count_ = 0, finished_count_ = 0;
  std::vector<Candidate> candidates_;
};

}  // namespace vedette::models::audio
