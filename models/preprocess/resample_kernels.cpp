#include "models/preprocess/resample_kernels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/preprocess/resample_kernels.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace vedette::models::preprocess::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using I16 = hn::ScalableTag<std::int16_t>;
using I32 = hn::ScalableTag<std::int32_t>;

void split(const std::uint8_t* rgb, int pixels, std::int16_t* planes, std::int64_t stride) {
  const I16 d;
  const hn::Rebind<std::uint8_t, I16> d8;
  const int lanes = static_cast<int>(hn::Lanes(d));
  int i = 0;
  for (; i + lanes <= pixels; i += lanes) {
    hn::Vec<decltype(d8)> r, g, b;
    hn::LoadInterleaved3(d8, rgb + 3 * i, r, g, b);
    hn::StoreU(hn::PromoteTo(d, r), d, planes + i);
    hn::StoreU(hn::PromoteTo(d, g), d, planes + stride + i);
    hn::StoreU(hn::PromoteTo(d, b), d, planes + 2 * stride + i);
  }
  for (; i < pixels; ++i) {
    for (int c = 0; c < 3; ++c) planes[c * stride + i] = rgb[3 * i + c];
  }
}

void resample(const ResampleTable& table, const std::int16_t* row, int origin, std::uint8_t* out) {
  const I16 d;
  const I32 d32;
  const int lanes = static_cast<int>(hn::Lanes(d));
  const std::int32_t half = table.precision > 0 ? 1 << (table.precision - 1) : 0;
  for (int i = 0; i < table.outputs; ++i) {
    const std::int16_t* weights = table.weights.data() + static_cast<std::int64_t>(i) * table.stride;
    const std::int16_t* x = row + table.first[static_cast<std::size_t>(i)] - origin;
    auto low = hn::Zero(d32), high = hn::Zero(d32);
    for (int tap = 0; tap < table.taps[static_cast<std::size_t>(i)]; tap += lanes) {
      low = hn::ReorderWidenMulAccumulate(d32, hn::LoadU(d, x + tap), hn::LoadU(d, weights + tap), low, high);
    }
    const std::int32_t sum = hn::GetLane(hn::SumOfLanes(d32, hn::Add(low, high)));
    out[i] = static_cast<std::uint8_t>(std::clamp((half + sum) >> table.precision, 0, 255));
  }
}

void blend(const std::uint8_t* const* rows, const std::int16_t* weights, int taps, int precision, int length,
           float* out) {
  const I32 d;
  const F32 df;
  const hn::Rebind<std::uint8_t, I32> d8;
  const int lanes = static_cast<int>(hn::Lanes(d));
  const auto half = hn::Set(d, precision > 0 ? 1 << (precision - 1) : 0);
  for (int i = 0; i < length; i += lanes) {
    auto sum = half;
    for (int tap = 0; tap < taps; ++tap) {
      sum = hn::Add(sum, hn::Mul(hn::PromoteTo(d, hn::LoadU(d8, rows[tap] + i)), hn::Set(d, weights[tap])));
    }
    const auto value = hn::Min(hn::Max(hn::ShiftRightSame(sum, precision), hn::Zero(d)), hn::Set(d, 255));
    hn::StoreU(hn::ConvertTo(df, value), df, out + i);
  }
}

// Sums in 16 bits: 6 of them are fraction, and one is headroom for what a filter's negative lobes overshoot.
// Weights are halved, as those at an edge may be above 1.
void blend_finely(const std::uint8_t* const* rows, const float* factors, int taps, int length, float* out) {
  const I16 d;
  const I32 d32;
  const F32 df;
  const hn::Rebind<std::uint8_t, I16> d8;
  const hn::Rebind<std::int16_t, F32> d_part;
  const int lanes = static_cast<int>(hn::Lanes(d)), float_lanes = static_cast<int>(hn::Lanes(df));
  // Rows are the caller's own planes: nothing past their end may be read, so the last block reaches back.
  for (int at = 0; length >= lanes && at < length; at += lanes) {
    const int i = std::min(at, length - lanes);
    auto sum = hn::Zero(d);
    for (int tap = 0; tap < taps; ++tap) {
      const float scaled = std::clamp(factors[tap] * 16384.0F, -32767.0F, 32767.0F);
      const auto weight =
          hn::Set(d, static_cast<std::int16_t>(scaled < 0.0F ? scaled - 0.5F : scaled + 0.5F));
      const auto x = hn::ShiftLeft<7>(hn::PromoteTo(d, hn::LoadU(d8, rows[tap] + i)));
      sum = hn::Add(sum, hn::MulFixedPoint15(x, weight));
    }
    HWY_ALIGN std::int16_t sums[hn::MaxLanes(d)];
    hn::Store(sum, d, sums);
    for (int part = 0; part < lanes; part += float_lanes) {
      const auto wide = hn::ConvertTo(df, hn::PromoteTo(d32, hn::LoadU(d_part, sums + part)));
      hn::StoreU(hn::Mul(wide, hn::Set(df, 1.0F / 64.0F)), df, out + i + part);
    }
  }
  for (int i = 0; length < lanes && i < length; ++i) {
    out[i] = 0.0F;
    for (int tap = 0; tap < taps; ++tap) out[i] += factors[tap] * rows[tap][i];
  }
}

