#pragma once

#include "models/backend/context.h"

namespace vedette::models::ops {

using backend::Activation;
using backend::ComputeContext;
using backend::LinearPart;
using backend::Matrix;
using backend::PackedLinear;
using backend::WeightFormat;

// Packs the parts, stacked by rows, into one matrix in the backend's order: the projections of q, k and v
// become one. Throws: std::invalid_argument when there is none or the parts' inner extents or a bias do not
// fit.
PackedLinear pack_linear(backend::Backend& backend, std::span<const LinearPart> parts, WeightFormat format);
PackedLinear pack_linear(backend::Backend& backend, const tensor::TensorView& weight,
                         const tensor::TensorView& bias, WeightFormat format);
// A one-dimensional convolution's weight [out, in, kernel] as the matrix that conv1d multiplies by.
PackedLinear pack_conv1d(backend::Backend& backend, const tensor::TensorView& weight,
                         const tensor::TensorView& bias, WeightFormat format);
// The format that belongs to a context's dtype: f32 or bf16.
WeightFormat weight_format(tensor::DType dtype);

struct LinearOptions {
  Activation activation = Activation::kNone;
  Matrix residual = {};  // [rows, out], added after the activation; may be y; empty: none
};

// y = activation(x w^T + bias) + residual. x: [rows, in], y: [rows, out]. Throws: std::invalid_argument on
// other shapes.
void linear(ComputeContext& context, Matrix x, const PackedLinear& w, Matrix y,
            const LinearOptions& options = {});

struct Conv1dOptions {
  int kernel = 3;
  int stride = 1;
  int padding = 1;  // zero rows before and after
  Activation activation = Activation::kNone;
  Matrix residual = {};  // [frames out, out channels], added after the activation; empty: none
};

// x: [frames, in] with time outermost, y: [(frames + 2 padding - kernel) / stride + 1, out].
// Throws: std::invalid_argument on other shapes.
void conv1d(ComputeContext& context, Matrix x, const PackedLinear& w, Matrix y, const Conv1dOptions& options);

}  // namespace vedette::models::ops
