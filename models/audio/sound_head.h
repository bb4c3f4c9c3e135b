#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "models/tensor/tensor.h"

namespace vedette::models::audio {

// Names sounds from what a speech model's encoder makes of them: mean and deviation of a few seconds of
// encoder states, one linear layer, a softmax. Read from a folder with `config.json` (`model_type:
// pooled_linear`) and `model.safetensors`. Immutable; thread-safe.
class SoundHead {
 public:
  // Throws: std::runtime_error naming the file and what is wrong with it.
  static SoundHead load(const std::filesystem::path& folder);

  // How likely each class is in states [first, first + count) of `states`, [frames, width] f32 or bf16 as
  // AudioEncoding gives them. Throws: std::invalid_argument for another width or states that are not there.
  std::vector<float> probabilities(const tensor::TensorView& states, std::int64_t first,
                                   std::int64_t count) const;

  const std::vector<std::string>& classes() const { return classes_; }
  int states_per_second() const { return states_per_second_; }
  int span_states() const { return span_states_; }  // that it was trained on at a time
  int hop_states() const { return hop_states_; }    // between two of these
  float least() const { return least_; }            // probability from which the likeliest class is named

 private:
  SoundHead() = default;

  std::vector<std::string> classes_;
  int width_ = 0, states_per_second_ = 50, span_states_ = 150, hop_states_ = 50;
  float least_ = 0.5F, temperature_ = 1.0F;
  std::vector<float> weight_;  // [classes, 2 * width]: of the means, then of the deviations
  std::vector<float> bias_;    // [classes]
};

}  // namespace vedette::models::audio
