#include "models/runtime/encoder_batching.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>

namespace vedette::models::runtime {
namespace {

using namespace std::chrono_literals;

AudioWindow window(float value) {
  return {.samples = std::vector<float>(10, value)};
}

// Features are the window's first sample.
void first_sample(std::span<const AudioWindow> windows, std::span<tensor::Tensor> features) {
  for (std::size_t i = 0; i < windows.size(); ++i) {
    features[i] = tensor::Tensor(tensor::DType::kF32, {1, 1});
    features[i].as<float>()[0] = windows[i].samples[0];
  }
}

std::string message(const EncodedAudio& encoded) {
  try {
    if (encoded.error) std::rethrow_exception(encoded.error);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

TEST(EncoderBatching, GivesEachItsOwnInOrder) {
  std::vector<float> order;
  std::promise<void> all;
  {
    EncoderBatching batching(first_sample);
    for (int i = 0; i < 10; ++i) {
      batching.submit(window(static_cast<float>(i)), [&](EncodedAudio encoded) {
        order.push_back(encoded.features.as<float>()[0]);
        if (order.size() == 10) all.set_value();
      });
    }
    all.get_future().wait();
    const EncodingStatistics statistics = batching.statistics();
    EXPECT_EQ(statistics.windows, 10u);
    EXPECT_GE(statistics.batches, 3u);  // of at most four
    EXPECT_EQ(statistics.queue_time.count, 10u);
  }
  for (int i = 0; i < 10; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], static_cast<float>(i));
}

TEST(EncoderBatching, AFullBatchDoesNotWait) {
  EncoderBatchingOptions options;
  options.most_windows = 2;
  options.longest_wait = 1h;
  std::atomic<int> done{0};
  std::promise<void> both;
  EncoderBatching batching(first_sample, options);
  for (int i = 0; i < 2; ++i) {
    batching.submit(window(1.0F), [&](EncodedAudio) {
      if (++done == 2) both.set_value();
    });
  }
  both.get_future().wait();
  EXPECT_EQ(batching.statistics().batches, 1u);
}

TEST(EncoderBatching, AFailureIsToldToItsBatchOnly) {
  EncoderBatchingOptions options;
  options.most_windows = 1;
  std::promise<std::string> first;
  std::promise<std::string> second;
  EncoderBatching batching(
      [](std::span<const AudioWindow> windows, std::span<tensor::Tensor> features) {
        if (windows[0].samples[0] < 0.0F) throw std::runtime_error("negative");
        first_sample(windows, features);
      },
      options);
  batching.submit(window(-1.0F), [&](EncodedAudio encoded) { first.set_value(message(encoded)); });
  batching.submit(window(1.0F), [&](EncodedAudio encoded) { second.set_value(message(encoded)); });
  EXPECT_EQ(first.get_future().get(), "negative");
  EXPECT_EQ(second.get_future().get(), "");
  EXPECT_EQ(batching.statistics().failed, 1u);
}

TEST(EncoderBatching, RefusesWhatDoesNotFitAndStopsCleanly) {
  EncoderBatchingOptions options;
  options.most_windows = 1;
  options.most_waiting = 2;
  std::promise<void> inside;
  std::promise<void> go;
  std::vector<std::string> messages;
  {
    EncoderBatching batching(
        [&](std::span<const AudioWindow> windows, std::span<tensor::Tensor> features) {
          if (windows[0].samples[0] == 0.0F) {
            inside.set_value();
            go.get_future().wait();
          }
          first_sample(windows, features);
        },
        options);
    const auto keep = [&](EncodedAudio encoded) { messages.push_back(message(encoded)); };
    batching.submit(window(0.0F), keep);
    inside.get_future().wait();
    for (int i = 1; i < 5; ++i) batching.submit(window(static_cast<float>(i)), keep);
    EXPECT_EQ(batching.statistics().refused, 2u);
    go.set_value();
  }
  ASSERT_EQ(messages.size(), 5u);  // everybody was told
  EXPECT_EQ(messages[0], "");
}

}  // namespace
}  // namespace vedette::models::runtime
