#pragma once

#include <vector>

#include "models/runtime/family.h"
#include "models/vision/vision_encoder.h"

namespace vedette::models::runtime {

// The pixel_values of an eval, [pictures, 3, height, width], as patches.
struct EvalPictures {
  tensor::Tensor patches;  // [pictures * patches of each, values]
  std::vector<vision::VisionImage> images;
};

// Throws: std::runtime_error naming file, tensor, expected and received.
EvalPictures read_pictures(const EvalJob& job, const vision::VisionConfig& config);

// The last hidden states, [pictures, tokens, hidden].
tensor::Tensor encode_pictures(const EvalJob& job, const vision::VisionEncoder& encoder,
                               const EvalPictures& pictures);
// [pictures, hidden]. Requires: encoder.can_pool().
tensor::Tensor pool_pictures(const EvalJob& job, const vision::VisionEncoder& encoder,
                             const EvalPictures& pictures, const tensor::Tensor& hidden);

}  // namespace vedette::models::runtime
