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
#include "models/runtime/statistics.h"

namespace vedette::models::runtime {

struct EncoderBatchingOptions {
  std::size_t most_windows = 4;                // of one batch
  std::chrono::milliseconds longest_wait{20};  // of a batch's first window for further ones
  std::size_t most_waiting = 64;               // windows; more are refused with an error
};

// Gathers windows of all streams into batches and has them encoded, on one thread of its own. Thread-safe.
class EncoderBatching final : public AudioEncoding {
 public:
  // Encodes the windows of a batch: as many results, in their order. What it throws fails the whole batch.
  using Encode =
      std::function<void(std::span<const AudioWindow> windows, std::span<tensor::Tensor> features)>;

  explicit EncoderBatching(Encode encode, const EncoderBatchingOptions& options = {});
  // Windows that still wait end with an error.
  ~EncoderBatching() override;

  void submit(AudioWindow window, std::function<void(EncodedAudio)> done) override;
  EncodingStatistics statistics() const override;

 private:
  struct Item {
    AudioWindow window;
    std::function<void(EncodedAudio)> done;
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

}  // namespace vedette::models::runtime
