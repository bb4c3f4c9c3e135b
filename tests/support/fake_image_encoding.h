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

#include "models/runtime/image_encoding.h"

namespace vedette::tests {

// An encoder without a model: tokens are [2, 3] of the frame's first byte, and one sighting that says where
// it was looking. It finishes frames on a thread of its own, in order; `hold` makes it wait.
class FakeImageEncoding : public models::runtime::ImageEncoding {
 public:
  struct Seen {
    models::preprocess::FrameView view;  // its planes are gone
    std::vector<std::uint8_t> corners;   // first and last byte of each plane
  };

  FakeImageEncoding() : worker_([this] { work(); }) {}
  ~FakeImageEncoding() override {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    worker_.join();
  }

  void submit(models::runtime::ImageFrame frame,
              std::function<void(models::runtime::EncodedImage)> done) override {
    {
      const std::lock_guard lock(mutex_);
      ++submitted_;
      jobs_.push_back({std::move(frame), std::move(done)});
    }
    changed_.notify_all();
  }

  // While true, frames wait in the encoder.
  void hold(bool holds) {
    {
      const std::lock_guard lock(mutex_);
      holds_ = holds;
    }
    changed_.notify_all();
  }
  // True once this many frames were submitted; gives up after 10 s.
  bool wait_submitted(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return submitted_ >= count; });
  }
  // Frames of this width fail.
  void fail_at(int width) {
    const std::lock_guard lock(mutex_);
    fails_at_ = width;
  }
  std::vector<Seen> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  struct Job {
    models::runtime::ImageFrame frame;
    std::function<void(models::runtime::EncodedImage)> done;
  };

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopped_ || (!holds_ && !jobs_.empty()); });
      if (stopped_) return;
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      models::runtime::EncodedImage encoded;
      if (fails_at_ != 0 && job.frame.view.width == fails_at_) {
        encoded.error = std::make_exception_ptr(std::runtime_error("the fake encoder was told to fail"));
      } else {
        encoded = look(job.frame);
      }
      job.frame.owner.reset();
      lock.unlock();
      job.done(std::move(encoded));
      lock.lock();
    }
  }

  models::runtime::EncodedImage look(const models::runtime::ImageFrame& frame) {
    Seen seen{frame.view, {}};
    for (const auto& plane : frame.view.planes) {
      if (plane.empty()) continue;
      seen.corners.push_back(plane.front());
      seen.corners.push_back(plane.back());
    }
    models::runtime::EncodedImage encoded;
    encoded.tokens = models::tensor::Tensor(models::tensor::DType::kF32, {2, 3});
    for (float& value : encoded.tokens.as<float>()) value = static_cast<float>(seen.corners.front());
    encoded.sightings.push_back({"person", "left", 0.75F});
    seen_.push_back(std::move(seen));
    return encoded;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::vector<Seen> seen_;
  std::size_t submitted_ = 0;
  int fails_at_ = 0;
  bool holds_ = false, stopped_ = false;
  std::thread worker_;
};

}  // namespace vedette::tests
