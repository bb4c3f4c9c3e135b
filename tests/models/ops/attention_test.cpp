// Attention against its slow, obvious form: ragged, paged, grouped, causal and not.
#include "models/ops/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "models/backend/cpu/cpu_backend.h"
#include "models/layers/kv_pool.h"
#include "models/ops/rope.h"

namespace vedette::models::ops {
namespace {

using tensor::DType;
using tensor::Tensor;

Tensor random_tensor(tensor::Shape shape, unsigned seed) {
  Tensor result(DType::kF32, shape);
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (float& value : result.as<float>()) value = normal(random);
  return result;
}

// One query row over keys [0, count): weights [count], and the sum of the values in y [head_dim].
std::vector<double> slow_row(const float* q, Matrix k, Matrix v, std::int64_t column, std::int64_t head_dim,
                             std::int64_t first, std::int64_t count, float scale, std::vector<double>& y) {
  std::vector<double> weights(static_cast<std::size_t>(count));
  double total = 0.0;
  for (std::int64_t j = 0; j < count; ++j) {
    double dot = 0.0;
    for (std::int64_t c = 0; c < head_dim; ++c) {
      dot += static_cast<double>(q[c]) * static_cast<double>(k.row(first + j)[column + c]);
    }
    total += weights[static_cast<std::size_t>(j)] = std::exp(dot * static_cast<double>(scale));
  }
  y.assign(static_cast<std::size_t>(head_dim), 0.0);
  for (std::int64_t j = 0; j < count; ++j) {
    weights[static_cast<std::size_t>(j)] /= total;
    for (std::int64_t c = 0; c < head_dim; ++c) {
      y[static_cast<std::size_t>(c)] +=
          weights[static_cast<std::size_t>(j)] * static_cast<double>(v.row(first + j)[column + c]);
    }
  }
  return weights;
}

struct Case {
  DType dtype;
  int heads, kv_heads, head_dim;
};

class AttentionTest : public testing::TestWithParam<Case> {
 protected:
  double tolerance() const { return GetParam().dtype == DType::kF32 ? 1e-5 : 3e-2; }
  float scale() const { return 1.0F / std::sqrt(static_cast<float>(GetParam().head_dim)); }

