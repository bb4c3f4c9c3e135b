#include "models/backend/cpu/linear_cpu.h"

#include <algorithm>

#include "models/backend/cpu/ops_cpu.h"
#include "models/tensor/convert.h"

namespace vedette::models::backend::cpu {

namespace {

struct PackedStorage final : PackedLinear::Storage {
  explicit PackedStorage(kernels::PackedMatrix packed) : matrix(std::move(packed)) {}
  std::size_t bytes() const override { return static_cast<std::size_t>(matrix.bytes()); }

  kernels::PackedMatrix matrix;
};

kernels::WeightFormat kernel_format(WeightFormat format) {
  switch (format) {
    case WeightFormat::kF32: return kernels::WeightFormat::kF32;
    case WeightFormat::kBF16: return kernels::WeightFormat::kBF16;
    case WeightFormat::kI8: return kernels::WeightFormat::kInt8;
  }
  return kernels::WeightFormat::kF32;
}

kernels::Activation kernel_activation(Activation activation) {
  switch (activation) {
    case Activation::kNone: return kernels::Activation::kNone;
    case Activation::kGeluErf: return kernels::Activation::kGeluErf;
    case Activation::kGeluTanh: return kernels::Activation::kGeluTanh;
    case Activation::kGeluQuick: return kernels::Activation::kGeluQuick;
    case Activation::kSilu: return kernels::Activation::kSilu;
  }
  return kernels::Activation::kNone;
}

// The rows as the product wants to read them: where they lie, or converted into scratch.
kernels::Activations left_side(ComputeContext& context, const kernels::PackedMatrix& w, Matrix x) {
  if (kernels::activation_format(w, x.rows) == kernels::ActivationFormat::kF32) {
    return kernels::borrow_activations(x.data, x.stride);
  }
  std::byte* scratch = context.scratch().take(static_cast<std::size_t>(kernels::activation_bytes(w, x.rows)));
  context.parallel_for(x.rows, kRowsPerConversion, [&](std::int64_t begin, std::int64_t end) {
    kernels::prepare_activations(w, x.rows, x.row(begin), x.stride, begin, end - begin, scratch);
  });
  return kernels::prepare_activations(w, x.rows, nullptr, 0, 0, 0, scratch);
}

constexpr std::int64_t kPanelsPerTask = 4;  // some ten thousand weights

// Values [first, first + count) of a row of the stacked parts, as f32.
void read_row(std::span<const LinearPart> parts, std::int64_t row, std::int64_t first, std::int64_t count,
              float* out) {
  const LinearPart* part = parts.data();
  for (; row >= part->weight.shape()[0]; ++part) row -= part->weight.shape()[0];
  const tensor::TensorView& w = part->weight;
  const std::size_t at = static_cast<std::size_t>(row * w.shape()[1] + first) * tensor::size_of(w.dtype());
  tensor::to_f32({static_cast<std::byte*>(w.data()) + at, w.dtype(), {count}},
                 {out, static_cast<std::size_t>(count)});
}

void pack_panel(std::span<const LinearPart> parts, std::int64_t panel, kernels::PackedMatrix& matrix) {
  alignas(64) float block[kernels::kPanel * kernels::kPackBlock];
  const std::int64_t rows = std::min(kernels::kPanel, matrix.n - panel * kernels::kPanel);
  for (std::int64_t first = 0; first < matrix.k; first += kernels::kPackBlock) {
    const std::int64_t count = std::min(kernels::kPackBlock, matrix.k - first);
    for (std::int64_t r = 0; r < rows; ++r)
      read_row(parts, panel * kernels::kPanel + r, first, count, block + r * kernels::kPackBlock);
    kernels::pack_block(matrix, panel, first, count, block, kernels::kPackBlock);
  }
}

}  // namespace

PackedLinear pack_linear(WorkerPool* pool, std::span<const LinearPart> parts, WeightFormat format) {
  PackedLinear packed;
  packed.format = format;
  bool biased = false;
  for (const auto& part : parts) {
    packed.out += part.weight.shape()[0];
    packed.in = part.weight.shape()[1];
    biased = biased || !part.bias.empty();
  }
  if (biased) packed.bias = tensor::Tensor::zeros(tensor::DType::kF32, {packed.out});
  std::int64_t row = 0;
  for (const auto& part : parts) {
    const std::int64_t rows = part.weight.shape()[0];
    if (!part.bias.empty()) tensor::to_f32(part.bias, packed.bias.view().rows(row, rows).as<float>());
    row += rows;
  }
  kernels::PackedMatrix matrix = kernels::make_packed(kernel_format(format), packed.out, packed.in);
  const auto pack_panels = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t panel = begin; panel < end; ++panel) pack_panel(parts, panel, matrix);
  };
  if (pool == nullptr) {
    pack_panels(0, matrix.panels());
  } else {
    pool->parallel_for(matrix.panels(), kPanelsPerTask, pack_panels);
  }
  packed.weight = std::make_unique<PackedStorage>(std::move(matrix));
  return packed;
}

const kernels::PackedMatrix& matrix_of(const PackedLinear& w) {
  return static_cast<const PackedStorage&>(*w.weight).matrix;
}

kernels::Epilogue epilogue_of(const PackedLinear& w, Activation activation) {
  kernels::Epilogue epilogue;
  epilogue.bias = w.bias.empty() ? nullptr : w.bias.as<float>().data();
  epilogue.activation = kernel_activation(activation);
  return epilogue;
}

void write_rows(kernels::Epilogue& epilogue, Matrix residual, Matrix y) {
  epilogue.residual = residual.data;
  epilogue.residual_ld = residual.stride;
  epilogue.f32 = y.data;
  epilogue.ld = y.stride;
}

void multiply(ComputeContext& context, const kernels::Activations& left, std::int64_t rows,
              const kernels::PackedMatrix& w, const kernels::Epilogue& epilogue) {
  multiply(context, left, w, epilogue, kernels::plan_gemm(w, rows, context.pool().threads()));
}

void multiply(ComputeContext& context, const kernels::Activations& left, const kernels::PackedMatrix& w,
              const kernels::Epilogue& epilogue, const kernels::GemmPlan& plan) {
  context.parallel_for(plan.tasks(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) kernels::run_gemm_task(w, left, epilogue, plan, task);
  });
}

void linear(ComputeContext& context, Matrix x, const PackedLinear& w, Activation activation, Matrix residual,
            Matrix y) {
  const ScratchScope scope(context.scratch());
  const kernels::PackedMatrix& matrix = matrix_of(w);
  kernels::Epilogue epilogue = epilogue_of(w, activation);
  write_rows(epilogue, residual, y);
  multiply(context, left_side(context, matrix, x), x.rows, matrix, epilogue);
}

}  // namespace vedette::models::backend::cpu
