#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "models/runtime/audio_encoding.h"

namespace vedette::tests {

// An encoder without a model: features are [samples / 320, 4] of the window's first sample. It finishes
// windows on a thread of its own, in order; `hold` makes it wait.
class FakeAudioEncoding : public models::runtime::AudioEncoding {
 public:
  FakeAudioEncoding() : worker_([this] { work(); }) {}
  ~FakeAudioEncoding() override {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    worker_.join();
  }

  void submit(models::runtime::AudioWindow window,
              std::function<void(models::runtime::EncodedAudio)> done) override {
    {
      const std::lock_guard lock(mutex_);
      lengths_.push_back(window.samples.size());
      jobs_.push_back({std::move(window), std::move(done)});
    }
    changed_.notify_all();
  }

  // While true, windows wait in the encoder.
  void hold(bool holds) {
    {
      const std::lock_guard lock(mutex_);
      holds_ = holds;
    }
    changed_.notify_all();
  }
  // True once this many windows were submitted; gives up after 10 s.
  bool wait_submitted(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return lengths_.size() >= count; });
  }
  // Windows of this many samples fail with this text.
  void fail_at(std::size_t samples) {
    const std::lock_guard lock(mutex_);
    fails_at_ = samples;
  }
  // Lengths, in samples, of what was submitted so far.
  std::vector<std::size_t> lengths() const {
    const std::lock_guard lock(mutex_);
    return lengths_;
  }

 private:
  struct Job {
    models::runtime::AudioWindow window;
    std::function<void(models::runtime::EncodedAudio)> done;
  };

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopped_ || (!holds_ && !jobs_.empty()); });
      if (stopped_) return;
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      const bool fails = fails_at_ != 0 && job.window.samples.size() == fails_at_;
      lock.unlock();
      models::runtime::EncodedAudio encoded;
      if (fails) {
        encoded.error = std::make_exception_ptr(std::runtime_error("the fake encoder was told to fail"));
      } else {
        encoded.features = features_of(job.window);
      }
      job.done(std::move(encoded));
      lock.lock();
    }
  }

  static models::tensor::Tensor features_of(const models::runtime::AudioWindow& window) {
    const auto frames = static_cast<std::int64_t>(window.samples.size() / 320);
    models::tensor::Tensor features(models::tensor::DType::kF32, {std::max<std::int64_t>(1, frames), 4});
    for (float& value : features.as<float>()) value = window.samples.empty() ? 0.0F : window.samples.front();
    return features;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::vector<std::size_t> lengths_;
  std::size_t fails_at_ = 0;
  bool holds_ = false, stopped_ = false;
  std::thread worker_;
};

}  // namespace vedette::tests