void split_two(const float* pairs, int count, float* first, float* second) {
  const F32 d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  for (int i = 0; i < count; i += lanes) {
    hn::Vec<F32> a, b;
    hn::LoadInterleaved2(d, pairs + 2 * i, a, b);
    hn::StoreU(a, d, first + i);
    hn::StoreU(b, d, second + i);
  }
}

void resample_finely(const ResampleTable& table, const float* row, int origin, float* out) {
  const F32 d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  for (int i = 0; i < table.outputs; ++i) {
    const float* factors = table.factors.data() + static_cast<std::int64_t>(i) * table.stride;
    const float* x = row + table.first[static_cast<std::size_t>(i)] - origin;
    auto sum = hn::Zero(d);
    for (int tap = 0; tap < table.taps[static_cast<std::size_t>(i)]; tap += lanes) {
      sum = hn::MulAdd(hn::LoadU(d, x + tap), hn::LoadU(d, factors + tap), sum);
    }
    out[i] = hn::GetLane(hn::SumOfLanes(d, sum));
  }
}

void rgb_row(const ColorTerms& terms, int count, float* y_red, float* cb_green, float* cr_blue) {
  const F32 d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  const auto clamped = [&](auto x) { return hn::Min(hn::Max(x, hn::Zero(d)), hn::Set(d, 255.0F)); };
  const auto middle = hn::Set(d, 128.0F);
  for (int i = 0; i < count; i += lanes) {
    const auto y =
        hn::Mul(hn::Sub(hn::LoadU(d, y_red + i), hn::Set(d, terms.luma_offset)), hn::Set(d, terms.luma_gain));
    const auto cb = hn::Sub(hn::LoadU(d, cb_green + i), middle);
    const auto cr = hn::Sub(hn::LoadU(d, cr_blue + i), middle);
    const auto green =
        hn::MulAdd(cb, hn::Set(d, terms.green_cb), hn::MulAdd(cr, hn::Set(d, terms.green_cr), y));
    hn::StoreU(clamped(hn::MulAdd(cr, hn::Set(d, terms.red_cr), y)), d, y_red + i);
    hn::StoreU(clamped(green), d, cb_green + i);
    hn::StoreU(clamped(hn::MulAdd(cb, hn::Set(d, terms.blue_cb), y)), d, cr_blue + i);
  }
}

void scale(const float* x, int count, float gain, float bias, float* out) {
  const F32 d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  int i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::MulAdd(hn::LoadU(d, x + i), hn::Set(d, gain), hn::Set(d, bias)), d, out + i);
  }
  for (; i < count; ++i) out[i] = x[i] * gain + bias;
}

}  // namespace vedette::models::preprocess::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vedette::models::preprocess {

HWY_EXPORT(split);
HWY_EXPORT(resample);
HWY_EXPORT(blend);
HWY_EXPORT(blend_finely);
HWY_EXPORT(split_two);
HWY_EXPORT(resample_finely);
HWY_EXPORT(rgb_row);
HWY_EXPORT(scale);

void split_rgb(const std::uint8_t* rgb, int pixels, std::int16_t* planes, std::int64_t stride) {
  HWY_DYNAMIC_DISPATCH(split)(rgb, pixels, planes, stride);
}
void resample_row(const ResampleTable& table, const std::int16_t* row, int origin, std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(resample)(table, row, origin, out);
}
void blend_rows(const std::uint8_t* const* rows, const std::int16_t* weights, int taps, int precision,
                int length, float* out) {
  HWY_DYNAMIC_DISPATCH(blend)(rows, weights, taps, precision, length, out);
}
void blend_rows_finely(const std::uint8_t* const* rows, const float* factors, int taps, int length,
                       float* out) {
  HWY_DYNAMIC_DISPATCH(blend_finely)(rows, factors, taps, length, out);
}
void split_pairs(const float* pairs, int count, float* first, float* second) {
  HWY_DYNAMIC_DISPATCH(split_two)(pairs, count, first, second);
}
void resample_row_finely(const ResampleTable& table, const float* row, int origin, float* out) {
  HWY_DYNAMIC_DISPATCH(resample_finely)(table, row, origin, out);
}
void to_rgb_row(const ColorTerms& terms, int count, float* y_red, float* cb_green, float* cr_blue) {
  HWY_DYNAMIC_DISPATCH(rgb_row)(terms, count, y_red, cb_green, cr_blue);
}
void scale_values(const float* x, int count, float gain, float bias, float* out) {
  HWY_DYNAMIC_DISPATCH(scale)(x, count, gain, bias, out);
}

}  // namespace vedette::models::preprocess
#endif
