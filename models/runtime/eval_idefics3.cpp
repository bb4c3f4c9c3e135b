#include <algorithm>
#include <stdexcept>

#include "models/language/model_folder.h"
#include "models/runtime/eval_decoder.h"
#include "models/runtime/family.h"
#include "models/runtime/sight_model.h"
#include "models/vision/patches.h"

namespace vedette::models::runtime {

using backend::Matrix;

namespace {

// The pictures of an eval in their order, without those that are padding: all zero.
struct Tiles {
  tensor::Tensor patches;
  std::vector<std::vector<std::uint8_t>> masks;  // of images, where given
  std::vector<vision::VisionImage> images;
};

// Which patches show anything that pixel_attention_mask [pictures, height, width] does not leave out.
std::vector<std::uint8_t> patch_mask(std::span<const std::int64_t> mask, std::int64_t width, int patch,
                                     int rows, int columns) {
  std::vector<std::uint8_t> shown(static_cast<std::size_t>(rows) * columns, 0);
  for (std::int64_t y = 0; y < static_cast<std::int64_t>(rows) * patch; ++y) {
    for (std::int64_t x = 0; x < static_cast<std::int64_t>(columns) * patch; ++x) {
      if (mask[static_cast<std::size_t>(y * width + x)] == 0) continue;
      shown[static_cast<std::size_t>(y / patch * columns + x / patch)] = 1;
    }
  }
  return shown;
}

Tiles read_tiles(const EvalJob& job, const vision::VisionConfig& config) {
  const auto& shape = job.inputs.get("pixel_values").view.shape();
  const bool good = shape.rank() == 5 && shape[0] >= 1 && shape[1] >= 1 && shape[2] == config.channels &&
                    shape[3] >= config.patch && shape[4] >= config.patch;
  if (!good) {
    throw std::runtime_error(job.inputs.source().string() +
                             ": pixel_values: expected [batch, pictures, 3, height, width], received " +
                             shape.to_string());
  }
  const tensor::Tensor pixels = job.inputs.read_f32("pixel_values", shape);
  const std::int64_t count = shape[0] * shape[1], height = shape[3], width = shape[4];
  std::vector<std::int64_t> mask;
  if (job.inputs.contains("pixel_attention_mask")) {
    mask = read_integers(job.inputs.get("pixel_attention_mask", {shape[0], shape[1], height, width}));
  }
  const int rows = static_cast<int>(height / config.patch), columns = static_cast<int>(width / config.patch);
  const auto each = static_cast<std::size_t>(shape[2] * height * width),
             area = static_cast<std::size_t>(height * width);
  Tiles tiles;
  tiles.patches = tensor::Tensor(tensor::DType::kF32, {count * rows * columns, config.patch_values()});
  tiles.masks.reserve(static_cast<std::size_t>(count));
  const auto zero = [](float value) { return value == 0.0F; };
  for (std::int64_t i = 0; i < count; ++i) {
    const auto values = pixels.as<float>().subspan(static_cast<std::size_t>(i) * each, each);
    const bool last_chance = i + 1 == count && tiles.images.empty();  // if no pictures, one empty one is left
    if (std::all_of(values.begin(), values.end(), zero) && !last_chance) continue;
    const Matrix own =
        Matrix(tiles.patches.view()).row_range(i * rows * columns, static_cast<std::int64_t>(rows) * columns);
    vision::cut_patches(values, config.channels, static_cast<int>(height), static_cast<int>(width),
                        config.patch, own);
    tiles.masks.push_back(mask.empty()
                              ? std::vector<std::uint8_t>()
                              : patch_mask(std::span(mask).subspan(static_cast<std::size_t>(i) * area, area),
                                           width, config.patch, rows, columns));
    tiles.images.push_back({own, rows, columns, tiles.masks.back()});
  }
  return tiles;
}

// Tokens of all pictures, one behind the other.
tensor::Tensor encode_tiles(const EvalJob& job, const SightTowers& towers, const Tiles& tiles) {
  const vision::VisionEncoder& encoder = *towers.encoder;
  const projector::Projector& projector = *towers.projector;
  const std::int64_t patches = encoder.tokens(tiles.images.front());
  const int rows = tiles.images.front().rows, columns = tiles.images.front().columns;
  const std::int64_t count = static_cast<std::int64_t>(tiles.images.size());
  const std::int64_t tokens = projector.tokens(rows, columns);
  const backend::ScratchScope scope(job.context.scratch());
  const Matrix hidden = job.context.matrix(count * patches, encoder.config().sizes.hidden);
  tensor::Tensor features(tensor::DType::kF32, {count, tokens, projector.config().out});
  encoder.forward(job.context, tiles.images, hidden);
  for (std::int64_t i = 0; i < count; ++i) {
    projector.forward(job.context, hidden.row_range(i * patches, patches), rows, columns,
                      Matrix(features.view()).row_range(i * tokens, tokens));
  }
  job.context.synchronize();
  return features;
}

}  // namespace

std::vector<EvalOutput> eval_idefics3(const EvalJob& job) {
  const SightFolder folder = SightFolder::open(job.folder);
  const language::Decoder decoder =
      language::load_decoder(job.context.backend(), job.folder, job.context.dtype());
  EvalPrompts prompts = read_prompts(job, decoder.config().vocabulary);
  if (!job.inputs.contains("pixel_values")) return eval_prompts(job, decoder, prompts);
  const SightTowers towers(job.context, folder);
  tensor::Tensor features = encode_tiles(job, towers, read_tiles(job, folder.vision_config));
  std::int64_t rows = 0;
  for (std::int32_t& token : prompts.tokens) {
    if (token != folder.image_token) continue;
    token = language::kEmbeddingRow;
    ++rows;
  }
  if (rows != features.shape()[0] * features.shape()[1]) {
    throw std::runtime_error(job.inputs.source().string() + ": input_ids: expected " +
                             std::to_string(features.shape()[0] * features.shape()[1]) +
                             " image tokens for the pictures, received " + std::to_string(rows));
  }
  auto outputs = eval_prompts(job, decoder, prompts, features.view());
  outputs.push_back({"image_hidden_states", std::move(features)});
  return outputs;
}

}  // namespace vedette::models::runtime
