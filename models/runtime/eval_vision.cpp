#include <stdexcept>

#include "models/ops/linear.h"
#include "models/runtime/eval_pictures.h"
#include "models/runtime/family.h"
#include "models/vision/contrastive_model.h"
#include "models/vision/patches.h"

namespace vedette::models::runtime {

using backend::Matrix;

namespace {

// A whole tensor's outer axes as one, whatever its rank.
Matrix rows_of(const tensor::Tensor& tensor) {
  return Matrix(tensor.view());
}

struct Texts {
  std::vector<std::int32_t> ids = {};
  std::vector<std::uint8_t> mask = {};
  std::int64_t batch = 0, length = 0;

  vision::TextBatch batch_of() const { return {ids, batch, length, mask}; }
};

Texts read_texts(const EvalJob& job, int vocabulary) {
  const auto& ids = job.inputs.get("input_ids");
  if (ids.view.shape().rank() != 2) {
    throw std::runtime_error(ids.file.string() + ": input_ids: expected [batch, length], received " +
                             ids.view.shape().to_string());
  }
  Texts texts{.batch = ids.view.shape()[0], .length = ids.view.shape()[1]};
  for (const std::int64_t id : read_integers(ids)) {
    if (id < 0 || id >= vocabulary) {
      throw std::runtime_error(ids.file.string() + ": input_ids: expected ids below " +
                               std::to_string(vocabulary) + ", received " + std::to_string(id));
    }
    texts.ids.push_back(static_cast<std::int32_t>(id));
  }
  if (job.inputs.contains("attention_mask")) {
    for (const std::int64_t seen : read_integers(job.inputs.get("attention_mask", ids.view.shape())))
      texts.mask.push_back(seen != 0 ? 1 : 0);
  }
  return texts;
}

tensor::Tensor embed_texts(const EvalJob& job, const vision::ContrastiveModel& model) {
  const vision::TextTower& tower = *model.text();
  const Texts texts = read_texts(job, tower.config().vocabulary);
  const backend::ScratchScope scope(job.context.scratch());
  const Matrix hidden = job.context.matrix(texts.batch * texts.length, tower.config().sizes.hidden);
  const Matrix pooled = job.context.matrix(texts.batch, tower.pooled_columns());
  tensor::Tensor embeds(tensor::DType::kF32, {texts.batch, model.text_columns()});
  tower.forward(job.context, texts.batch_of(), hidden);
  tower.pool(job.context, texts.batch_of(), hidden, pooled);
  model.embed_texts(job.context, pooled, rows_of(embeds));
  return embeds;
}

// The classifier of an image classification checkpoint, over the first token.
void classify(const EvalJob& job, const weights::WeightTable& table, const tensor::Tensor& hidden,
              std::vector<EvalOutput>& outputs) {
  const weights::Weight* weight = table.find("classifier.weight");
  if (weight == nullptr) return;
  const std::int64_t pictures = hidden.shape()[0], columns = hidden.shape()[2];
  const std::int64_t classes = weight->view.shape().rank() == 2 ? weight->view.shape()[0] : 0;
  const auto part = layers::NamedWeights(table).part("classifier", classes, columns);
  const auto packed =
      ops::pack_linear(job.context.backend(), {&part, 1}, ops::weight_format(job.context.dtype()));
  tensor::Tensor logits(tensor::DType::kF32, {pictures, classes});
  const Matrix first(hidden.view().as<float>().data(), pictures, columns, hidden.shape()[1] * columns);
  ops::linear(job.context, first, packed, rows_of(logits));
  outputs.push_back({"logits", std::move(logits)});
}

}  // namespace

EvalPictures read_pictures(const EvalJob& job, const vision::VisionConfig& config) {
  const auto& shape = job.inputs.get("pixel_values").view.shape();
  const bool good = shape.rank() == 4 && shape[0] >= 1 && shape[1] == config.channels &&
                    shape[2] >= config.patch && shape[3] >= config.patch;
  if (!good) {
    throw std::runtime_error(job.inputs.source().string() + ": pixel_values: expected [pictures, " +
                             std::to_string(config.channels) + ", height, width] of at least one patch, " +
                             std::to_string(config.patch) + ", received " + shape.to_string());
  }
  const tensor::Tensor pixels = job.inputs.read_f32("pixel_values", shape);
  const int height = static_cast<int>(shape[2]), width = static_cast<int>(shape[3]);
  const int rows = height / config.patch, columns = width / config.patch;
  EvalPictures pictures;
  pictures.patches = tensor::Tensor(tensor::DType::kF32, {shape[0] * rows * columns, config.patch_values()});
  const auto one = static_cast<std::size_t>(shape[1] * shape[2] * shape[3]);
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    const Matrix own = rows_of(pictures.patches).row_range(i * rows * columns, rows * columns);
    vision::cut_patches(pixels.as<float>().subspan(static_cast<std::size_t>(i) * one, one), config.channels,
                        height, width, config.patch, own);
    pictures.images.push_back({own, rows, columns});
  }
  return pictures;
}

