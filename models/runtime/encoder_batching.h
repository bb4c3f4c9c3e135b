#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "models/runtime/audio_encoding.h"
#include "models/runtime/image_encoding.h"
#include "models/runtime/statistics.h"

namespace vedette::models::runtime {

struct EncoderBatchingOptions {
  std::size_t most_windows = 4;                // of one batch
  std::chrono::milliseconds longest_wait{20};  // of a batch's first window for further ones
  std::size_t most_waiting = 64;               // windows; more are refused with an error
  const char* thread = "encoder";              // name of its thread, at most 15 characters
};

// Gathers windows, or pictures, of all streams into batches and has them encoded, on one thread of its own.
// Thread-safe.
template <class Interface, class Input, class Output>
class EncoderBatching final : public Interface {
 public:
  // Encodes a batch: as many results, in their order. What it throws fails the whole batch; an error in a
  // result is that one's alone.
  using Encode = std::function<void(std::span<Input> inputs, std::span<Output> outputs)>;

  explicit EncoderBatching(Encode encode, const EncoderBatchingOptions& options = {});
  // What still waits ends with an error.
  ~EncoderBatching() override;

  void submit(Input input, std::function<void(Output)> done) override;
  EncodingStatistics statistics() const override;

 private:
  struct Item {
    Input input;
    std::function<void(Output)> done;
    std::chrono::steady_clock::time_point submitted;
    bool refused = false;
  };

  void run(std::stop_token stop);
  void encode(std::vector<Item>& batch);

  const Encode encode_;
  const EncoderBatchingOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Item> waiting_;
  std::size_t refused_waiting_ = 0;  // of them, those that only wait for their error
  EncodingStatistics statistics_;
  std::jthread thread_;  // last: it uses all of the above
};

extern template class EncoderBatching<AudioEncoding, AudioWindow, EncodedAudio>;
extern template class EncoderBatching<ImageEncoding, ImageFrame, EncodedImage>;
using AudioBatching = EncoderBatching<AudioEncoding, AudioWindow, EncodedAudio>;
using ImageBatching = EncoderBatching<ImageEncoding, ImageFrame, EncodedImage>;

}  // namespace vedette::models::runtime
