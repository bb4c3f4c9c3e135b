#pragma once

#include <exception>
#include <functional>
#include <vector>

#include "models/runtime/statistics.h"
#include "models/tensor/tensor.h"

namespace vedette::models::runtime {

// A window of sound to encode. Samples are 16 kHz mono f32 in [-1, 1], at most 30 s.
struct AudioWindow {
  std::vector<float> samples;
};

// What became of it: features, or an error.
struct EncodedAudio {
  tensor::Tensor features;  // [frames, hidden] f32 or bf16: Whisper encoder output after the final layer norm
  std::exception_ptr error;  // set when encoding failed; features are then empty
};

// Encodes windows of all streams in shared batches. A batch closes when full or 20 ms after its first item.
// Thread-safe. Callbacks run on a worker of the runtime, in the order of submission per caller, and must not
// block. The element tests have a fake of this.
class AudioEncoding {
 public:
  virtual ~AudioEncoding() = default;
  virtual void submit(AudioWindow window, std::function<void(EncodedAudio)> done) = 0;
  virtual EncodingStatistics statistics() const { return {}; }
};

}  // namespace vedette::models::runtime
