// Vector functions shared by the Highway kernels: included once per target, after hwy/highway.h.
// The usual include guard, switched by Highway so that each target gets its own copy.
#if defined(VEDETTE_KERNELS_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef VEDETTE_KERNELS_SIMD_INL_H_
#undef VEDETTE_KERNELS_SIMD_INL_H_
#else
#define VEDETTE_KERNELS_SIMD_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "models/backend/cpu/kernels/gemm.h"

HWY_BEFORE_NAMESPACE();
namespace vedette::models::backend::cpu::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using F32V = hn::Vec<F32>;

// e^x to about 2 ulp: Cephes' expf polynomial. Below -87.3 exactly 0, above 88.3 as at 88.3.
HWY_INLINE F32V exp_of(F32V x) {
  const F32 d;
  const hn::RebindToSigned<F32> di;
  const auto in_range = hn::Gt(x, hn::Set(d, -87.3F));
  const F32V clamped = hn::Min(hn::Max(x, hn::Set(d, -87.3F)), hn::Set(d, 88.3F));
  const auto n = hn::NearestInt(hn::Mul(clamped, hn::Set(d, 1.44269504F)));
  const F32V nf = hn::ConvertTo(d, n);
  F32V r = hn::NegMulAdd(nf, hn::Set(d, 0.693359375F), clamped);
  r = hn::NegMulAdd(nf, hn::Set(d, -2.12194440e-4F), r);
  F32V p = hn::Set(d, 1.9875691500e-4F);
  p = hn::MulAdd(p, r, hn::Set(d, 1.3981999507e-3F));
  p = hn::MulAdd(p, r, hn::Set(d, 8.3334519073e-3F));
  p = hn::MulAdd(p, r, hn::Set(d, 4.1665795894e-2F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.6666665459e-1F));
  p = hn::MulAdd(p, r, hn::Set(d, 5.0000001201e-1F));
  p = hn::Add(hn::MulAdd(hn::Mul(p, r), r, r), hn::Set(d, 1.0F));
  const auto power = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(n, hn::Set(di, 127))));
  return hn::IfThenElseZero(in_range, hn::Mul(p, power));
}

// erf(x) to about 4 ulp: the odd rational minimax approximation on [-4, 4] that Eigen and XLA use.
HWY_INLINE F32V erf_of(F32V x) {
  const F32 d;
  x = hn::Min(hn::Max(x, hn::Set(d, -4.0F)), hn::Set(d, 4.0F));
  const F32V x2 = hn::Mul(x, x);
  F32V p = hn::Set(d, -2.72614225801306e-10F);
  p = hn::MulAdd(p, x2, hn::Set(d, 2.77068142495902e-08F));
  p = hn::MulAdd(p, x2, hn::Set(d, -2.10102402082508e-06F));
  p = hn::MulAdd(p, x2, hn::Set(d, -5.69250639462346e-05F));
  p = hn::MulAdd(p, x2, hn::Set(d, -7.34990630326855e-04F));
  p = hn::MulAdd(p, x2, hn::Set(d, -2.95459980854025e-03F));
  p = hn::MulAdd(p, x2, hn::Set(d, -1.60960333262415e-02F));
  F32V q = hn::Set(d, -1.45660718464996e-05F);
  q = hn::MulAdd(q, x2, hn::Set(d, -2.13374055278905e-04F));
  q = hn::MulAdd(q, x2, hn::Set(d, -1.68282697438203e-03F));
  q = hn::MulAdd(q, x2, hn::Set(d, -7.37332916720468e-03F));
  q = hn::MulAdd(q, x2, hn::Set(d, -1.42647390514189e-02F));
  return hn::Div(hn::Mul(x, p), q);
}

HWY_INLINE F32V gelu_erf_of(F32V x) {
  const F32 d;
  const F32V half = hn::Mul(x, hn::Set(d, 0.5F));
  return hn::MulAdd(half, erf_of(hn::Mul(x, hn::Set(d, 0.70710678F))), half);
}

// x / (1 + e^-x)
HWY_INLINE F32V silu_of(F32V x) {
  const F32 d;
  return hn::Div(x, hn::Add(hn::Set(d, 1.0F), exp_of(hn::Neg(x))));
}

// x/2 * (1 + tanh(u)) = x / (1 + e^-2u), u = sqrt(2/pi) * (x + 0.044715 x^3)
HWY_INLINE F32V gelu_tanh_of(F32V x) {
  const F32 d;
  const F32V cubic = hn::Mul(hn::Mul(x, x), hn::Set(d, 0.044715F * 1.59576912F));
  const F32V u2 = hn::Mul(x, hn::Add(cubic, hn::Set(d, 1.59576912F)));
  return hn::Div(x, hn::Add(hn::Set(d, 1.0F), exp_of(hn::Neg(u2))));
}

// x / (1 + e^-1.702x)
HWY_INLINE F32V gelu_quick_of(F32V x) {
  const F32 d;
  return hn::Div(x, hn::Add(hn::Set(d, 1.0F), exp_of(hn::Mul(x, hn::Set(d, -1.702F)))));
}

HWY_INLINE F32V activate(Activation activation, F32V x) {
  switch (activation) {
    case Activation::kNone: return x;
    case Activation::kGeluErf: return gelu_erf_of(x);
    case Activation::kGeluTanh: return gelu_tanh_of(x);
    case Activation::kGeluQuick: return gelu_quick_of(x);
    case Activation::kSilu: return silu_of(x);
  }
  return x;
}

// f32 to the bits of bf16, nearest even, in the low halves. NaNs become quiet.
HWY_INLINE hn::Vec<hn::RebindToUnsigned<F32>> bf16_bits(F32V x) {
  const hn::RebindToUnsigned<F32> du;
  const auto bits = hn::BitCast(du, x);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1U));
  const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fffU))));
  const auto quiet = hn::Or(hn::ShiftRight<16>(bits), hn::Set(du, 0x40U));
  const auto nan = hn::RebindMask(du, hn::IsNaN(x));
  return hn::IfThenElse(nan, quiet, rounded);
}

HWY_INLINE void store_bf16(F32V x, BFloat16* out) {
  const hn::RebindToUnsigned<F32> du;
  const hn::Rebind<std::uint16_t, decltype(du)> d16;
  const hn::RebindToSigned<decltype(du)> di;
  // Values are below 2^16, so the saturating signed-to-unsigned narrowing keeps them.
  hn::StoreU(hn::DemoteTo(d16, hn::BitCast(di, bf16_bits(x))), d16, &out->bits);
}

HWY_INLINE F32V load_bf16(const BFloat16* in) {
  const F32 d;
  const hn::RebindToUnsigned<F32> du;
  const hn::Rebind<std::uint16_t, decltype(du)> d16;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, hn::LoadU(d16, &in->bits))));
}

}  // namespace vedette::models::backend::cpu::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
