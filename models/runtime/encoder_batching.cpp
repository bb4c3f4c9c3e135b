#include "models/runtime/encoder_batching.h"

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

namespace vedette::models::runtime {

namespace {

using Clock = std::chrono::steady_clock;

template <class Output>
Output failed(const char* message) {
  Output output;
  output.error = std::make_exception_ptr(std::runtime_error(message));
  return output;
}

}  // namespace

template <class Interface, class Input, class Output>
EncoderBatching<Interface, Input, Output>::EncoderBatching(Encode encode,
                                                           const EncoderBatchingOptions& options)
    : encode_(std::move(encode)), options_(options), thread_([this](std::stop_token stop) { run(stop); }) {}

template <class Interface, class Input, class Output>
EncoderBatching<Interface, Input, Output>::~EncoderBatching() {
  thread_.request_stop();
  thread_.join();
  for (Item& item : waiting_) item.done(failed<Output>("the encoder has stopped"));
}

template <class Interface, class Input, class Output>
void EncoderBatching<Interface, Input, Output>::submit(Input input, std::function<void(Output)> done) {
  {
    const std::lock_guard lock(mutex_);
    Item item{std::move(input), std::move(done), Clock::now()};
    if (waiting_.size() - refused_waiting_ >=
        options_.most_waiting) {  // it still waits its turn: order is kept
      item.refused = true;
      item.input = {};
      ++refused_waiting_;
      ++statistics_.refused;
    }
    waiting_.push_back(std::move(item));
  }
  wake_.notify_one();
}

template <class Interface, class Input, class Output>
EncodingStatistics EncoderBatching<Interface, Input, Output>::statistics() const {
  const std::lock_guard lock(mutex_);
  EncodingStatistics statistics = statistics_;
  statistics.waiting = waiting_.size() - refused_waiting_;
  return statistics;
}

template <class Interface, class Input, class Output>
void EncoderBatching<Interface, Input, Output>::run(std::stop_token stop) {
  pthread_setname_np(pthread_self(), options_.thread);
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
template <class Interface, class Input, class Output>
void EncoderBatching<Interface, Input, Output>::encode(std::vector<Item>& batch) {
  std::vector<Input> inputs;
  for (Item& item : batch) {
    if (!item.refused) inputs.push_back(std::move(item.input));
  }
  std::vector<Output> outputs(inputs.size());
  const auto begin = Clock::now();
  try {
    if (!inputs.empty()) encode_(inputs, outputs);
  } catch (...) {
    for (Output& output : outputs) {
      output = {};
      output.error = std::current_exception();
    }
  }
  {
    const std::lock_guard lock(mutex_);
    statistics_.busy_seconds += std::chrono::duration<double>(Clock::now() - begin).count();
    statistics_.windows += inputs.size();
    statistics_.batches += inputs.empty() ? 0 : 1;
    statistics_.failed += static_cast<std::uint64_t>(std::count_if(
        outputs.begin(), outputs.end(), [](const Output& output) { return output.error != nullptr; }));
  }
  std::size_t next = 0;
  for (Item& item : batch) {
    if (item.refused) {
      item.done(failed<Output>("the encoder is behind: too much waits"));
    } else {
      item.done(std::move(outputs[next++]));
    }
  }
}

template class EncoderBatching<AudioEncoding, AudioWindow, EncodedAudio>;
template class EncoderBatching<ImageEncoding, ImageFrame, EncodedImage>;

}  // namespace vedette::models::runtime
