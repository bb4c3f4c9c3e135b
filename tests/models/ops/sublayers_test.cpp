// The halves of a transformer block against the ops that they are made of, one after the other.
#include "models/ops/sublayers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "models/backend/cpu/cpu_backend.h"
#include "models/ops/linear.h"

namespace vedette::models::ops {
namespace {

using tensor::DType;
using tensor::Tensor;

Tensor random_tensor(tensor::Shape shape, unsigned seed, float spread = 1.0F) {
  Tensor result(DType::kF32, shape);
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, spread);
  for (float& value : result.as<float>()) value = normal(random);
  return result;
}

class SublayersTest : public testing::TestWithParam<std::tuple<WeightFormat, std::int64_t>> {
 protected:
  PackedLinear linear_of(std::int64_t out, std::int64_t in, unsigned seed) {
    const float spread = 1.0F / std::sqrt(static_cast<float>(in));
    return pack_linear(*backend_, random_tensor({out, in}, seed, spread), random_tensor({out}, seed + 1),
                       format_);
  }
  // Root mean square of the difference, relative to what the sublayer added.
  double error(const Tensor& received, const Tensor& expected, const Tensor& before) const {
    double difference = 0.0, power = 0.0;
    for (std::size_t i = 0; i < received.as<float>().size(); ++i) {
      difference += std::pow(received.as<float>()[i] - expected.as<float>()[i], 2);
      power += std::pow(expected.as<float>()[i] - before.as<float>()[i], 2);
    }
    return std::sqrt(difference / power);
  }

  const WeightFormat format_ = std::get<0>(GetParam());
  const std::int64_t hidden_ = std::get<1>(GetParam());
  std::unique_ptr<backend::Backend> backend_ = backend::cpu::make_cpu_backend();
  backend::WorkerPool pool_{2};
  ComputeContext context_{*backend_, pool_, format_ == WeightFormat::kF32 ? DType::kF32 : DType::kBF16};
  const Tensor gain_ = random_tensor({hidden_}, 1), shift_ = random_tensor({hidden_}, 2);
  const Norm norm_{gain_, shift_, 1e-6F};
  const backend::LayerNorm plain_norm_{gain_.as<float>().data(), shift_.as<float>().data(), 1e-6F};
  // Formats between the products may differ, so that what was rounded to bf16 once may be rounded twice.
  const double tolerance_ = format_ == WeightFormat::kF32 ? 2e-6 : 5e-3;
};

// 64: whole panels and whole tiles of heads; 96: heads of 24; 80: rows that are padded; 1024: few rows go
// through at a time.
INSTANTIATE_TEST_SUITE_P(Shapes, SublayersTest,
                         testing::Combine(testing::Values(WeightFormat::kF32, WeightFormat::kBF16,
                                                          WeightFormat::kI8),
                                          testing::Values(64, 96, 80)));
INSTANTIATE_TEST_SUITE_P(Wide, SublayersTest, testing::Values(std::tuple(WeightFormat::kBF16, 1024)));

TEST_P(SublayersTest, MlpEqualsItsOps) {
  for (const std::int64_t ffn : {256, 75}) {
    const PackedLinear w1 = linear_of(ffn, hidden_, 3), w2 = linear_of(hidden_, ffn, 5);
    for (const std::int64_t rows :
         {1, 17, 197, hidden_ == 1024 ? 900 : 7900}) {  // the last in several groups
      const Tensor before = random_tensor({rows, hidden_}, 7);
      Tensor received = random_tensor({rows, hidden_}, 7), expected = random_tensor({rows, hidden_}, 7);
      mlp(context_, norm_, w1, Activation::kGeluErf, w2, received.view());
      backend_->Backend::mlp(context_, plain_norm_, w1, Activation::kGeluErf, w2, expected.view());
      EXPECT_LE(error(received, expected, before), tolerance_) << rows << " rows, " << ffn;
    }
  }
}

TEST_P(SublayersTest, SelfAttentionEqualsItsOps) {
  constexpr int kHeads = 4;
  const PackedLinear qkv = linear_of(3 * hidden_, hidden_, 3), out = linear_of(hidden_, hidden_, 5);
  std::vector<std::int64_t> many(hidden_ == 1024 ? 5 : 40, 197);
  many.push_back(9);
  for (const auto& counts :
       std::vector<std::vector<std::int64_t>>{{1}, {17}, {197, 5, 40}, {1500, 9}, many}) {
    std::vector<AttentionSegment> segments;
    std::int64_t rows = 0;
    for (const std::int64_t count : counts) {
      const std::int64_t padding = count / 8;  // before the keys and after them
      segments.push_back({rows, count, rows + padding, count - 2 * padding});
      rows += count;
    }
    const Tensor before = random_tensor({rows, hidden_}, 7);
    Tensor received = random_tensor({rows, hidden_}, 7), expected = random_tensor({rows, hidden_}, 7);
    self_attention(context_, norm_, {qkv, out, kHeads, 0.3F}, segments, received.view());
    backend_->Backend::self_attention(context_, plain_norm_, qkv, segments, kHeads, 0.3F, out,
                                      expected.view());
    EXPECT_LE(error(received, expected, before), tolerance_)
        << rows << " rows, " << counts.size() << " segments";
  }
}

TEST_P(SublayersTest, ShapesThatDoNotFitAreRefused) {
  const PackedLinear w1 = linear_of(75, hidden_, 3), qkv = linear_of(3 * hidden_, hidden_, 3),
                     out = linear_of(hidden_, hidden_, 5);
  const Tensor x = random_tensor({20, hidden_}, 7), short_gain = random_tensor({hidden_ - 1}, 1);
  EXPECT_THROW(mlp(context_, norm_, w1, Activation::kNone, w1, x.view()), std::invalid_argument);
  EXPECT_THROW(mlp(context_, {short_gain, shift_, 1e-6F}, out, Activation::kNone, out, x.view()),
               std::invalid_argument);
  const auto attend = [&](std::vector<AttentionSegment> segments, int heads = 4) {
    self_attention(context_, norm_, {qkv, out, heads, 1.0F}, segments, x.view());
  };
  EXPECT_NO_THROW(attend({{0, 8, 2, 6}, {8, 12, 8, 1}}));
  EXPECT_THROW(attend({{0, 20, 0, 20}}, 0), std::invalid_argument);
  EXPECT_THROW(attend({{0, 20, 0, 20}}, 7), std::invalid_argument);
  EXPECT_THROW(attend({{0, 19, 0, 19}}), std::invalid_argument);                // a row is left over
  EXPECT_THROW(attend({{0, 8, 0, 8}, {9, 11, 9, 11}}), std::invalid_argument);  // one is left out
  EXPECT_THROW(attend({{0, 20, 0, 0}}), std::invalid_argument);                 // no keys
  EXPECT_THROW(attend({{0, 8, 1, 8}, {8, 12, 8, 12}}), std::invalid_argument);  // keys of another segment
  EXPECT_THROW(attend({{0, 8, 0, 8}, {8, 12, 7, 12}}), std::invalid_argument);
  EXPECT_THROW(self_attention(context_, norm_, {out, out, 4, 1.0F}, {}, x.view()), std::invalid_argument);
}

}  // namespace
}  // namespace vedette::models::ops
