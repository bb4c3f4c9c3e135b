// The log-mel picture against transformers' WhisperFeatureExtractor.
#include "models/preprocess/log_mel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "models/backend/worker_pool.h"
#include "models/weights/weight_table.h"

namespace vedette::models::preprocess {
namespace {

class LogMelGolden : public testing::TestWithParam<int> {
 protected:
  LogMelGolden()
      : table_(weights::WeightTable::open_file(std::string(VEDETTE_SOURCE_DIR) +
                                               "/tests/golden/whisper/log_mel.safetensors")) {
    for (const std::int32_t value : table_.get("samples").view.as<std::int32_t>()) {
      samples_.push_back(static_cast<float>(value) / 32768.0F);
    }
  }
  std::vector<float> compute(const LogMelSpec& spec, int threads) const {
    backend::WorkerPool pool(threads);
    std::vector<float> picture(static_cast<std::size_t>(spec.mels * spec.frames));
    LogMel(spec).compute(pool, samples_, picture);
    return picture;
  }

  weights::WeightTable table_;
  std::vector<float> samples_;
};
INSTANTIATE_TEST_SUITE_P(Mels, LogMelGolden, testing::Values(80, 128));

TEST_P(LogMelGolden, IsTheReferences) {
  const LogMelSpec spec{.mels = GetParam(), .frames = 100};
  const auto picture = compute(spec, 1);
  const auto columns = table_.get("columns").view.as<std::int64_t>();
  const auto expected = table_.get("log_mel_" + std::to_string(spec.mels)).view.as<float>();
  float worst = 0.0F;
  for (std::size_t m = 0; m < static_cast<std::size_t>(spec.mels); ++m) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const float ours = picture[m * 100 + static_cast<std::size_t>(columns[c])];
      worst = std::max(worst, std::abs(ours - expected[m * columns.size() + c]));
    }
  }
  EXPECT_LE(worst, 1e-4F);
}

TEST_P(LogMelGolden, FiltersAreTheReferences) {
  const LogMelSpec spec{.mels = GetParam()};
  const auto filters = slaney_mel_filters(spec);
  const auto expected = table_.get("filter_sums_" + std::to_string(spec.mels)).view.as<float>();
  for (std::size_t m = 0; m < expected.size(); ++m) {
    float sum = 0.0F;
    for (std::size_t bin = 0; bin < 201; ++bin) sum += filters[m * 201 + bin];
    EXPECT_NEAR(sum, expected[m], 1e-6F) << "mel " << m;
  }
}

TEST_P(LogMelGolden, DoesNotDependOnThreads) {
  const LogMelSpec spec{.mels = GetParam(), .frames = 100};
  EXPECT_EQ(compute(spec, 1), compute(spec, 3));
}

TEST(LogMel, SilenceIsFlatAndOddSizesFit) {
  backend::WorkerPool pool(1);
  const LogMelSpec spec{.frames = 101};
  std::vector<float> picture(static_cast<std::size_t>(spec.mels * spec.frames), 7.0F);
  LogMel(spec).compute(pool, {}, picture);
  EXPECT_THAT(picture, testing::Each((-10.0F + 4.0F) / 4.0F));
  // A window that is full to its last sample, and one that is too long: what is past the end is not looked
  // at.
  std::vector<float> full(101 * 160, 0.25F), longer(101 * 160 + 500, 0.25F), same(picture.size());
  LogMel(spec).compute(pool, full, picture);
  LogMel(spec).compute(pool, longer, same);
  EXPECT_EQ(picture, same);
}

TEST(LogMel, RefusesSizesThatMakeNoSense) {
  EXPECT_THROW(LogMel({.mels = 0}), std::invalid_argument);
  EXPECT_THROW(LogMel({.fft_size = 401}), std::invalid_argument);
  EXPECT_THROW(LogMel({.fft_size = 400, .hop = 160, .frames = 1}), std::invalid_argument);
  backend::WorkerPool pool(1);
  std::vector<float> small(10);
  EXPECT_THROW(LogMel({}).compute(pool, {}, small), std::invalid_argument);
}

}  // namespace
}  // namespace vedette::models::preprocess
