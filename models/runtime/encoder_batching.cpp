#include "models/runtime/encoder_batching.h"

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

namespace vedette::models::runtime {

namespace {

using Clock = std::chrono::steady_clock;

EncodedAudio failed(const char* message) {
  return {.features = {}, .error = std::make_exception_ptr(std::runtime_error(message))};
}

}  // namespace

EncoderBatching::EncoderBatching(Encode encode, const EncoderBatchingOptions& options)
    : encode_(std::move(encode)), options_(options), thread_([this](std::stop_token stop) { run(stop); }) {}

EncoderBatching::~EncoderBatching() {
  thread_.request_stop();
  thread_.join();
  for (Item& item : waiting_) item.done(failed("the encoder has stopped"));
}

void EncoderBatching::submit(AudioWindow window, std::function<void(EncodedAudio)> done) {
  {
    const std::lock_guard lock(mutex_);
    Item item{std::move(window), std::move(done), Clock::now()};
    if (waiting_.size() - refused_waiting_ >=
        options_.most_waiting) {  // it still waits its turn: order is kept
      item.refused = true;
      item.window.samples = {};
      ++refused_waiting_;
      ++statistics_.refused;
    }
    waiting_.push_back(std::move(item));
  }
  wake_.notify_one();
}

EncodingStatistics EncoderBatching::statistics() const {
  const std::lock_guard lock(mutex_);
  EncodingStatistics statistics = statistics_;
  statistics.waiting = waiting_.size() - refused_waiting_;
  return statistics;
}

void EncoderBatching::run(std::stop_token stop) {
  pthread_setname_np(pthread_self(), "encoder");
  std::vector<Item> batch;
  std::unique_lock lock(mutex_);
  while (wake_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    const auto closes = waiting_.front().submitted + options_.longest_wait;
    wake_.wait_until(lock, stop, closes, [this] { return waiting_.size() >= options_.most_windows; });
    if (stop.stop_requested()) return;
    const auto begin = Clock::now();
    while (!waiting_.empty() && batch.size() < options_.most_windows) {
      statistics_.queue_time.observe(begin - waiting_.front().submitted);
      if (waiting_.front().refused) --refused_waiting_;
      batch.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    lock.unlock();
    encode(batch);
    batch.clear();
    lock.lock();
  }
}

// Encodes what was not refused, then tells everybody, in order.
void EncoderBatching::encode(std::vector<Item>& batch) {
  std::vector<AudioWindow> windows;
  for (Item& item : batch) {
    if (!item.refused) windows.push_back(std::move(item.window));
  }
  std::vector<tensor::Tensor> features(windows.size());
  std::exception_ptr error;
  const auto begin = Clock::now();
  try {
    if (!windows.empty()) encode_(windows, features);
  } catch (...) {
    error = std::current_exception();
  }
  {
    const std::lock_guard lock(mutex_);
    statistics_.busy_seconds += std::chrono::duration<double>(Clock::now() - begin).count();
    statistics_.windows += windows.size();
    statistics_.batches += windows.empty() ? 0 : 1;
    if (error) statistics_.failed += windows.size();
  }
  std::size_t next = 0;
  for (Item& item : batch) {
    if (item.refused) {
      item.done(failed("the encoder is behind: too many windows wait"));
    } else {
      item.done({.features = std::move(features[next++]), .error = error});
    }
  }
}

}  // namespace vedette::models::runtime
