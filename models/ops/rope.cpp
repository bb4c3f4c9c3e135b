#include "models/ops/rope.h"

#include <cmath>

#include "models/ops/check.h"

namespace vedette::models::ops {

RopeTable rope_table(ComputeContext& context, const RopeFrequencies& frequencies,
                     std::span<const Position> positions) {
  const auto rows = static_cast<std::int64_t>(positions.size());
  const auto half = static_cast<std::int64_t>(frequencies.rate.size());
  const RopeTable table{context.matrix(rows, half), context.matrix(rows, half)};
  context.parallel_for(rows, 32, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Position& position = positions[static_cast<std::size_t>(i)];
      const std::int32_t coordinate[3] = {position.t, position.h, position.w};
      for (std::int64_t c = 0; c < half; ++c) {
        const auto index = static_cast<std::size_t>(c);
        const float angle = static_cast<float>(coordinate[frequencies.axis[index]]) * frequencies.rate[index];
        table.cos.row(i)[c] = std::cos(angle) * frequencies.attention_factor;
        table.sin.row(i)[c] = std::sin(angle) * frequencies.attention_factor;
      }
    }
  });
  return table;
}

void rope(ComputeContext& context, const RopeTable& table, std::int64_t head_dim, Matrix x) {
  expect("rope", "rows of the table", table.cos.rows, x.rows);
  expect("rope", "columns of the table", 2 * table.cos.columns, head_dim);
  expect("rope", "columns past whole heads", x.columns % head_dim, 0);
  context.backend().rope(context, table.cos, table.sin, head_dim, x);
}

}  // namespace vedette::models::ops
