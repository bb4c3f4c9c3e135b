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
void first_sample(std::span<AudioWindow> windows, std::span<EncodedAudio> encoded) {
  for (std::size_t i = 0; i < windows.size(); ++i) {
    encoded[i].features = tensor::Tensor(tensor::DType::kF32, {1, 1});
    encoded[i].features.as<float>()[0] = windows[i].samples[0];
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
    AudioBatching batching(first_sample);
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
  AudioBatching batching(first_sample, options);
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
  AudioBatching batching(
      [](std::span<AudioWindow> windows, std::span<EncodedAudio> encoded) {
        if (windows[0].samples[0] < 0.0F) throw std::runtime_error("negative");
        first_sample(windows, encoded);
      },
      options);
  batching.submit(window(-1.0F), [&](EncodedAudio encoded) { first.set_value(message(encoded)); });
  batching.submit(window(1.0F), [&](EncodedAudio encoded) { second.set_value(message(encoded)); });
  EXPECT_EQ(first.get_future().get(), "negative");
  EXPECT_EQ(second.get_future().get(), "");
  EXPECT_EQ(batching.statistics().failed, 1u);
}

TEST(EncoderBatching, APicturesOwnErrorIsItsAlone) {
  EncoderBatchingOptions options;
  options.most_windows = 2;
  options.longest_wait = 1h;
  ImageBatching batching(
      [](std::span<ImageFrame> frames, std::span<EncodedImage> encoded) {
        for (std::size_t i = 0; i < frames.size(); ++i) {
          if (frames[i].view.width == 0) {
            encoded[i].error = std::make_exception_ptr(std::runtime_error("empty"));
          } else {
            encoded[i].sightings.push_back({"person", "left", 0.5F});
          }
        }
      },
      options);
  std::promise<EncodedImage> good, bad;
  ImageFrame frame;
  batching.submit(frame, [&](EncodedImage image) { bad.set_value(std::move(image)); });
  frame.view.width = 1;
  batching.submit(frame, [&](EncodedImage image) { good.set_value(std::move(image)); });
  EXPECT_TRUE(bad.get_future().get().error);
  const EncodedImage image = good.get_future().get();
  EXPECT_FALSE(image.error);
  ASSERT_EQ(image.sightings.size(), 1u);
  EXPECT_EQ(batching.statistics().failed, 1u);
  EXPECT_EQ(batching.statistics().batches, 1u);
}

TEST(EncoderBatching, RefusesWhatDoesNotFitAndStopsCleanly) {
  EncoderBatchingOptions options;
  options.most_windows = 1;
  options.most_waiting = 2;
  std::promise<void> inside;
  std::promise<void> go;
  std::vector<std::string> messages;
  {
    AudioBatching batching(
        [&](std::span<AudioWindow> windows, std::span<EncodedAudio> encoded) {
          if (windows[0].samples[0] == 0.0F) {
            inside.set_value();
            go.get_future().wait();
          }
          first_sample(windows, encoded);
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
