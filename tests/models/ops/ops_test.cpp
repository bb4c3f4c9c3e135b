// Every op against its slow, obvious form, on every precision of the CPU backend.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "models/backend/cpu/cpu_backend.h"
#include "models/ops/attention.h"
#include "models/ops/linear.h"
#include "models/ops/rope.h"
#include "models/ops/rows.h"

namespace vedette::models::ops {
namespace {

using tensor::DType;
using tensor::Tensor;

// The largest root mean square error, relative to the result's own size.
double tolerance(WeightFormat format) {
  switch (format) {
    case WeightFormat::kF32: return 2e-6;
    case WeightFormat::kBF16: return 5e-3;
    case WeightFormat::kI8: return 1.5e-2;
  }
  return 0.0;
}

Tensor random_tensor(tensor::Shape shape, unsigned seed, float spread = 1.0F) {
  Tensor result(DType::kF32, shape);
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, spread);
  for (float& value : result.as<float>()) value = normal(random);
  return result;
}

double relative_error(Matrix received, Matrix expected) {
  double error = 0.0, power = 0.0;
  for (std::int64_t i = 0; i < expected.rows; ++i) {
    for (std::int64_t c = 0; c < expected.columns; ++c) {
      const double e = static_cast<double>(expected.row(i)[c]);
      error += (static_cast<double>(received.row(i)[c]) - e) * (static_cast<double>(received.row(i)[c]) - e);
      power += e * e;
    }
  }
  return std::sqrt(error / power);
}

struct Machine {
  explicit Machine(DType dtype) : context(*backend, pool, dtype) {}
  std::unique_ptr<backend::Backend> backend = backend::cpu::make_cpu_backend();
  backend::WorkerPool pool{2};
  ComputeContext context;
};

class LinearTest : public testing::TestWithParam<WeightFormat> {};
INSTANTIATE_TEST_SUITE_P(Formats, LinearTest,
                         testing::Values(WeightFormat::kF32, WeightFormat::kBF16, WeightFormat::kI8));

double activate(Activation activation, double v) {
  switch (activation) {
    case Activation::kNone: return v;
    case Activation::kGeluErf: return 0.5 * v * (1.0 + std::erf(v / std::sqrt(2.0)));
    case Activation::kGeluTanh:
      return 0.5 * v * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (v + 0.044715 * v * v * v)));
    case Activation::kGeluQuick: return v / (1.0 + std::exp(-1.702 * v));
    case Activation::kSilu: return v / (1.0 + std::exp(-v));
  }
  return v;
}

void slow_linear(Matrix x, Matrix w, const float* bias, Activation activation, Matrix residual, Matrix y) {
  for (std::int64_t i = 0; i < x.rows; ++i) {
    for (std::int64_t n = 0; n < w.rows; ++n) {
      double sum = bias == nullptr ? 0.0 : static_cast<double>(bias[n]);
      for (std::int64_t k = 0; k < x.columns; ++k)
        sum += static_cast<double>(x.row(i)[k]) * static_cast<double>(w.row(n)[k]);
      sum = activate(activation, sum) + (residual.empty() ? 0.0 : static_cast<double>(residual.row(i)[n]));
      y.row(i)[n] = static_cast<float>(sum);
    }
  }
}