  std::unique_ptr<backend::Backend> backend_ = backend::cpu::make_cpu_backend();
  backend::WorkerPool pool_{2};
  backend::ComputeContext context_{*backend_, pool_, GetParam().dtype};
};
INSTANTIATE_TEST_SUITE_P(Shapes, AttentionTest,
                         testing::Values(Case{DType::kF32, 4, 1, 16}, Case{DType::kF32, 9, 3, 64},
                                         Case{DType::kF32, 2, 2, 80}, Case{DType::kBF16, 4, 1, 16},
                                         Case{DType::kBF16, 9, 3, 64}, Case{DType::kBF16, 2, 2, 80}));

TEST_P(AttentionTest, FullOverRaggedSegments) {
  const auto [dtype, heads, kv_heads, head_dim] = GetParam();
  const std::int64_t columns = heads * head_dim;
  const Tensor q = random_tensor({60, columns}, 1), k = random_tensor({170, columns}, 2),
               v = random_tensor({170, columns}, 3);
  const Tensor y = Tensor::zeros(DType::kF32, {60, columns});
  const AttentionSegment segments[] = {{0, 33, 0, 33}, {33, 1, 33, 1}, {34, 26, 34, 136}};
  attention(context_, q.view(), k.view(), v.view(), segments, heads, scale(), y.view());
  std::vector<double> expected;
  for (const auto& segment : segments) {
    for (std::int64_t i = segment.query_first; i < segment.query_first + segment.query_count; ++i) {
      for (std::int64_t column = 0; column < columns; column += head_dim) {
        slow_row(Matrix(q.view()).row(i) + column, k.view(), v.view(), column, head_dim, segment.key_first,
                 segment.key_count, scale(), expected);
        for (std::int64_t c = 0; c < head_dim; ++c) {
          ASSERT_NEAR(Matrix(y.view()).row(i)[column + c], expected[static_cast<std::size_t>(c)], tolerance())
              << "row " << i;
        }
      }
    }
  }
}

TEST_P(AttentionTest, CausalOverPages) {
  const auto [dtype, heads, kv_heads, head_dim] = GetParam();
  const std::int64_t kv_columns = kv_heads * head_dim, columns = heads * head_dim, total = 75;
  const auto layout = backend_->kv_layout(2, kv_heads, head_dim, dtype);
  layers::KvPool pages(*backend_, layout, 8 * layout.page_bytes());
  const Tensor q = random_tensor({total, columns}, 1), k = random_tensor({total, kv_columns}, 2),
               v = random_tensor({total, kv_columns}, 3);
  const Tensor y = Tensor::zeros(DType::kF32, {total, columns});
  // The same text twice, cut differently: as chunks that cross pages, beside single steps of another
  // sequence.
  auto sequence = pages.make_sequence(total);
  ASSERT_TRUE(sequence.reserve(total));
  for (const int layer : {1, 0}) {
    std::int64_t past = 0;
    for (const std::int64_t count : {1, 30, 1, 1, 40, 2}) {
      const KvSlice slice{sequence.pages(), past, 0, count};
      const PagedKv kv{&layout, layer, std::span(&slice, 1)};
      append_kv(context_, Matrix(k.view()).row_range(past, count), Matrix(v.view()).row_range(past, count),
                kv);
      causal_attention(context_, Matrix(q.view()).row_range(past, count), kv, scale(),
                       Matrix(y.view()).row_range(past, count));
      past += count;
    }
    std::vector<double> expected;
    for (std::int64_t i = 0; i < total; ++i) {
      for (std::int64_t head = 0; head < heads; ++head) {
        const std::int64_t kv_column = head / (heads / kv_heads) * head_dim;
        slow_row(Matrix(q.view()).row(i) + head * head_dim, k.view(), v.view(), kv_column, head_dim, 0, i + 1,
                 scale(), expected);
        for (std::int64_t c = 0; c < head_dim; ++c) {
          ASSERT_NEAR(Matrix(y.view()).row(i)[head * head_dim + c], expected[static_cast<std::size_t>(c)],
                      tolerance())
              << "row " << i;
        }
      }
    }
  }
}

TEST_P(AttentionTest, CrossAndItsWeights) {
  const auto [dtype, heads, kv_heads, head_dim] = GetParam();
  const std::int64_t kv_columns = kv_heads * head_dim, columns = heads * head_dim, keys = 100, rows = 5;
  const auto layout = backend_->kv_layout(1, kv_heads, head_dim, dtype);
  layers::KvPool pages(*backend_, layout, 4 * layout.page_bytes());
  auto sequence = pages.make_sequence(keys);
  ASSERT_TRUE(sequence.reserve(keys));
  const Tensor q = random_tensor({rows, columns}, 1), k = random_tensor({keys, kv_columns}, 2),
               v = random_tensor({keys, kv_columns}, 3);
  const KvSlice stored{sequence.pages(), 0, 0, keys};
  append_kv(context_, k.view(), v.view(), {&layout, 0, std::span(&stored, 1)});
  // Two slices of rows look at the one sequence, as the hypotheses of a beam do.
  const KvSlice slices[] = {{sequence.pages(), keys, 0, 2}, {sequence.pages(), keys, 2, 3}};
  const PagedKv kv{&layout, 0, slices};
  const Tensor y = Tensor::zeros(DType::kF32, {rows, columns}),
               weights = Tensor::zeros(DType::kF32, {rows, keys + 3});
  cross_attention(context_, q.view(), kv, scale(), y.view());
  std::vector<double> expected;
  for (int head = 0; head < heads; ++head) {
    cross_attention_weights(context_, q.view(), kv, head, scale(), weights.view());
    const std::int64_t kv_column = head / (heads / kv_heads) * head_dim;
    for (std::int64_t i = 0; i < rows; ++i) {
      const auto row = slow_row(Matrix(q.view()).row(i) + head * head_dim, k.view(), v.view(), kv_column,
                                head_dim, 0, keys, scale(), expected);
      for (std::int64_t c = 0; c < head_dim; ++c) {
        ASSERT_NEAR(Matrix(y.view()).row(i)[head * head_dim + c], expected[static_cast<std::size_t>(c)],
                    tolerance());
      }
      for (std::int64_t j = 0; j < keys; ++j)
        ASSERT_NEAR(Matrix(weights.view()).row(i)[j], row[static_cast<std::size_t>(j)], tolerance());
      EXPECT_EQ(Matrix(weights.view()).row(i)[keys], 0.0F) << "columns past the keys stay as they are";
    }
  }
}

// Keys that were cached after RoPE and are moved give what keys of the other positions give, in every layer
// and head of the pages, and none beside them.
TEST_P(AttentionTest, ShiftedKeysAreThoseOfOtherPositions) {
  const auto [dtype, heads, kv_heads, head_dim] = GetParam();
  const std::int64_t kv_columns = kv_heads * head_dim, columns = heads * head_dim, first = 1000, shift = -37;
  const int layers = 2;
  const auto layout = backend_->kv_layout(layers, kv_heads, head_dim, dtype);
  const std::int64_t moved = 2 * layout.page_tokens, keys = 3 * layout.page_tokens;
  layers::KvPool pages(*backend_, layout, 4 * layout.page_bytes());
  auto sequence = pages.make_sequence(keys);
  ASSERT_TRUE(sequence.reserve(keys));
  RopeFrequencies frequencies;
  for (std::int64_t i = 0; i < head_dim / 2; ++i)
    frequencies.rate.push_back(std::pow(1e4F, -2.0F * static_cast<float>(i) / static_cast<float>(head_dim)));
  frequencies.axis.assign(frequencies.rate.size(), 0);
  const backend::ScratchScope scope(context_.scratch());
  // Keys of one token after the other from `at` on; those that were not moved keep their place.
  const auto turned = [&](std::int64_t by) {
    Tensor k = random_tensor({keys, kv_columns}, 2);
    std::vector<Position> positions;
    for (std::int64_t i = 0; i < keys; ++i) {
      const auto at = static_cast<std::int32_t>(first + i + (i < moved ? by : 0));
      positions.push_back({at, at, at});
    }
    rope(context_, rope_table(context_, frequencies, positions), head_dim, k.view());
    return k;
  };
  const Tensor q = random_tensor({3, columns}, 1), v = random_tensor({keys, kv_columns}, 3), k = turned(0),
               expected_k = turned(shift);
  const KvSlice stored{sequence.pages(), 0, 0, keys};
  for (int layer = 0; layer < layers; ++layer)
    append_kv(context_, k.view(), v.view(), {&layout, layer, std::span(&stored, 1)});
  shift_keys(context_, frequencies, layout, sequence.pages().first(2), shift);
  const KvSlice slice{sequence.pages(), keys, 0, 3};
  std::vector<double> expected;
  for (int layer = 0; layer < layers; ++layer) {
    const Tensor y = Tensor::zeros(DType::kF32, {3, columns});
    cross_attention(context_, q.view(), {&layout, layer, std::span(&slice, 1)}, scale(), y.view());
    for (std::int64_t i = 0; i < 3; ++i) {
      for (std::int64_t head = 0; head < heads; ++head) {
        slow_row(Matrix(q.view()).row(i) + head * head_dim, expected_k.view(), v.view(),
                 head / (heads / kv_heads) * head_dim, head_dim, 0, keys, scale(), expected);
        for (std::int64_t c = 0; c < head_dim; ++c) {
          ASSERT_NEAR(Matrix(y.view()).row(i)[head * head_dim + c], expected[static_cast<std::size_t>(c)],
                      3 * tolerance())
              << "layer " << layer << ", row " << i;
        }
      }
    }
  }
  RopeFrequencies other = frequencies;
  other.rate.pop_back();
  EXPECT_THROW(shift_keys(context_, other, layout, sequence.pages().first(1), 1), std::invalid_argument);
}

TEST_P(AttentionTest, RefusesWhatDoesNotFit) {
  const auto [dtype, heads, kv_heads, head_dim] = GetParam();
  const std::int64_t columns = heads * head_dim;
  const auto layout = backend_->kv_layout(1, kv_heads, head_dim, dtype);
  layers::KvPool pages(*backend_, layout, layout.page_bytes());
  auto sequence = pages.make_sequence(10);
  ASSERT_TRUE(sequence.reserve(10));
  const Tensor q = random_tensor({2, columns}, 1), y = random_tensor({2, columns}, 2);
  const auto run = [&](KvSlice slice, int layer) {
    causal_attention(context_, q.view(), {&layout, layer, std::span(&slice, 1)}, scale(), y.view());
  };
  EXPECT_THROW(run({sequence.pages(), layout.page_tokens, 0, 2}, 0), std::invalid_argument)
      << "tokens past the pages";
  EXPECT_THROW(run({sequence.pages(), 0, 1, 2}, 0), std::invalid_argument) << "rows past the batch";
  EXPECT_THROW(run({sequence.pages(), 0, 0, 2}, 1), std::invalid_argument) << "a layer too many";
  const KvSlice empty{sequence.pages(), 0, 0, 2};
  EXPECT_THROW(cross_attention(context_, q.view(), {&layout, 0, std::span(&empty, 1)}, scale(), y.view()),
               std::invalid_argument);
  const AttentionSegment segment{0, 3, 0, 2};
  EXPECT_THROW(
      attention(context_, q.view(), q.view(), q.view(), std::span(&segment, 1), heads, scale(), y.view()),
      std::invalid_argument);
}

}  // namespace
}  // namespace vedette::models::ops
