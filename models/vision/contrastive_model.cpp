#include "models/vision/contrastive_model.h"

#include <cmath>

#include "models/ops/linear.h"
#include "models/ops/rows.h"

namespace vedette::models::vision {

using backend::ComputeContext;
using backend::Matrix;

namespace {

void normalise_rows(Matrix y) {
  for (std::int64_t row = 0; row < y.rows; ++row) {
    float* values = y.row(row);
    double sum = 0.0;
    for (std::int64_t c = 0; c < y.columns; ++c)
      sum += static_cast<double>(values[c]) * static_cast<double>(values[c]);
    const auto factor = static_cast<float>(1.0 / std::sqrt(sum));
    for (std::int64_t c = 0; c < y.columns; ++c) values[c] *= factor;
  }
}

std::optional<backend::PackedLinear> projection(ComputeContext& context, const layers::NamedWeights& weights,
                                                const char* name, std::int64_t out, std::int64_t in) {
  const auto part = weights.part(name, out, in, false);
  return ops::pack_linear(context.backend(), {&part, 1}, ops::weight_format(context.dtype()));
}

float scalar(const layers::NamedWeights& weights, const char* name, tensor::Shape shape) {
  return weights.f32(name, shape).as<float>()[0];
}

void project(ComputeContext& context, const std::optional<backend::PackedLinear>& projection, Matrix pooled,
             Matrix y) {
  if (projection) {
    ops::linear(context, pooled, *projection, y);
  } else {
    ops::copy(context, pooled, y);
  }
}

}  // namespace

ContrastiveModel::ContrastiveModel(ComputeContext& context, const std::filesystem::path& folder) {
  const auto config = weights::JsonObject::open(folder / "config.json");
  const auto table = weights::WeightTable::open(folder);
  const std::string type = config.text("model_type");
  const layers::NamedWeights root(table);
  const bool both = type == "clip" || type == "siglip", clip = type.starts_with("clip");
  const auto vision_config = parse_vision_config(both ? config.object_or_empty("vision_config") : config,
                                                 clip ? "clip_vision_model" : "siglip_vision_model");
  vision_ = std::make_unique<const VisionEncoder>(
      context, vision_config,
      layers::find_weights(table, {"", "vision_model."}, "embeddings.patch_embedding.weight"));
  const std::int64_t hidden = vision_config.sizes.hidden;
  const int shared = config.size_or("projection_dim", 512, 1 << 16);
  if (clip && (both || root.contains("visual_projection.weight"))) {
    image_projection_ = projection(context, root, "visual_projection", shared, hidden);
  }
  if (both) {
    text_ = std::make_unique<const TextTower>(
        context,
        parse_text_tower_config(config.object_or_empty("text_config"),
                                clip ? "clip_text_model" : "siglip_text_model"),
        root.under("text_model."));
    if (clip) {
      text_projection_ = projection(context, root, "text_projection", shared, text_->config().sizes.hidden);
    }
    scale_ = std::exp(scalar(root, "logit_scale", clip ? tensor::Shape{} : tensor::Shape{1}));
    if (!clip) bias_ = scalar(root, "logit_bias", {1});
    if (image_columns() != text_columns()) {
      config.fail("text_config", "vectors as long as the pictures', " + std::to_string(image_columns()));
    }
  }
  table.release_memory();
}

std::int64_t ContrastiveModel::image_columns() const {
  if (image_projection_) return image_projection_->out;
  return text_ != nullptr ? vision_->config().sizes.hidden : 0;
}

std::int64_t ContrastiveModel::text_columns() const {
  if (text_ == nullptr) return 0;
  return text_projection_ ? text_projection_->out : text_->pooled_columns();
}

void ContrastiveModel::embed_images(ComputeContext& context, Matrix pooled, Matrix y) const {
  project(context, image_projection_, pooled, y);
  if (text_ != nullptr) normalise_rows(y);
}

void ContrastiveModel::embed_texts(ComputeContext& context, Matrix pooled, Matrix y) const {
  project(context, text_projection_, pooled, y);
  normalise_rows(y);
}

void ContrastiveModel::score(Matrix images, Matrix texts, Matrix y) const {
  for (std::int64_t image = 0; image < images.rows; ++image) {
    for (std::int64_t text = 0; text < texts.rows; ++text) {
      double sum = 0.0;
      for (std::int64_t c = 0; c < images.columns; ++c)
        sum += static_cast<double>(images.row(image)[c]) * static_cast<double>(texts.row(text)[c]);
      y.row(image)[text] = static_cast<float>(sum) * scale_ + bias_;
    }
  }
}

}  // namespace vedette::models::vision
