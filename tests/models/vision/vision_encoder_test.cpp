// The vision encoder against itself: however pictures are batched, and whatever padding stands beside them,
// the result is the same. Against transformers: tests/models/runtime/eval_vision_test.cpp.
#include "models/vision/vision_encoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <numeric>

#include "models/backend/cpu/cpu_backend.h"
#include "models/vision/positions.h"
#include "models/weights/weight_table.h"

namespace vedette::models::vision {
namespace {

using backend::Matrix;

struct Tower {
  explicit Tower(const std::string& type = "siglip_vision_model")
      : folder(std::filesystem::path(VEDETTE_SOURCE_DIR) / "tests/golden/vision/siglip_headless"),
        table(weights::WeightTable::open(folder)),
        config([&] {
          VisionConfig parsed = parse_vision_config(weights::JsonObject::open(folder / "config.json"), type);
          parsed.pooling = Pooling::kNone;
          return parsed;
        }()),
        encoder(context, config, layers::NamedWeights(table)) {}

  tensor::Tensor patches(int rows, int columns, float phase) const {
    tensor::Tensor values(tensor::DType::kF32,
                          {static_cast<std::int64_t>(rows) * columns, config.patch_values()});
    for (float& value : values.as<float>()) value = std::sin(phase += 0.73F);
    return values;
  }
  tensor::Tensor run(std::vector<VisionImage> images) {
    std::int64_t rows = 0;
    for (const VisionImage& image : images) rows += encoder.tokens(image);
    tensor::Tensor y(tensor::DType::kF32, {rows, config.sizes.hidden});
    encoder.forward(context, images, y.view());
    return y;
  }

  std::unique_ptr<backend::Backend> backend = backend::cpu::make_cpu_backend();
  backend::WorkerPool pool{2};
  backend::ComputeContext context{*backend, pool, tensor::DType::kF32};
  std::filesystem::path folder;
  weights::WeightTable table;
  VisionConfig config;
  VisionEncoder encoder;
};

float difference(Matrix a, Matrix b) {
  float worst = 0.0F;
  for (std::int64_t row = 0; row < a.rows; ++row) {
    for (std::int64_t c = 0; c < a.columns; ++c)
      worst = std::max(worst, std::abs(a.row(row)[c] - b.row(row)[c]));
  }
  return worst;
}

TEST(VisionEncoder, PicturesOfDifferingSizesBatch) {
  Tower tower;
  const tensor::Tensor square = tower.patches(8, 8, 0.0F), wide = tower.patches(3, 7, 2.0F);
  const tensor::Tensor together = tower.run({{square.view(), 8, 8}, {wide.view(), 3, 7}});
  EXPECT_LE(difference(together.view().rows(0, 64), tower.run({{square.view(), 8, 8}}).view()), 1e-5F);
  EXPECT_LE(difference(together.view().rows(64, 21), tower.run({{wide.view(), 3, 7}}).view()), 1e-5F);
}

TEST(VisionEncoder, NobodyAttendsToPadding) {
  Tower tower("idefics3_vision");
  // A picture of 8 x 5 patches at the left of a square; the padding's values must not matter.
  std::vector<std::uint8_t> mask(64, 0);
  tensor::Tensor one = tower.patches(8, 8, 0.0F), other = tower.patches(8, 8, 0.0F);
  for (int row = 0; row < 8; ++row) {
    for (int column = 0; column < 8; ++column) {
      const auto at = static_cast<std::size_t>(row * 8 + column);
      mask[at] = column < 5 ? 1 : 0;
      if (column >= 5) Matrix(other.view()).row(row * 8 + column)[0] += 100.0F;
    }
  }
  const tensor::Tensor first = tower.run({{one.view(), 8, 8, mask}}),
                       second = tower.run({{other.view(), 8, 8, mask}});
  for (int patch = 0; patch < 64; ++patch) {
    const float worst = difference(first.view().rows(patch, 1), second.view().rows(patch, 1));
    if (mask[static_cast<std::size_t>(patch)] != 0) {
      EXPECT_EQ(worst, 0.0F) << patch;
    } else {
      EXPECT_GT(worst, 0.0F) << patch;  // its own hidden state does change
    }
  }
  const std::vector<std::uint8_t> all(64, 1), none(64, 0);
  EXPECT_EQ(difference(tower.run({{one.view(), 8, 8, all}}).view(), tower.run({{one.view(), 8, 8}}).view()),
            0.0F);
  EXPECT_THROW(tower.run({{one.view(), 8, 8, none}}), std::invalid_argument);
}

// Were scores kept whole, 16 times the patches would need 256 times the memory.
TEST(VisionEncoder, MemoryGrowsWithThePatchesAlone) {
  const auto bytes = [](int side) {
    Tower tower;
    const tensor::Tensor patches = tower.patches(side, side, 0.0F);
    tower.run({{patches.view(), side, side}});
    return static_cast<double>(tower.context.scratch().capacity_bytes());
  };
  EXPECT_LE(bytes(64), 24.0 * bytes(16));
}

TEST(VisionEncoder, RefusesOtherShapes) {
  Tower tower;
  const tensor::Tensor patches = tower.patches(4, 4, 0.0F);
  EXPECT_THROW(tower.run({{patches.view(), 4, 5}}), std::invalid_argument);
  EXPECT_THROW(tower.run({{patches.view(), 0, 0}}), std::invalid_argument);
  EXPECT_THROW(tower.run({{Matrix(patches.view()).column_range(0, 47), 4, 4}}), std::invalid_argument);
  EXPECT_NO_THROW(tower.run({{patches.view(), 4, 4}}));
}

TEST(Positions, OwnGridIsItself) {
  for (const int side : {2, 4, 14, 16, 24, 26, 27, 32}) {
    std::vector<int> indices(static_cast<std::size_t>(side));
    shared_positions(side, side, indices);
    std::vector<int> expected(indices.size());
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(indices, expected) << side;
  }
  std::vector<int> half(4);
  shared_positions(8, 4, half);
  EXPECT_EQ(half, (std::vector<int>{0, 2, 4, 6}));
}

TEST(VisionConfig, SaysWhatIsWrong) {
  const auto message = [](const char* text, const char* type) -> std::string {
    try {
      parse_vision_config(weights::JsonObject::parse(text, "config.json"), type);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message("{}", "vit"), "no error");
  EXPECT_NE(message(R"({"hidden_size": 10, "num_attention_heads": 3})", "vit").find("a divisor of 10"),
            std::string::npos);
  EXPECT_NE(message(R"({"hidden_act": "mish"})", "vit").find("hidden_act: expected gelu"), std::string::npos);
  EXPECT_NE(message(R"({"patch_size": 300})", "vit").find("patch_size: expected at most image_size"),
            std::string::npos);
  EXPECT_NE(message(R"({"image_size": [224, 196]})", "vit").find("two that are equal"), std::string::npos);
  EXPECT_NE(
      message(R"({"num_hidden_layers": -1})", "vit").find("num_hidden_layers: expected an integer from 1"),
      std::string::npos);
  EXPECT_NE(message("{}", "resnet").find("model_type"), std::string::npos);
}

}  // namespace
}  // namespace vedette::models::vision
