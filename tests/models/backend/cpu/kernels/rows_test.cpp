#include "models/backend/cpu/kernels/rows.h"

#include <limits>

#include "tests/models/backend/cpu/kernels/kernel_test.h"

namespace vedette::models::backend::cpu::kernels {
namespace {

using RowsTest = KernelTest;
VEDETTE_KERNEL_TESTS(RowsTest);

constexpr std::int64_t kLengths[] = {1, 3, 16, 31, 64, 384, 577};

// f applied to each value, in f64.
template <class F>
std::vector<double> mapped(const std::vector<float>& x, F f) {
  std::vector<double> y;
  for (const double value : x) y.push_back(f(value));
  return y;
}

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

TEST_P(RowsTest, LayerNorm) {
  for (const std::int64_t n : kLengths) {
    const std::int64_t rows = 3, ld = n + 5;
    const auto x = random(rows * ld), gamma = random(n), beta = random(n);
    std::vector<float> y(static_cast<std::size_t>(rows * ld), 9.0F);
    std::vector<double> expected(y.begin(), y.end());
    for (std::int64_t r = 0; r < rows; ++r) {
      double mean = 0, variance = 0;
      for (std::int64_t i = 0; i < n; ++i) mean += x[r * ld + i] / static_cast<double>(n);
      for (std::int64_t i = 0; i < n; ++i)
        variance += std::pow(x[r * ld + i] - mean, 2) / static_cast<double>(n);
      for (std::int64_t i = 0; i < n; ++i) {
        expected[r * ld + i] = (x[r * ld + i] - mean) / std::sqrt(variance + 1e-5) * gamma[i] + beta[i];
      }
    }
    layer_norm(x.data(), ld, rows, n, gamma.data(), beta.data(), 1e-5F, y.data(), ld);
    expect_near(y, expected, Tolerance::kRows, "n = " + std::to_string(n));
  }
}

TEST_P(RowsTest, RmsNorm) {
  for (const std::int64_t n : kLengths) {
    const std::int64_t rows = 2;
    const auto x = random(rows * n), gamma = random(n);
    std::vector<float> y(x.size());
    std::vector<double> expected;
    for (std::int64_t r = 0; r < rows; ++r) {
      double squares = 0;
      for (std::int64_t i = 0; i < n; ++i) squares += std::pow(x[r * n + i], 2) / static_cast<double>(n);
      for (std::int64_t i = 0; i < n; ++i)
        expected.push_back(x[r * n + i] / std::sqrt(squares + 1e-5) * gamma[i]);
    }
    rms_norm(x.data(), n, rows, n, gamma.data(), 1e-5F, y.data(), n);
    expect_near(y, expected, Tolerance::kRows, "n = " + std::to_string(n));
  }
}

TEST_P(RowsTest, SoftmaxAndLogSumExp) {
  for (const std::int64_t n : kLengths) {
    auto x = random(n, 4.0F);
    if (n > 2) x[1] = -std::numeric_limits<float>::infinity();
    const double max = *std::max_element(x.begin(), x.end());
    double sum = 0, scaled_sum = 0;
    for (const double value : x) sum += std::exp(value - max), scaled_sum += std::exp((value - max) * 0.5);
    EXPECT_NEAR(log_sum_exp(x.data(), n), max + std::log(sum), 1e-5);
    const auto expected = mapped(x, [&](double value) { return std::exp((value - max) * 0.5) / scaled_sum; });
    softmax(x.data(), n, 1, n, 0.5F);
    expect_near(x, expected, Tolerance::kRows, "n = " + std::to_string(n));
    if (n > 2) {
      EXPECT_EQ(x[1], 0.0F) << "what is masked has no share";
    }
  }
}

TEST_P(RowsTest, ArgmaxTakesTheFirstOfEquals) {
  for (const std::int64_t n : kLengths) {
    for (std::int64_t at = 0; at < n; at += std::max<std::int64_t>(1, n / 7)) {
      auto x = random(n);
      x[at] = 50.0F;
      x[n - 1] = at == n - 1 ? 50.0F : x[n - 1];
      if (at + 1 < n) x[at + 1] = 50.0F;
      EXPECT_EQ(argmax(x.data(), n), at) << n;
    }
  }
}

TEST_P(RowsTest, Activations) {
  for (const std::int64_t n : kLengths) {
    auto x = random(n, 4.0F);
    const auto up = random(n);
    x[0] = 2.0F;  // a lone value near zero would be judged by its own cancellation
    if (n > 4) x[0] = 40.0F, x[1] = -40.0F, x[2] = -200.0F, x[3] = 200.0F;
    const std::string what = "n = " + std::to_string(n);
    std::vector<float> y(x.size());
    gelu_erf(x.data(), n, y.data());
    expect_near(y, mapped(x, [](double v) { return 0.5 * v * (1 + std::erf(v / std::sqrt(2.0))); }),
                Tolerance::kRows, what);
    gelu_tanh(x.data(), n, y.data());
    expect_near(y,
                mapped(x,
                       [](double v) {
                         return 0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
                       }),
                Tolerance::kRows, what);
    silu(x.data(), n, y.data());
    const auto expected = mapped(x, [](double v) { return v * sigmoid(v); });
    expect_near(y, expected, Tolerance::kRows, what);
    silu_mul(x.data(), up.data(), n, y.data());
    std::vector<double> products;
    for (std::size_t i = 0; i < x.size(); ++i) products.push_back(expected[i] * up[i]);
    expect_near(y, products, Tolerance::kRows, what);
  }
}

TEST_P(RowsTest, AddAndMultiplyInPlace) {
  for (const std::int64_t n : kLengths) {
    auto a = random(n);
    const auto b = random(n), before = a;
    add(a.data(), b.data(), n, a.data());
    for (std::size_t i = 0; i < a.size(); ++i) ASSERT_EQ(a[i], before[i] + b[i]);
    a = before;
    multiply(a.data(), b.data(), n, a.data());
    for (std::size_t i = 0; i < a.size(); ++i) ASSERT_EQ(a[i], before[i] * b[i]);
  }
}

TEST_P(RowsTest, RopeTurnsTheRotaryPartOnly) {
  struct Case {
    std::int64_t heads, head_dim, rotary;
  };
  for (const auto& [heads, head_dim, rotary] :
       {Case{1, 16, 16}, Case{3, 64, 64}, Case{2, 80, 80}, Case{2, 64, 22}}) {
    const std::int64_t rows = 3, half = rotary / 2, ld = heads * head_dim + 3;
    auto x = random(rows * ld);
    std::vector<float> cos, sin;
    for (const float angle : random(rows * half))
      cos.push_back(std::cos(angle)), sin.push_back(std::sin(angle));
    std::vector<double> expected(x.begin(), x.end());
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t at = r * ld; at < r * ld + heads * head_dim; at += head_dim) {
        for (std::int64_t i = 0; i < half; ++i) {
          const double c = cos[r * half + i], s = sin[r * half + i], low = x[at + i], high = x[at + half + i];
          expected[at + i] = low * c - high * s;
          expected[at + half + i] = high * c + low * s;
        }
      }
    }
    rope(x.data(), ld, rows, heads, head_dim, rotary, cos.data(), sin.data());
    expect_near(x, expected, Tolerance::kRows, "head_dim = " + std::to_string(head_dim));
  }
}

TEST_P(RowsTest, BF16RoundsToNearestEvenAndKeepsNaN) {
  auto x = random(577);
  x[5] = std::numeric_limits<float>::quiet_NaN();
  x[6] = std::numeric_limits<float>::infinity();
  std::vector<BFloat16> narrow(x.size());
  to_bf16(x.data(), 577, narrow.data());
  std::vector<float> wide(x.size());
  to_f32(narrow.data(), 577, wide.data());
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(narrow[i].bits, tensor::to_bfloat16(x[i]).bits) << i;
    if (i != 5) {
      ASSERT_EQ(wide[i], tensor::to_float(narrow[i])) << i;
    }
  }
  EXPECT_TRUE(std::isnan(wide[5]));
}

}  // namespace
}  // namespace vedette::models::backend::cpu::kernels
