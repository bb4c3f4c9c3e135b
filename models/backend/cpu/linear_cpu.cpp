#include <cmath>
#include <vector>

#include "models/backend/cpu/convert.h"
#include "models/backend/cpu/ops_cpu.h"

namespace vedette::models::backend::cpu {

namespace {

struct PlainWeight final : PackedLinear::Storage {
  std::vector<float> values;  // [out, in]
  std::size_t bytes() const override { return values.size() * sizeof(float); }
};

float apply(Activation activation, float value) {
  switch (activation) {
    case Activation::kNone: return value;
    case Activation::kGeluErf: return 0.5F * value * (1.0F + std::erf(value * 0.70710678F));
    case Activation::kGeluTanh:
      return 0.5F * value * (1.0F + std::tanh(0.79788456F * (value + 0.044715F * value * value * value)));
    case Activation::kSilu: return value / (1.0F + std::exp(-value));
  }
  return value;
}

}  // namespace

PackedLinear pack_linear(std::span<const LinearPart> parts, WeightFormat format) {
  PackedLinear packed;
  packed.format = format;
  bool biased = false;
  for (const auto& part : parts) {
    packed.out += part.weight.shape()[0];
    packed.in = part.weight.shape()[1];
    biased = biased || !part.bias.empty();
  }
  auto storage = std::make_unique<PlainWeight>();
  storage->values.resize(static_cast<std::size_t>(packed.out * packed.in));
  if (biased) packed.bias = tensor::Tensor::zeros(tensor::DType::kF32, {packed.out});
  std::int64_t row = 0;
  for (const auto& part : parts) {
    read_floats(part.weight, 0, part.weight.count(), storage->values.data() + row * packed.in);
    if (!part.bias.empty())
      read_floats(part.bias, 0, part.bias.count(), packed.bias.as<float>().data() + row);
    row += part.weight.shape()[0];
  }
  if (format == WeightFormat::kBF16) {
    for (float& value : storage->values) value = tensor::to_float(tensor::to_bfloat16(value));
  }
  packed.weight = std::move(storage);
  return packed;
}

void linear(ComputeContext& context, Matrix x, const PackedLinear& w, Activation activation, Matrix residual,
            Matrix y) {
  const float* weight = static_cast<const PlainWeight&>(*w.weight).values.data();
  const float* bias = w.bias.empty() ? nullptr : w.bias.as<float>().data();
  context.parallel_for(w.out, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = 0; i < x.rows; ++i) {
      for (std::int64_t n = begin; n < end; ++n) {
        const float* column = weight + n * w.in;
        const float* row = x.row(i);
        float sum = 0.0F;
        for (std::int64_t k = 0; k < w.in; ++k) sum += row[k] * column[k];
        const float value = apply(activation, bias == nullptr ? sum : sum + bias[n]);
        y.row(i)[n] = residual.empty() ? value : value + residual.row(i)[n];
      }
    }
  });
}

}  // namespace vedette::models::backend::cpu
