// The ops of every backend that this machine has, in every precision, against their definitions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "models/backend/context.h"
#include "models/backend/cpu/cpu_backend.h"
#include "models/backend/cuda_library.h"

namespace vedette::models::backend {
namespace {

using tensor::DType;
using Values = std::vector<float>;

struct Case {
  tensor::Device device;
  DType dtype;
  double tolerance;  // of what runs in that precision; what stays in f32 has kF32Tolerance
};
constexpr double kF32Tolerance = 2e-5;

std::vector<Case> cases() {
  std::vector<Case> all{{tensor::Device::kCpu, DType::kF32, kF32Tolerance},
                        {tensor::Device::kCpu, DType::kBF16, 1e-2}};
  std::string reason;
  if (open_cuda_backend(reason) != nullptr) {
    all.push_back({tensor::Device::kCuda, DType::kF32, kF32Tolerance});
    all.push_back({tensor::Device::kCuda, DType::kBF16, 1e-2});
  }
  return all;
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  return std::string(info.param.device == tensor::Device::kCpu ? "cpu_" : "cuda_") +
         tensor::to_string(info.param.dtype);
}

class OpsTest : public testing::TestWithParam<Case> {
 protected:
  OpsTest() {
    std::string reason;
    backend_ =
        GetParam().device == tensor::Device::kCpu ? cpu::make_cpu_backend() : open_cuda_backend(reason);
    context_ = std::make_unique<ComputeContext>(*backend_, pool_, GetParam().dtype);
  }

  Values random(std::int64_t count, float spread = 1.0F) {
    std::normal_distribution<float> distribution(0.0F, spread);
    Values values(static_cast<std::size_t>(count));
    for (float& value : values) value = distribution(generator_);
    return values;
  }

  // Values on the device, for as long as the test runs.
  Matrix put(const Values& values, std::int64_t rows) {
    const std::int64_t columns = static_cast<std::int64_t>(values.size()) / rows;
    const tensor::Shape shape{rows, columns};
    tensors_.push_back(backend_->allocate(DType::kF32, shape));
    backend_->copy({const_cast<float*>(values.data()), DType::kF32, shape}, tensors_.back());
    return {static_cast<float*>(tensors_.back().view().data()), rows, columns, columns};
  }

  Values get(Matrix matrix) {
    Values values(static_cast<std::size_t>(matrix.rows * matrix.columns));
    for (std::int64_t row = 0; row < matrix.rows; ++row) {
      const tensor::Shape shape{matrix.columns};
      backend_->copy({matrix.row(row), DType::kF32, shape, GetParam().device},
                     {values.data() + row * matrix.columns, DType::kF32, shape});
    }
    return values;
  }

  PackedLinear pack(const Values& weight, const Values& bias, std::int64_t in, WeightFormat format) {
    const auto out = static_cast<std::int64_t>(weight.size()) / in;
    LinearPart part;
    part.weight = {const_cast<float*>(weight.data()), DType::kF32, {out, in}};
    if (!bias.empty()) part.bias = {const_cast<float*>(bias.data()), DType::kF32, {out}};
    return backend_->pack({&part, 1}, format);
  }

  static void expect_near(const Values& actual, const std::vector<double>& expected, double tolerance) {
    ASSERT_EQ(actual.size(), expected.size());
    double greatest = 1e-30, worst = 0;
    for (const double value : expected) greatest = std::max(greatest, std::fabs(value));
    for (std::size_t i = 0; i < actual.size(); ++i) {
      const double error = std::fabs(actual[i] - expected[i]);
      worst = std::isnan(error) ? INFINITY : std::max(worst, error);
    }
    EXPECT_LE(worst / greatest, tolerance);
  }

