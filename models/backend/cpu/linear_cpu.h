#pragma once

#include "models/backend/context.h"
#include "models/backend/cpu/kernels/gemm.h"

// What the ops with products are made of.
namespace vedette::models::backend::cpu {

inline constexpr std::int64_t kRowsPerConversion = 16;  // a chunk of some ten thousand values

const kernels::PackedMatrix& matrix_of(const PackedLinear& w);

// Bias and activation; where to is still to be said.
kernels::Epilogue epilogue_of(const PackedLinear& w, Activation activation);
void write_rows(kernels::Epilogue& epilogue, Matrix residual, Matrix y);

// All tasks of one product, on the context's pool.
void multiply(ComputeContext& context, const kernels::Activations& left, const kernels::PackedMatrix& w,
              const kernels::Epilogue& epilogue, const kernels::GemmPlan& plan);
void multiply(ComputeContext& context, const kernels::Activations& left, std::int64_t rows,
              const kernels::PackedMatrix& w, const kernels::Epilogue& epilogue);

}  // namespace vedette::models::backend::cpu
