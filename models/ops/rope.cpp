#include "models/ops/rope.h"

#include "models/ops/check.h"

namespace vedette::models::ops {

RopeTable rope_table(ComputeContext& context, const RopeFrequencies& frequencies,
                     std::span<const Position> positions) {
  const auto rows = static_cast<std::int64_t>(positions.size());
  const auto half = static_cast<std::int64_t>(frequencies.rate.size());
  const RopeTable table{context.matrix(rows, half), context.matrix(rows, half)};
  static_assert(sizeof(Position) == 3 * sizeof(std::int32_t));
  const std::span<const std::int32_t> coordinates(rows == 0 ? nullptr : &positions[0].t,
                                                  3 * positions.size());
  context.backend().rope_table(context, coordinates, frequencies.rate, frequencies.axis,
                               frequencies.attention_factor, table.cos, table.sin);
  return table;
}

void rope(ComputeContext& context, const RopeTable& table, std::int64_t head_dim, Matrix x) {
  expect("rope", "rows of the table", table.cos.rows, x.rows);
  expect("rope", "columns of the table", 2 * table.cos.columns, head_dim);
  expect("rope", "columns past whole heads", x.columns % head_dim, 0);
  context.backend().rope(context, table.cos, table.sin, head_dim, x);
}

void shift_keys(ComputeContext& context, const RopeFrequencies& frequencies, const backend::KvLayout& layout,
                std::span<std::byte* const> pages, std::int64_t shift) {
  const auto half = static_cast<std::int64_t>(frequencies.rate.size());
  expect("shift_keys", "twice the frequencies", 2 * half, layout.head_dim);
  if (pages.empty() || shift == 0) return;
  const backend::ScratchScope scope(context.scratch());
  const Matrix cos = context.matrix(1, half), sin = context.matrix(1, half);
  const std::int32_t by[3] = {static_cast<std::int32_t>(shift), static_cast<std::int32_t>(shift),
                              static_cast<std::int32_t>(shift)};
  // The attention factor is in the keys already.
  context.backend().rope_table(context, by, frequencies.rate, frequencies.axis, 1.0F, cos, sin);
  context.backend().rotate_keys(context, layout, pages, cos, sin);
}

}  // namespace vedette::models::ops