TEST_P(LinearTest, EqualsTheSlowForm) {
  Machine machine(DType::kF32);
  const std::int64_t out = 75, in = 70;
  const Tensor first = random_tensor({40, in}, 1), second = random_tensor({out - 40, in}, 2),
               bias = random_tensor({40}, 3);
  Tensor stacked(DType::kF32, {out, in});
  std::copy_n(first.as<float>().data(), 40 * in, stacked.as<float>().data());
  std::copy_n(second.as<float>().data(), (out - 40) * in, stacked.as<float>().data() + 40 * in);
  std::vector<float> whole_bias(static_cast<std::size_t>(out));
  std::copy_n(bias.as<float>().data(), 40, whole_bias.data());
  const LinearPart parts[] = {{first, bias}, {second, {}}};
  const PackedLinear packed = pack_linear(*machine.backend, parts, GetParam());
  for (const std::int64_t rows : {1, 3, 8, 50, 200}) {
    for (const Activation activation : {Activation::kNone, Activation::kGeluErf, Activation::kGeluTanh,
                                        Activation::kGeluQuick, Activation::kSilu}) {
      const Tensor wide = random_tensor({rows, in + 9}, 4);  // x is a block of columns of something wider
      const Matrix x = Matrix(wide.view()).column_range(5, in);
      const Tensor residual = random_tensor({rows, out}, 5);
      const Tensor expected(DType::kF32, {rows, out});
      slow_linear(x, stacked.view(), whole_bias.data(), activation, residual.view(), expected.view());
      Tensor received = random_tensor({rows, out}, 5);  // y is the residual itself
      linear(machine.context, x, packed, received.view(), {activation, received.view()});
      EXPECT_LE(relative_error(received.view(), expected.view()), tolerance(GetParam())) << rows << " rows";
    }
  }
}

TEST(Linear, RefusesShapesThatDoNotFit) {
  Machine machine(DType::kF32);
  const Tensor w = random_tensor({6, 4}, 1), x = random_tensor({2, 4}, 2), y = random_tensor({2, 6}, 3),
               odd = random_tensor({2, 5}, 4);
  const PackedLinear packed = pack_linear(*machine.backend, w, {}, WeightFormat::kF32);
  EXPECT_NO_THROW(linear(machine.context, x.view(), packed, y.view()));
  EXPECT_THROW(linear(machine.context, odd.view(), packed, y.view()), std::invalid_argument);
  EXPECT_THROW(linear(machine.context, x.view(), packed, odd.view()), std::invalid_argument);
  EXPECT_THROW(linear(machine.context, x.view(), packed, y.view(), {.residual = odd.view()}),
               std::invalid_argument);
  EXPECT_THROW(pack_linear(*machine.backend, w, odd, WeightFormat::kF32), std::invalid_argument);
  EXPECT_THROW(pack_linear(*machine.backend, {}, WeightFormat::kF32), std::invalid_argument);
}

TEST(Conv1d, EqualsTheSlowForm) {
  Machine machine(DType::kF32);
  const std::int64_t in = 5, out = 7, frames = 21;
  const Tensor x = random_tensor({frames, in}, 1), w = random_tensor({out, in, 3}, 2),
               bias = random_tensor({out}, 3);
  const PackedLinear packed = pack_conv1d(*machine.backend, w, bias, WeightFormat::kF32);
  for (const int stride : {1, 2}) {
    const std::int64_t length = (frames + 2 - 3) / stride + 1;
    Tensor expected(DType::kF32, {length, out});
    for (std::int64_t t = 0; t < length; ++t) {
      for (std::int64_t o = 0; o < out; ++o) {
        double sum = static_cast<double>(bias.as<float>()[static_cast<std::size_t>(o)]);
        for (std::int64_t c = 0; c < in; ++c) {
          for (std::int64_t k = 0; k < 3; ++k) {
            const std::int64_t at = t * stride + k - 1;
            if (at < 0 || at >= frames) continue;
            sum += static_cast<double>(x.as<float>()[static_cast<std::size_t>(at * in + c)]) *
                   static_cast<double>(w.as<float>()[static_cast<std::size_t>((o * in + c) * 3 + k)]);
          }
        }
        expected.as<float>()[static_cast<std::size_t>(t * out + o)] =
            static_cast<float>(activate(Activation::kGeluErf, sum));
      }
    }
    const Tensor received(DType::kF32, {length, out});
    conv1d(machine.context, x.view(), packed, received.view(),
           {.stride = stride, .activation = Activation::kGeluErf});
    EXPECT_LE(relative_error(received.view(), expected.view()), 2e-6);
    const Tensor wrong(DType::kF32, {length + 1, out});
    EXPECT_THROW(conv1d(machine.context, x.view(), packed, wrong.view(), {.stride = stride}),
                 std::invalid_argument);
  }
}

