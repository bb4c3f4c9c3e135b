#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "models/backend/cpu/kernels/isa.h"

namespace vedette::models::backend::cpu::kernels {

// Greatest error against the reference in f64, as a share of the greatest value of the reference.
struct Tolerance {
  static constexpr double kRows = 2e-6;        // norms, activations, softmax in f32
  static constexpr double kF32 = 2e-6;         // products of f32
  static constexpr double kAttention = 1e-5;   // f32 through an exponential
  static constexpr double kBF16 = 1e-2;        // products whose inputs are rounded to 8 bits of mantissa
  static constexpr double kInt8 = 2e-2;        // products of 8-bit weights and activations
  static constexpr double kBF16Output = 4e-3;  // the result itself rounded
};

// Every test runs once for each level of instruction set that this machine has.
class KernelTest : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override { limit_isa(GetParam()); }
  void TearDown() override { limit_isa(supported_isas().back()); }

  std::vector<float> random(std::int64_t count, float spread = 1.0F) {
    std::normal_distribution<float> distribution(0.0F, spread);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = distribution(generator_);
    return values;
  }

 private:
  std::mt19937 generator_{7};
};

inline std::string isa_name(const testing::TestParamInfo<Isa>& info) {
  std::string name = to_string(info.param);
  std::erase_if(name, [](char c) { return c == ' ' || c == '-'; });
  return name;
}

#define VEDETTE_KERNEL_TESTS(suite)         \
  INSTANTIATE_TEST_SUITE_P(EveryIsa, suite, \
                           testing::ValuesIn(supported_isas().begin(), supported_isas().end()), isa_name)

// 64-byte aligned bytes of exactly the size asked for, so that a sanitizer sees a step past the end.
class Scratch {
 public:
  explicit Scratch(std::int64_t bytes)
      : memory_(
            std::aligned_alloc(64, static_cast<std::size_t>((bytes + 63) / 64 * 64 + (bytes == 0 ? 64 : 0))),
            &std::free) {
    std::fill_n(static_cast<unsigned char*>(memory_.get()), (bytes + 63) / 64 * 64,
                static_cast<unsigned char>(0));
  }
  void* data() { return memory_.get(); }

 private:
  std::unique_ptr<void, void (*)(void*)> memory_;
};

template <class Actual, class Reference>
void expect_near(const Actual& actual, const Reference& reference, double tolerance,
                 const std::string& what) {
  ASSERT_EQ(actual.size(), reference.size()) << what;
  double greatest = 1e-30, worst = 0;
  for (const double value : reference) greatest = std::max(greatest, std::fabs(value));
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double error = std::fabs(static_cast<double>(actual[i]) - static_cast<double>(reference[i]));
    worst = std::isnan(error) ? INFINITY : std::max(worst, error);
  }
  EXPECT_LE(worst / greatest, tolerance) << what;
}

}  // namespace vedette::models::backend::cpu::kernels
