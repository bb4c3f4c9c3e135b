#pragma once

#include <cstdint>
#include <span>

#include "models/backend/context.h"

namespace vedette::models::vision {

// A square table of position embeddings for another grid: bicubic (a = -0.75) without antialiasing, as
// torch.nn.functional.interpolate does. table: [side * side, hidden], y: [rows * columns, hidden].
void interpolate_positions(backend::Matrix table, int side, int rows, int columns, backend::Matrix y);

// Idefics3: the row of the table for each patch of a picture of `count` patches along one side of a table
// `side` long: where it lies as a share of the picture. indices: [count].
void shared_positions(int side, int count, std::span<int> indices);

}  // namespace vedette::models::vision