tensor::Tensor encode_pictures(const EvalJob& job, const vision::VisionEncoder& encoder,
                               const EvalPictures& pictures) {
  const auto count = static_cast<std::int64_t>(pictures.images.size());
  tensor::Tensor hidden(tensor::DType::kF32,
                        {count, encoder.tokens(pictures.images.front()), encoder.config().sizes.hidden});
  encoder.forward(job.context, pictures.images, rows_of(hidden));
  job.context.synchronize();
  return hidden;
}

tensor::Tensor pool_pictures(const EvalJob& job, const vision::VisionEncoder& encoder,
                             const EvalPictures& pictures, const tensor::Tensor& hidden) {
  tensor::Tensor pooled(tensor::DType::kF32, {hidden.shape()[0], hidden.shape()[2]});
  encoder.pool(job.context, pictures.images, rows_of(hidden), rows_of(pooled));
  job.context.synchronize();
  return pooled;
}

std::vector<EvalOutput> eval_vit(const EvalJob& job) {
  const auto config =
      vision::parse_vision_config(weights::JsonObject::open(job.folder / "config.json"), "vit");
  const auto table = weights::WeightTable::open(job.folder);
  const vision::VisionEncoder encoder(job.context, config,
                                      layers::find_weights(table, {"", "vit."}, "embeddings.cls_token"));
  const EvalPictures pictures = read_pictures(job, config);
  std::vector<EvalOutput> outputs;
  outputs.push_back({"last_hidden_state", encode_pictures(job, encoder, pictures)});
  classify(job, table, outputs[0].tensor, outputs);
  if (encoder.can_pool()) {
    outputs.push_back({"pooler_output", pool_pictures(job, encoder, pictures, outputs[0].tensor)});
  }
  return outputs;
}

std::vector<EvalOutput> eval_contrastive(const EvalJob& job) {
  const vision::ContrastiveModel model(job.context, job.folder);
  const bool texts = model.text() != nullptr && job.inputs.contains("input_ids");
  std::vector<EvalOutput> outputs;
  if (texts) outputs.push_back({"text_embeds", embed_texts(job, model)});
  if (!texts || job.inputs.contains("pixel_values")) {
    const EvalPictures pictures = read_pictures(job, model.vision().config());
    tensor::Tensor hidden = encode_pictures(job, model.vision(), pictures);
    if (model.vision().can_pool()) {
      tensor::Tensor pooled = pool_pictures(job, model.vision(), pictures, hidden);
      if (model.image_columns() > 0) {
        tensor::Tensor embeds(tensor::DType::kF32, {hidden.shape()[0], model.image_columns()});
        model.embed_images(job.context, rows_of(pooled), rows_of(embeds));
        outputs.push_back({"image_embeds", std::move(embeds)});
      }
      outputs.push_back({"pooler_output", std::move(pooled)});
    }
    outputs.push_back({"last_hidden_state", std::move(hidden)});
  }
  if (texts && outputs.size() > 1) {
    const tensor::Tensor &text = outputs[0].tensor, &image = outputs[1].tensor;
    tensor::Tensor scores(tensor::DType::kF32, {image.shape()[0], text.shape()[0]});
    model.score(rows_of(image), rows_of(text), rows_of(scores));
    outputs.push_back({"logits_per_image", std::move(scores)});
  }
  return outputs;
}

}  // namespace vedette::models::runtime