TEST(Rows, NormsEqualTheSlowForm) {
  Machine machine(DType::kF32);
  const std::int64_t rows = 40, columns = 77;
  const Tensor x = random_tensor({rows, columns}, 1, 3.0F), weight = random_tensor({columns}, 2),
               bias = random_tensor({columns}, 3);
  Tensor layer(DType::kF32, {rows, columns}), rms(DType::kF32, {rows, columns});
  const Matrix from(x.view()), layer_rows(layer.view()), rms_rows(rms.view());
  for (std::int64_t i = 0; i < rows; ++i) {
    double mean = 0.0, square = 0.0, variance = 0.0;
    for (std::int64_t c = 0; c < columns; ++c)
      mean += static_cast<double>(from.row(i)[c]) / static_cast<double>(columns);
    for (std::int64_t c = 0; c < columns; ++c) {
      const double v = static_cast<double>(from.row(i)[c]);
      square += v * v / static_cast<double>(columns);
      variance += (v - mean) * (v - mean) / static_cast<double>(columns);
    }
    for (std::int64_t c = 0; c < columns; ++c) {
      const auto at = static_cast<std::size_t>(c);
      const double v = static_cast<double>(from.row(i)[c]), w = static_cast<double>(weight.as<float>()[at]);
      layer_rows.row(i)[c] = static_cast<float>((v - mean) / std::sqrt(variance + 1e-5) * w +
                                                static_cast<double>(bias.as<float>()[at]));
      rms_rows.row(i)[c] = static_cast<float>(v / std::sqrt(square + 1e-5) * w);
    }
  }
  const Tensor received(DType::kF32, {rows, columns});
  layer_norm(machine.context, x.view(), weight, bias, 1e-5F, received.view());
  EXPECT_LE(relative_error(received.view(), layer.view()), 2e-6);
  rms_norm(machine.context, x.view(), weight, 1e-5F, received.view());
  EXPECT_LE(relative_error(received.view(), rms.view()), 2e-6);
  EXPECT_THROW(rms_norm(machine.context, x.view(), random_tensor({3}, 1), 1e-5F, received.view()),
               std::invalid_argument);
}

TEST(Rows, SoftmaxArgmaxAndSwiGlu) {
  Machine machine(DType::kF32);
  const std::int64_t rows = 9, columns = 501;
  const Tensor x = random_tensor({rows, columns}, 1, 4.0F), up = random_tensor({rows, columns}, 2);
  const Tensor probabilities(DType::kF32, {rows, columns}), logs(DType::kF32, {rows, columns}),
      gated(DType::kF32, {rows, columns});
  softmax(machine.context, x.view(), probabilities.view());
  log_softmax(machine.context, x.view(), logs.view());
  silu_mul(machine.context, x.view(), up.view(), gated.view());
  std::vector<std::int32_t> best(static_cast<std::size_t>(rows));
  argmax(machine.context, x.view(), best);
  const Matrix from(x.view());
  for (std::int64_t i = 0; i < rows; ++i) {
    double sum = 0.0;
    std::int64_t expected_best = 0;
    for (std::int64_t c = 0; c < columns; ++c) {
      sum += std::exp(static_cast<double>(from.row(i)[c]));
      if (from.row(i)[c] > from.row(i)[expected_best]) expected_best = c;
    }
    EXPECT_EQ(best[static_cast<std::size_t>(i)], expected_best);
    for (std::int64_t c = 0; c < columns; ++c) {
      const double v = static_cast<double>(from.row(i)[c]);
      ASSERT_NEAR(Matrix(probabilities.view()).row(i)[c], std::exp(v) / sum, 1e-6);
      ASSERT_NEAR(Matrix(logs.view()).row(i)[c], v - std::log(sum), 2e-5);
      ASSERT_NEAR(Matrix(gated.view()).row(i)[c],
                  activate(Activation::kSilu, v) * static_cast<double>(Matrix(up.view()).row(i)[c]), 2e-5);
    }
  }
  // The first of equals.
  Tensor equal = Tensor::zeros(DType::kF32, {1, 40});
  equal.as<float>()[7] = equal.as<float>()[30] = 1.0F;
  std::int32_t index = 0;
  argmax(machine.context, equal.view(), std::span(&index, 1));
  EXPECT_EQ(index, 7);
}

