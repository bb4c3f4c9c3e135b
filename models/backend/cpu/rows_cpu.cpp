#include <algorithm>
#include <cmath>

#include "models/backend/cpu/convert.h"
#include "models/backend/cpu/ops_cpu.h"

namespace vedette::models::backend::cpu {

namespace {

// Rows per chunk, such that a chunk is worth handing out.
std::int64_t grain_of(std::int64_t columns) {
  return std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, columns));
}

template <class Body>
void for_rows(ComputeContext& context, Matrix x, Body body) {
  context.parallel_for(x.rows, grain_of(x.columns), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) body(i);
  });
}

}  // namespace

void layer_norm(ComputeContext& context, Matrix x, const float* weight, const float* bias, float epsilon,
                Matrix y) {
  for_rows(context, x, [&](std::int64_t i) {
    const float* src = x.row(i);
    float* dst = y.row(i);
    float mean = 0.0F;
    for (std::int64_t c = 0; c < x.columns; ++c) mean += src[c];
    mean /= static_cast<float>(x.columns);
    float variance = 0.0F;
    for (std::int64_t c = 0; c < x.columns; ++c) variance += (src[c] - mean) * (src[c] - mean);
    const float scale = 1.0F / std::sqrt(variance / static_cast<float>(x.columns) + epsilon);
    for (std::int64_t c = 0; c < x.columns; ++c) dst[c] = (src[c] - mean) * scale * weight[c] + bias[c];
  });
}

void rms_norm(ComputeContext& context, Matrix x, const float* weight, float epsilon, Matrix y) {
  for_rows(context, x, [&](std::int64_t i) {
    const float* src = x.row(i);
    float* dst = y.row(i);
    float square = 0.0F;
    for (std::int64_t c = 0; c < x.columns; ++c) square += src[c] * src[c];
    const float scale = 1.0F / std::sqrt(square / static_cast<float>(x.columns) + epsilon);
    for (std::int64_t c = 0; c < x.columns; ++c) dst[c] = src[c] * scale * weight[c];
  });
}

void rope_table(ComputeContext& context, std::span<const std::int32_t> coordinates,
                std::span<const float> rate, std::span<const std::uint8_t> axis, float factor, Matrix cos,
                Matrix sin) {
  for_rows(context, cos, [&](std::int64_t i) {
    const std::int32_t* position = coordinates.data() + 3 * i;
    for (std::size_t c = 0; c < rate.size(); ++c) {
      const float angle = static_cast<float>(position[axis[c]]) * rate[c];
      cos.row(i)[c] = std::cos(angle) * factor;
      sin.row(i)[c] = std::sin(angle) * factor;
    }
  });
}

void rope(ComputeContext& context, Matrix cos, Matrix sin, std::int64_t head_dim, Matrix x) {
  const std::int64_t half = head_dim / 2;
  for_rows(context, x, [&](std::int64_t i) {
    for (std::int64_t base = 0; base < x.columns; base += head_dim) {
      float* head = x.row(i) + base;
      for (std::int64_t c = 0; c < half; ++c) {
        const float a = head[c], b = head[c + half];
        head[c] = a * cos.row(i)[c] - b * sin.row(i)[c];
        head[c + half] = b * cos.row(i)[c] + a * sin.row(i)[c];
      }
    }
  });
}

void embedding(ComputeContext& context, const tensor::TensorView& table, std::span<const std::int32_t> ids,
               Matrix y) {
  for_rows(context, y, [&](std::int64_t i) {
    read_floats(table, ids[static_cast<std::size_t>(i)] * y.columns, y.columns, y.row(i));
  });
}

void silu_mul(ComputeContext& context, Matrix gate, Matrix up, Matrix y) {
  for_rows(context, y, [&](std::int64_t i) {
    const float *g = gate.row(i), *u = up.row(i);
    float* dst = y.row(i);
    for (std::int64_t c = 0; c < y.columns; ++c) dst[c] = g[c] / (1.0F + std::exp(-g[c])) * u[c];
  });
}

void copy_padded(ComputeContext& context, Matrix x, std::int64_t before, Matrix y) {
  for_rows(context, y, [&](std::int64_t i) {
    if (i < before || i >= before + x.rows) {
      std::fill_n(y.row(i), y.columns, 0.0F);
    } else {
      std::copy_n(x.row(i - before), y.columns, y.row(i));
    }
  });
}

void add(ComputeContext& context, Matrix a, Matrix b, Matrix y) {
  for_rows(context, y, [&](std::int64_t i) {
    for (std::int64_t c = 0; c < y.columns; ++c) y.row(i)[c] = a.row(i)[c] + b.row(i)[c];
  });
}

void softmax(ComputeContext& context, Matrix x, bool log, Matrix y) {
  for_rows(context, x, [&](std::int64_t i) {
    const float* src = x.row(i);
    float* dst = y.row(i);
    const float top = *std::max_element(src, src + x.columns);
    float sum = 0.0F;
    for (std::int64_t c = 0; c < x.columns; ++c) sum += std::exp(src[c] - top);
    const float shift = top + std::log(sum);
    for (std::int64_t c = 0; c < x.columns; ++c) dst[c] = log ? src[c] - shift : std::exp(src[c] - shift);
  });
}

void argmax(ComputeContext& context, Matrix x, std::span<std::int32_t> indices) {
  for_rows(context, x, [&](std::int64_t i) {
    const float* src = x.row(i);
    indices[static_cast<std::size_t>(i)] =
        static_cast<std::int32_t>(std::max_element(src, src + x.columns) - src);
  });
}

}  // namespace vedette::models::backend::cpu
