#include <algorithm>
#include <cmath>

#include "models/backend/cpu/kernels/rows.h"
#include "models/backend/cpu/ops_cpu.h"
#include "models/tensor/convert.h"

namespace vedette::models::backend::cpu {

namespace {

// Rows per chunk, such that a chunk is worth handing out.
std::int64_t grain_of(std::int64_t columns) {
  return std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, columns));
}

// Calls body(first row, rows) until all rows are covered.
template <class Body>
void for_rows(ComputeContext& context, Matrix x, Body body) {
  context.parallel_for(x.rows, grain_of(x.columns),
                       [&](std::int64_t begin, std::int64_t end) { body(begin, end - begin); });
}

}  // namespace

void layer_norm(ComputeContext& context, Matrix x, const float* weight, const float* bias, float epsilon,
                Matrix y) {
  for_rows(context, x, [&](std::int64_t first, std::int64_t count) {
    kernels::layer_norm(x.row(first), x.stride, count, x.columns, weight, bias, epsilon, y.row(first),
                        y.stride);
  });
}

void rms_norm(ComputeContext& context, Matrix x, const float* weight, float epsilon, Matrix y) {
  for_rows(context, x, [&](std::int64_t first, std::int64_t count) {
    kernels::rms_norm(x.row(first), x.stride, count, x.columns, weight, epsilon, y.row(first), y.stride);
  });
}

void rope_table(ComputeContext& context, std::span<const std::int32_t> coordinates,
                std::span<const float> rate, std::span<const std::uint8_t> axis, float factor, Matrix cos,
                Matrix sin) {
  for_rows(context, cos, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first; i < first + count; ++i) {
      const std::int32_t* position = coordinates.data() + 3 * i;
      for (std::size_t c = 0; c < rate.size(); ++c) {
        const float angle = static_cast<float>(position[axis[c]]) * rate[c];
        cos.row(i)[c] = std::cos(angle) * factor;
        sin.row(i)[c] = std::sin(angle) * factor;
      }
    }
  });
}

void rope(ComputeContext& context, Matrix cos, Matrix sin, std::int64_t head_dim, Matrix x) {
  for_rows(context, x, [&](std::int64_t first, std::int64_t count) {
    kernels::rope(x.row(first), x.stride, count, x.columns / head_dim, head_dim, head_dim, cos.row(first),
                  sin.row(first));
  });
}

void embedding(ComputeContext& context, const tensor::TensorView& table, std::span<const std::int32_t> ids,
               Matrix y) {
  for_rows(context, y, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first; i < first + count; ++i) {
      tensor::to_f32(table.rows(ids[static_cast<std::size_t>(i)], 1),
                     {y.row(i), static_cast<std::size_t>(y.columns)});
    }
  });
}

void silu_mul(ComputeContext& context, Matrix gate, Matrix up, Matrix y) {
  for_rows(context, y, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first; i < first + count; ++i) {
      kernels::silu_mul(gate.row(i), up.row(i), y.columns, y.row(i));
    }
  });
}

void copy_padded(ComputeContext& context, Matrix x, std::int64_t before, Matrix y) {
  for_rows(context, y, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first; i < first + count; ++i) {
      if (i < before || i >= before + x.rows) {
        std::fill_n(y.row(i), y.columns, 0.0F);
      } else {
        std::copy_n(x.row(i - before), y.columns, y.row(i));
      }
    }
  });
}

void add(ComputeContext& context, Matrix a, Matrix b, Matrix y) {
  for_rows(context, y, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first; i < first + count; ++i)
      kernels::add(a.row(i), b.row(i), y.columns, y.row(i));
  });
}

void softmax(ComputeContext& context, Matrix x, bool log, Matrix y) {
  for_rows(context, x, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first; i < first + count; ++i) {
      if (log) {
        const float shift = kernels::log_sum_exp(x.row(i), x.columns);
        std::transform(x.row(i), x.row(i) + x.columns, y.row(i),
                       [shift](float value) { return value - shift; });
      } else {
        if (y.row(i) != x.row(i)) std::copy_n(x.row(i), x.columns, y.row(i));
        kernels::softmax(y.row(i), y.stride, 1, y.columns, 1.0F);
      }
    }
  });
}

void argmax(ComputeContext& context, Matrix x, std::span<std::int32_t> indices) {
  for_rows(context, x, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first; i < first + count; ++i) {
      indices[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(kernels::argmax(x.row(i), x.columns));
    }
  });
}

}  // namespace vedette::models::backend::cpu