TEST(Rows, EmbeddingReadsEveryStoredType) {
  Machine machine(DType::kF32);
  const std::vector<std::int32_t> ids{2, 0, 2};
  const Tensor y(DType::kF32, {3, 2});
  Tensor f32(DType::kF32, {3, 2}), bf16(DType::kBF16, {3, 2}), f16(DType::kF16, {3, 2});
  const float values[] = {1.0F, -2.0F, 0.5F, 0.0F, 6.103515625e-05F, 65504.0F};
  const std::uint16_t halves[] = {0x3c00, 0xc000, 0x3800, 0x0000, 0x0400, 0x7bff};
  for (std::size_t i = 0; i < 6; ++i) {
    f32.as<float>()[i] = values[i];
    bf16.as<tensor::BFloat16>()[i] = tensor::to_bfloat16(values[i]);
    static_cast<std::uint16_t*>(f16.view().data())[i] = halves[i];
  }
  for (const Tensor* table : {&f32, &bf16, &f16}) {
    embedding(machine.context, *table, ids, y.view());
    const auto row = y.as<float>();
    EXPECT_EQ(row[0], 6.103515625e-05F);
    EXPECT_NEAR(row[1], 65504.0F, table == &bf16 ? 64.0F : 0.0F);
    EXPECT_EQ(row[2], 1.0F);
    EXPECT_EQ(row[3], -2.0F);
  }
  EXPECT_THROW(embedding(machine.context, f32, std::vector<std::int32_t>{0, 3, 0}, y.view()),
               std::invalid_argument);
  EXPECT_THROW(embedding(machine.context, f32, std::vector<std::int32_t>{0, -1, 0}, y.view()),
               std::invalid_argument);
}

TEST(Rope, TurnsPairsByPositionOnTheirAxis) {
  Machine machine(DType::kF32);
  const RopeFrequencies frequencies{{1.0F, 0.1F, 0.01F}, {0, 1, 2}, 1.5F};
  const std::vector<Position> positions{{0, 0, 0}, {3, 50, 700}};
  const Tensor x = random_tensor({2, 12}, 1);
  Tensor turned = random_tensor({2, 12}, 1);
  const backend::ScratchScope scope(machine.context.scratch());
  const RopeTable table = rope_table(machine.context, frequencies, positions);
  rope(machine.context, table, 6, turned.view());
  const float angles[2][3] = {{0, 0, 0}, {3.0F, 5.0F, 7.0F}};
  for (std::int64_t i = 0; i < 2; ++i) {
    for (std::int64_t head = 0; head < 2; ++head) {
      for (std::int64_t c = 0; c < 3; ++c) {
        const float *from = Matrix(x.view()).row(i) + head * 6, *to = Matrix(turned.view()).row(i) + head * 6;
        const float cosine = 1.5F * std::cos(angles[i][c]), sine = 1.5F * std::sin(angles[i][c]);
        EXPECT_NEAR(to[c], from[c] * cosine - from[c + 3] * sine, 1e-5);
        EXPECT_NEAR(to[c + 3], from[c + 3] * cosine + from[c] * sine, 1e-5);
      }
    }
  }
  EXPECT_THROW(rope(machine.context, table, 4, turned.view()), std::invalid_argument);
}

}  // namespace
}  // namespace vedette::models::ops
