#pragma once

#include <cstdint>
#include <span>

#include "models/backend/context.h"

// Ops that treat every row by itself. y may be x where both have one shape.
// All throw std::invalid_argument when shapes do not fit.
namespace vedette::models::ops {

using backend::ComputeContext;
using backend::Matrix;

// weight, bias: [columns] f32.
void layer_norm(ComputeContext& context, Matrix x, const tensor::TensorView& weight,
                const tensor::TensorView& bias, float epsilon, Matrix y);
void rms_norm(ComputeContext& context, Matrix x, const tensor::TensorView& weight, float epsilon, Matrix y);

// y[i] = table[ids[i]] as f32. table: [vocabulary, columns] of f32, bf16 or f16; also throws for an id
// outside it.
void embedding(ComputeContext& context, const tensor::TensorView& table, std::span<const std::int32_t> ids,
               Matrix y);

// y = silu(gate) * up: the gate of SwiGLU (Shazeer 2020).
void silu_mul(ComputeContext& context, Matrix gate, Matrix up, Matrix y);
void add(ComputeContext& context, Matrix a, Matrix b, Matrix y);
void copy(ComputeContext& context, Matrix x, Matrix y);

void softmax(ComputeContext& context, Matrix x, Matrix y);
void log_softmax(ComputeContext& context, Matrix x, Matrix y);
// The index of each row's greatest value, the first of equals. indices: [rows], on the host.
void argmax(ComputeContext& context, Matrix x, std::span<std::int32_t> indices);

}  // namespace vedette::models::ops
