#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "models/vision/text_tower.h"
#include "models/vision/vision_encoder.h"
#include "models/weights/weight_table.h"

namespace vedette::models::vision {

// CLIP or SigLIP, both towers or the vision tower alone, as a published folder has them: pictures and texts
// become vectors of one space, and their products zero-shot scores. Immutable; any thread may use it, each
// with a context of its own.
class ContrastiveModel {
 public:
  // model_type clip, siglip, clip_vision_model or siglip_vision_model. Throws: std::runtime_error naming the
  // file and what is wrong with it.
  ContrastiveModel(backend::ComputeContext& context, const std::filesystem::path& folder);

  const VisionEncoder& vision() const { return *vision_; }
  // Null where the folder has the vision tower alone.
  const TextTower* text() const { return text_.get(); }

  // Length of the vectors; 0 when the tower has none of its own.
  std::int64_t image_columns() const;
  std::int64_t text_columns() const;

  // Out of VisionEncoder::pool: y [images, image_columns()]. Normalised where both towers are there, as the
  // reference does.
  void embed_images(backend::ComputeContext& context, backend::Matrix pooled, backend::Matrix y) const;
  // Out of TextTower::pool. Requires: text() is not null.
  void embed_texts(backend::ComputeContext& context, backend::Matrix pooled, backend::Matrix y) const;
  // logits_per_image: y [images, texts], out of normalised vectors.
  void score(backend::Matrix images, backend::Matrix texts, backend::Matrix y) const;

 private:
  std::unique_ptr<const VisionEncoder> vision_;
  std::unique_ptr<const TextTower> text_;
  std::optional<backend::PackedLinear> image_projection_, text_projection_;
  float scale_ = 1.0F, bias_ = 0.0F;
};

}  // namespace vedette::models::vision
