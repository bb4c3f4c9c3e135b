// A window decoded in a used place allocates nothing while it steps; only its transcript is new.
#include <gtest/gtest.h>

#include "models/audio/speech_decoding.h"
#include "tests/models/audio/golden.h"
#include "tests/support/allocation_counter.h"

namespace vedette::models::audio {
namespace {

class SpeechSteadyState : public testing::TestWithParam<tensor::DType> {};
INSTANTIATE_TEST_SUITE_P(Precisions, SpeechSteadyState,
                         testing::Values(tensor::DType::kF32, tensor::DType::kBF16));

TEST_P(SpeechSteadyState, StepsAllocateNothing) {
  GoldenModel golden("english_80", GetParam());
  const tensor::Tensor features = golden.encode();
  const std::int64_t frames = features.shape()[0] / golden.batch();
  SpeechOptions options;
  options.attempts = 1;
  options.max_new_tokens = 40;
  options.certain_no_speech_probability = 1.0F;
  options.min_log_probability = -100.0F;
  options.max_compression_ratio = 100.0F;
  SpeechDecoding window(golden.context, golden.model, options);
  SpeechDecoding* const windows[] = {&window};
  SpeechBatch batch(golden.model);
  std::int64_t steps = 0, stepping = 0, concluding = 0;
  const auto decode = [&] {
    steps = stepping = concluding = 0;
    window.start(features.view().rows(0, frames), std::chrono::milliseconds(800), "");
    while (!window.finished()) {
      const std::int64_t before = test::allocations();
      batch.step(golden.context, windows);
      (window.finished() ? concluding : stepping) += test::allocations() - before;
      ++steps;
    }
  };
  decode();
  EXPECT_GT(stepping, 0) << "the first window makes the buffers grow";
  decode();
  EXPECT_GT(steps, 10);
  EXPECT_EQ(stepping, 0);
  // The segments' list, and each one's tokens.
  const auto segments = static_cast<std::int64_t>(window.transcript().segments.size());
  EXPECT_LE(concluding, 12 + 4 * segments);
}

}  // namespace
}  // namespace vedette::models::audio
