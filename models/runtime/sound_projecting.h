#pragma once

#include <cstdint>

#include "models/tensor/tensor.h"

namespace vedette::models::runtime {

// Makes rows of the language model's prompt out of what a speech model's encoder made of a sound: the sound
// projector. Thread-safe. Narration's tests have a fake.
class SoundProjecting {
 public:
  virtual ~SoundProjecting() = default;
  // Of states [first, first + count) of `states`, [frames, width] f32 or bf16 as AudioEncoding gives them:
  // [rows, hidden of the LLM] f32, some rows a second, of the first seconds only where it is long. Throws:
  // std::invalid_argument for another width or states that are not there.
  virtual tensor::Tensor project(const tensor::TensorView& states, std::int64_t first,
                                 std::int64_t count) = 0;
};

}  // namespace vedette::models::runtime
