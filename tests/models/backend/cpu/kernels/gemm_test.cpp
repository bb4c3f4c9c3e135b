#include "models/backend/cpu/kernels/gemm.h"

#include <tuple>

#include "models/backend/cpu/kernels/rows.h"
#include "tests/models/backend/cpu/kernels/kernel_test.h"

namespace vedette::models::backend::cpu::kernels {
namespace {

using GemmTest = KernelTest;
VEDETTE_KERNEL_TESTS(GemmTest);

constexpr WeightFormat kFormats[] = {WeightFormat::kF32, WeightFormat::kBF16, WeightFormat::kInt8};

double tolerance_of(WeightFormat format) {
  switch (format) {
    case WeightFormat::kF32: return Tolerance::kF32;
    case WeightFormat::kBF16: return Tolerance::kBF16;
    case WeightFormat::kInt8: return Tolerance::kInt8;
  }
  return 0;
}

struct Size {
  std::int64_t m, n, k;
};
constexpr Size kSizes[] = {{0, 5, 7},    {1, 1, 1},      {1, 33, 384},   {2, 64, 31},
                           {5, 31, 65},  {8, 96, 576},   {13, 40, 96},   {16, 32, 300},
                           {17, 70, 64}, {97, 65, 1537}, {193, 384, 97}, {500, 33, 130}};

std::vector<double> product(const std::vector<float>& a, std::int64_t lda, const std::vector<float>& w,
                            Size size) {
  std::vector<double> c;
  for (std::int64_t row = 0; row < size.m; ++row) {
    for (std::int64_t column = 0; column < size.n; ++column) {
      double sum = 0;
      for (std::int64_t i = 0; i < size.k; ++i) {
        sum += static_cast<double>(a[row * lda + i]) * w[column * size.k + i];
      }
      c.push_back(sum);
    }
  }
  return c;
}

void run(const PackedMatrix& packed, const float* a, std::int64_t lda, std::int64_t m,
         const Epilogue& epilogue) {
  Scratch scratch(activation_bytes(packed, m));
  const Activations activations = prepare_activations(packed, m, a, lda, 0, m, scratch.data());
  const GemmPlan plan = plan_gemm(packed, m, 2);
  for (std::int64_t task = 0; task < plan.tasks(); ++task)
    run_gemm_task(packed, activations, epilogue, plan, task);
}

TEST_P(GemmTest, ProductsOfOddSizes) {
  for (const WeightFormat format : kFormats) {
    for (const Size size : kSizes) {
      const std::int64_t lda = size.k + 3;
      const auto a = random(size.m * lda), w = random(size.n * size.k);
      const PackedMatrix packed = pack_matrix(format, w.data(), size.k, size.n, size.k);
      std::vector<float> c(static_cast<std::size_t>(size.m * size.n), NAN);
      Epilogue epilogue;
      epilogue.f32 = c.data();
      epilogue.ld = size.n;
      run(packed, a.data(), lda, size.m, epilogue);
      expect_near(c, product(a, lda, w, size), tolerance_of(format),
                  "format " + std::to_string(static_cast<int>(format)) + ", " + std::to_string(size.m) +
                      " x " + std::to_string(size.n) + " x " + std::to_string(size.k));
    }
  }
}

TEST_P(GemmTest, EpilogueInItsOrder) {
  const Size size{19, 45, 70};
  const auto a = random(size.m * size.k, 0.3F), w = random(size.n * size.k, 0.3F), bias = random(size.n),
             residual = random(size.m * size.n);
  const PackedMatrix packed = pack_matrix(WeightFormat::kF32, w.data(), size.k, size.n, size.k);
  for (const Activation activation :
       {Activation::kNone, Activation::kGeluErf, Activation::kGeluTanh, Activation::kSilu}) {
    auto expected = product(a, size.k, w, size);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      auto x = static_cast<float>(expected[i] * 0.5 + bias[i % static_cast<std::size_t>(size.n)]);
      if (activation == Activation::kGeluErf) gelu_erf(&x, 1, &x);
      if (activation == Activation::kGeluTanh) gelu_tanh(&x, 1, &x);
      if (activation == Activation::kSilu) silu(&x, 1, &x);
      expected[i] = static_cast<double>(x) + residual[i];
    }
    auto c = residual;  // the output is the residual itself, as in a transformer's block
    Epilogue epilogue;
    epilogue.bias = bias.data();
    epilogue.activation = activation;
    epilogue.scale = 0.5F;
    epilogue.residual = c.data();
    epilogue.residual_ld = size.n;
    epilogue.f32 = c.data();
    epilogue.ld = size.n;
    run(packed, a.data(), size.k, size.m, epilogue);
    expect_near(c, expected, Tolerance::kF32, "activation " + std::to_string(static_cast<int>(activation)));

    std::vector<BFloat16> narrow(residual.size());
    epilogue.residual = residual.data();
    epilogue.f32 = nullptr;
    epilogue.bf16 = narrow.data();
    run(packed, a.data(), size.k, size.m, epilogue);
    std::vector<float> wide(narrow.size());
    to_f32(narrow.data(), static_cast<std::int64_t>(narrow.size()), wide.data());
    expect_near(wide, expected, Tolerance::kBF16Output, "bf16 output");
  }
}

TEST_P(GemmTest, BorrowedRowsGiveTheSame) {
  const Size size{21, 40, 96};
  const auto a = random(size.m * size.k), w = random(size.n * size.k);
  std::vector<BFloat16> narrow(a.size());
  to_bf16(a.data(), static_cast<std::int64_t>(a.size()), narrow.data());
  for (const WeightFormat format : kFormats) {
    const PackedMatrix packed = pack_matrix(format, w.data(), size.k, size.n, size.k);
    std::vector<float> prepared(static_cast<std::size_t>(size.m * size.n)), borrowed(prepared);
    Epilogue epilogue;
    epilogue.ld = size.n;
    epilogue.f32 = prepared.data();
    run(packed, a.data(), size.k, size.m, epilogue);
    epilogue.f32 = borrowed.data();
    const ActivationFormat wanted = activation_format(packed, size.m);
    if (wanted == ActivationFormat::kInt8 || wanted == ActivationFormat::kTiles) continue;
    const Activations rows = wanted == ActivationFormat::kBF16 ? borrow_activations(narrow.data(), size.k)
                                                               : borrow_activations(a.data(), size.k);
    const GemmPlan plan = plan_gemm(packed, size.m, 3);
    for (std::int64_t task = plan.tasks(); task-- > 0;) run_gemm_task(packed, rows, epilogue, plan, task);
    EXPECT_EQ(prepared, borrowed);
  }
}

TEST_P(GemmTest, TasksCoverTheProductOnce) {
  const auto w = random(1000 * 64);
  const PackedMatrix packed = pack_matrix(WeightFormat::kF32, w.data(), 64, 1000, 64);
  for (const std::int64_t m : {1, 16, 17, 300, 1500}) {
    const auto a = random(m * 64);
    std::vector<float> c(static_cast<std::size_t>(m * 1000), 0.0F);
    Epilogue epilogue;
    epilogue.residual = c.data();  // added twice if two tasks met
    epilogue.residual_ld = 1000;
    epilogue.f32 = c.data();
    epilogue.ld = 1000;
    const GemmPlan plan = plan_gemm(packed, m, 2);
    EXPECT_GE(plan.tasks(), 1);
    for (std::int64_t task = 0; task < plan.tasks(); ++task) {
      run_gemm_task(packed, borrow_activations(a.data(), 64), epilogue, plan, task);
    }
    expect_near(c, product(a, 64, w, {m, 1000, 64}), Tolerance::kF32, "m = " + std::to_string(m));
  }
}

TEST_P(GemmTest, UnpackedRowsAreTheWeights) {
  const Size size{0, 37, 70};
  const auto w = random(size.n * size.k);
  for (const WeightFormat format : kFormats) {
    const PackedMatrix packed = pack_matrix(format, w.data(), size.k, size.n, size.k);
    std::vector<float> rows(w.size());
    for (std::int64_t row = 0; row < size.n; ++row) unpack_row(packed, row, rows.data() + row * size.k);
    expect_near(rows, w, format == WeightFormat::kF32 ? 0.0 : Tolerance::kBF16, "rows");
  }
}

TEST(PackMatrixTest, RefusesEmptyMatrices) {
  const float w = 1.0F;
  EXPECT_THROW(pack_matrix(WeightFormat::kF32, &w, 1, 0, 1), std::invalid_argument);
  EXPECT_THROW(pack_matrix(WeightFormat::kF32, &w, 1, 1, 0), std::invalid_argument);
}

}  // namespace
}  // namespace vedette::models::backend::cpu::kernels
