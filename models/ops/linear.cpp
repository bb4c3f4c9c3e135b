#include "models/ops/linear.h"

#include "models/ops/check.h"

namespace vedette::models::ops {

namespace {

// The same elements with the kernel axis before the input channels: [out, kernel, in].
template <class T>
void move_channels_last(const T* src, std::int64_t out, std::int64_t in, std::int64_t kernel, T* dst) {
  for (std::int64_t o = 0; o < out; ++o) {
    for (std::int64_t c = 0; c < in; ++c) {
      for (std::int64_t k = 0; k < kernel; ++k)
        dst[(o * kernel + k) * in + c] = src[(o * in + c) * kernel + k];
    }
  }
}

}  // namespace

WeightFormat weight_format(tensor::DType dtype) {
  return dtype == tensor::DType::kBF16 ? WeightFormat::kBF16 : WeightFormat::kF32;
}

PackedLinear pack_linear(backend::Backend& backend, std::span<const LinearPart> parts, WeightFormat format) {
  expect("pack_linear", "at least one part", parts.empty() ? 0 : 1, 1);
  for (const auto& part : parts) {
    expect("pack_linear", "rank of weight", part.weight.shape().rank(), 2);
    expect("pack_linear", "input channels", part.weight.shape()[1], parts[0].weight.shape()[1]);
    if (!part.bias.empty())
      expect("pack_linear", "length of bias", part.bias.count(), part.weight.shape()[0]);
  }
  return backend.pack(parts, format);
}

PackedLinear pack_linear(backend::Backend& backend, const tensor::TensorView& weight,
                         const tensor::TensorView& bias, WeightFormat format) {
  const LinearPart part{weight, bias};
  return pack_linear(backend, std::span(&part, 1), format);
}

PackedLinear pack_conv1d(backend::Backend& backend, const tensor::TensorView& weight,
                         const tensor::TensorView& bias, WeightFormat format) {
  expect("pack_conv1d", "rank of weight", weight.shape().rank(), 3);
  const std::int64_t out = weight.shape()[0], in = weight.shape()[1], kernel = weight.shape()[2];
  const tensor::Tensor ordered(weight.dtype(), {out, kernel * in});
  if (tensor::size_of(weight.dtype()) == 4) {
    move_channels_last(static_cast<const std::uint32_t*>(weight.data()), out, in, kernel,
                       static_cast<std::uint32_t*>(ordered.view().data()));
  } else {
    expect("pack_conv1d", "bytes of an element", static_cast<std::int64_t>(tensor::size_of(weight.dtype())),
           2);
    move_channels_last(static_cast<const std::uint16_t*>(weight.data()), out, in, kernel,
                       static_cast<std::uint16_t*>(ordered.view().data()));
  }
  return pack_linear(backend, ordered, bias, format);
}

void linear(ComputeContext& context, Matrix x, const PackedLinear& w, Matrix y,
            const LinearOptions& options) {
  expect("linear", "columns of x", x.columns, w.in);
  expect("linear", "rows of y", y.rows, x.rows);
  expect("linear", "columns of y", y.columns, w.out);
  if (!options.residual.empty()) {
    expect("linear", "rows of residual", options.residual.rows, y.rows);
    expect("linear", "columns of residual", options.residual.columns, y.columns);
  }
  if (x.rows != 0) context.backend().linear(context, x, w, options.activation, options.residual, y);
}

void conv1d(ComputeContext& context, Matrix x, const PackedLinear& w, Matrix y,
            const Conv1dOptions& options) {
  expect("conv1d", "channels of x times kernel", x.columns * options.kernel, w.in);
  expect("conv1d", "rows of y", y.rows, (x.rows + 2 * options.padding - options.kernel) / options.stride + 1);
  const backend::ScratchScope scope(context.scratch());
  // Time outermost: the taps of one output frame lie in one run of the padded input, so no patches are
  // copied.
  const Matrix padded = context.matrix(x.rows + 2 * options.padding, x.columns);
  context.backend().copy_padded(context, x, options.padding, padded);
  const Matrix patches(padded.data, y.rows, w.in, options.stride * x.columns);
  linear(context, patches, w, y, {options.activation, options.residual});
}

}  // namespace vedette::models::ops