  WorkerPool pool_{2};
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<ComputeContext> context_;
  std::vector<tensor::Tensor> tensors_;
  std::mt19937 generator_{3};
};

INSTANTIATE_TEST_SUITE_P(EveryBackend, OpsTest, testing::ValuesIn(cases()), case_name);

double gelu(double x) {
  return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
}
double silu(double x) {
  return x / (1 + std::exp(-x));
}

TEST_P(OpsTest, LinearWithBiasActivationAndResidual) {
  const WeightFormat format = GetParam().dtype == DType::kF32 ? WeightFormat::kF32 : WeightFormat::kBF16;
  for (const std::int64_t rows : {1, 5, 130}) {
    const std::int64_t in = 72, out = 40;
    const Values x = random(rows * in, 0.3F), w = random(out * in, 0.3F), bias = random(out),
                 residual = random(rows * out);
    for (const auto activation : {Activation::kNone, Activation::kGeluErf, Activation::kSilu}) {
      std::vector<double> expected;
      for (std::int64_t i = 0; i < rows * out; ++i) {
        const float* weight = w.data() + i % out * in;
        const double sum = std::inner_product(weight, weight + in, x.data() + i / out * in,
                                              static_cast<double>(bias[i % out]));
        const double value = activation == Activation::kNone      ? sum
                             : activation == Activation::kGeluErf ? gelu(sum)
                                                                  : silu(sum);
        expected.push_back(value + residual[i]);
      }
      const PackedLinear packed = pack(w, bias, in, format);
      const Matrix y = put(residual, rows);
      backend_->linear(*context_, put(x, rows), packed, activation, y, y);  // onto its own residual
      expect_near(get(y), expected, GetParam().tolerance);
      const Matrix apart = put(Values(expected.size(), NAN), rows);
      backend_->linear(*context_, put(x, rows), packed, activation, put(residual, rows), apart);
      expect_near(get(apart), expected, GetParam().tolerance);
    }
  }
}

TEST_P(OpsTest, PlansAreMadeOnce) {
  const Values x = random(6 * 64), w = random(32 * 64);
  const PackedLinear packed = pack(w, {}, 64, WeightFormat::kF32);
  const Matrix left = put(x, 6), y = put(Values(6 * 32), 6);
  backend_->linear(*context_, left, packed, Activation::kNone, {}, y);
  const auto plans = context_->plan_builds();
  for (int i = 0; i < 3; ++i) backend_->linear(*context_, left, packed, Activation::kNone, {}, y);
  EXPECT_EQ(context_->plan_builds(), plans);
}

TEST_P(OpsTest, Norms) {
  const std::int64_t rows = 3, n = 97;
  const Values x = random(rows * n), weight = random(n), bias = random(n);
  std::vector<double> layer, rms;
  for (std::int64_t row = 0; row < rows; ++row) {
    double mean = 0, variance = 0, squares = 0;
    for (std::int64_t i = 0; i < n; ++i) mean += x[row * n + i] / static_cast<double>(n);
    for (std::int64_t i = 0; i < n; ++i) {
      variance += std::pow(x[row * n + i] - mean, 2) / static_cast<double>(n);
      squares += std::pow(x[row * n + i], 2) / static_cast<double>(n);
    }
    for (std::int64_t i = 0; i < n; ++i) {
      layer.push_back((x[row * n + i] - mean) / std::sqrt(variance + 1e-5) * weight[i] + bias[i]);
      rms.push_back(x[row * n + i] / std::sqrt(squares + 1e-5) * weight[i]);
    }
  }
  const Matrix in = put(x, rows), y = put(Values(x.size()), rows), w = put(weight, 1), b = put(bias, 1);
  backend_->layer_norm(*context_, in, w.data, b.data, 1e-5F, y);
  expect_near(get(y), layer, kF32Tolerance);
  backend_->rms_norm(*context_, in, w.data, 1e-5F, y);
  expect_near(get(y), rms, kF32Tolerance);
}

TEST_P(OpsTest, RopeTurnsHalves) {
  const std::int64_t rows = 4, heads = 3, head_dim = 16, half = 8;
  const Values x = random(rows * heads * head_dim);
  const Values rate{1.0F, 0.5F, 0.25F, 0.1F, 0.05F, 0.02F, 0.01F, 0.005F};
  std::vector<std::int32_t> coordinates;
  for (std::int32_t row = 0; row < rows; ++row) coordinates.insert(coordinates.end(), {row * 7, row, row});
  const std::vector<std::uint8_t> axis{0, 0, 0, 0, 1, 1, 2, 2};
  std::vector<double> expected(x.begin(), x.end());
  for (std::int64_t i = 0; i < rows * heads * half; ++i) {
    const std::int64_t row = i / (heads * half), at = i / half * head_dim + i % half;
    const double angle = coordinates[row * 3 + axis[i % half]] * static_cast<double>(rate[i % half]);
    expected[at] = x[at] * std::cos(angle) - x[at + half] * std::sin(angle);
    expected[at + half] = x[at + half] * std::cos(angle) + x[at] * std::sin(angle);
  }
  const Matrix cos = put(Values(rows * half), rows), sin = put(Values(rows * half), rows), y = put(x, rows);
  backend_->rope_table(*context_, coordinates, rate, axis, 1.0F, cos, sin);
  backend_->rope(*context_, cos, sin, head_dim, y);
  expect_near(get(y), expected, kF32Tolerance);
}

TEST_P(OpsTest, ElementwiseOps) {
  const Values a = random(5 * 33), b = random(5 * 33);
  std::vector<double> product, sum;
  for (std::size_t i = 0; i < a.size(); ++i) product.push_back(silu(a[i]) * b[i]), sum.push_back(a[i] + b[i]);
  const Matrix y = put(Values(a.size()), 5);
  backend_->silu_mul(*context_, put(a, 5), put(b, 5), y);
  expect_near(get(y), product, kF32Tolerance);
  backend_->add(*context_, put(a, 5), put(b, 5), y);
  expect_near(get(y), sum, kF32Tolerance);

  const Matrix padded = put(Values(8 * 33, NAN), 8);
  backend_->copy_padded(*context_, put(a, 5), 2, padded);
  std::vector<double> expected(2 * 33, 0.0);
  expected.insert(expected.end(), a.begin(), a.end());
  expected.resize(8 * 33, 0.0);
  expect_near(get(padded), expected, 0.0);
}

TEST_P(OpsTest, EmbeddingAndArgmax) {
  const Values rows = random(50 * 24);
  const Matrix table = put(rows, 50), y = put(Values(3 * 24), 3);
  const std::vector<std::int32_t> ids{49, 0, 7};
  backend_->embedding(*context_, {table.data, DType::kF32, {50, 24}, GetParam().device}, ids, y);
  std::vector<double> expected;
  for (const std::int32_t id : ids) expected.insert(expected.end(), &rows[id * 24], &rows[id * 24] + 24);
  expect_near(get(y), expected, 0.0);

  Values scores = random(3 * 700);
  scores[5] = scores[699] = 20.0F;  // the first of equals
  scores[700 + 699] = scores[1400] = 20.0F;
  std::vector<std::int32_t> found(3);
  backend_->argmax(*context_, put(scores, 3), found);
  EXPECT_EQ(found, (std::vector<std::int32_t>{5, 699, 0}));
}

TEST_P(OpsTest, Softmax) {
  const std::int64_t n = 301;
  const Values x = random(2 * n, 3.0F);
  std::vector<double> shares, logs;
  for (std::int64_t row = 0; row < 2; ++row) {
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(x[row * n + i]));
    for (std::int64_t i = 0; i < n; ++i) {
      shares.push_back(std::exp(static_cast<double>(x[row * n + i])) / sum);
      logs.push_back(x[row * n + i] - std::log(sum));
    }
  }
  const Matrix y = put(Values(x.size()), 2);
  backend_->softmax(*context_, put(x, 2), false, y);
  expect_near(get(y), shares, kF32Tolerance);
  backend_->softmax(*context_, put(x, 2), true, y);
  expect_near(get(y), logs, kF32Tolerance);
}

// Weights of one query row over `keys` rows of k, in f64.
std::vector<double> weights_of(const float* q, const float* k, std::int64_t stride, std::int64_t keys,
                               std::int64_t dim) {
  std::vector<double> weights;
  for (std::int64_t key = 0; key < keys; ++key) {
    weights.push_back(std::exp(0.25 * std::inner_product(q, q + dim, k + key * stride, 0.0)));
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= sum;
  return weights;
}

TEST_P(OpsTest, AttentionInSegments) {
  const std::int64_t rows = 150, heads = 2, dim = 24, width = heads * dim;
  const Values q = random(rows * width), k = random(rows * width), v = random(rows * width);
  const std::vector<AttentionSegment> segments{{0, 140, 0, 140}, {140, 10, 140, 10}};
  std::vector<double> expected(q.size(), 0.0);
  for (const auto& segment : segments) {
    for (std::int64_t i = 0; i < segment.query_count * heads; ++i) {
      const std::int64_t at = (segment.query_first + i / heads) * width + i % heads * dim;
      const std::int64_t first = segment.key_first * width + i % heads * dim;
      const auto weights = weights_of(&q[at], &k[first], width, segment.key_count, dim);
      for (std::int64_t key = 0; key < segment.key_count; ++key) {
        for (std::int64_t c = 0; c < dim; ++c) expected[at + c] += weights[key] * v[first + key * width + c];
      }
    }
  }
  const Matrix y = put(Values(q.size()), rows);
  backend_->attention(*context_, put(q, rows), put(k, rows), put(v, rows), segments, heads, 0.25F, y);
  expect_near(get(y), expected, GetParam().tolerance);
}

TEST_P(OpsTest, PagedAttentionOverTwoCalls) {
  const std::int64_t tokens = 45, heads = 6, kv_heads = 2, dim = 20;
  const KvLayout layout = backend_->kv_layout(2, 2, 20, GetParam().dtype);
  const auto pages = static_cast<std::size_t>((tokens + layout.page_tokens - 1) / layout.page_tokens);
  const tensor::Tensor memory = backend_->allocate_zeroed(pages * layout.page_bytes());
  std::vector<std::byte*> table;
  for (std::size_t page = 0; page < pages; ++page) {
    table.push_back(static_cast<std::byte*>(memory.view().data()) + page * layout.page_bytes());
  }
  const Values q = random(tokens * heads * dim), k = random(tokens * kv_heads * dim),
               v = random(tokens * kv_heads * dim);
  const Matrix dq = put(q, tokens), dk = put(k, tokens), dv = put(v, tokens),
               y = put(Values(q.size()), tokens);
  for (const auto& [past, count] : {std::pair<std::int64_t, std::int64_t>{0, 37}, {37, 8}}) {
    const KvSlice slice{table, past, 0, count};
    const PagedKv kv{&layout, 1, {&slice, 1}};
    backend_->append_kv(*context_, dk.row_range(past, count), dv.row_range(past, count), kv);
    backend_->paged_attention(*context_, dq.row_range(past, count), kv, true, 0.25F,
                              y.row_range(past, count));
  }
  std::vector<double> expected(q.size(), 0.0);
  for (std::int64_t i = 0; i < tokens * heads; ++i) {
    const std::int64_t token = i / heads, first = i % heads / (heads / kv_heads) * dim;
    const auto weights = weights_of(&q[i * dim], &k[first], kv_heads * dim, token + 1, dim);
    for (std::int64_t key = 0; key <= token; ++key) {
      for (std::int64_t c = 0; c < dim; ++c)
        expected[i * dim + c] += weights[key] * v[key * kv_heads * dim + first + c];
    }
  }
  expect_near(get(y), expected, GetParam().tolerance);

  const KvSlice all{table, tokens, 0, 1};
  const Matrix weights = put(Values(static_cast<std::size_t>(tokens)), 1);
  backend_->paged_attention_weights(*context_, dq.row_range(0, 1), {&layout, 1, {&all, 1}}, 4, 0.25F,
                                    weights);
  expect_near(get(weights), weights_of(&q[4 * dim], &k[dim], kv_heads * dim, tokens, dim),
              GetParam().tolerance);
}

}  // namespace
}  // namespace vedette::models::backend
