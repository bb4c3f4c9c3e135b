#pragma once

#include <span>

#include "models/backend/context.h"

namespace vedette::models::vision {

// A picture [channels, height, width] as rows of patches, each [channels, patch, patch]; what is left over at
// the right and below is not looked at. y: [(height / patch) * (width / patch), channels * patch * patch].
// Throws: std::invalid_argument for other shapes.
void cut_patches(std::span<const float> pixels, int channels, int height, int width, int patch,
                 backend::Matrix y);

}  // namespace vedette::models::vision
