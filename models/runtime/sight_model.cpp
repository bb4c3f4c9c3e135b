#include "models/runtime/sight_model.h"

#include <cstring>
#include <stdexcept>

#include "models/vision/image_processor.h"

namespace vedette::models::runtime {

using backend::ComputeContext;
using backend::Matrix;
using weights::JsonObject;

namespace {

// A folder inside the folder, by a key of its config. It must stay inside.
std::filesystem::path inner_folder(const JsonObject& config, const std::filesystem::path& folder,
                                   const char* key, bool required) {
  if (!required && !config.has(key)) return {};
  const std::filesystem::path name = config.text(key);
  if (name.empty() || name.filename() != name || name == ".." || name == ".")
    config.fail(key, "a folder's name");
  return folder / name;
}

projector::ProjectorConfig nano_projector(const std::filesystem::path& folder, std::int64_t columns) {
  const JsonObject config = JsonObject::open(folder / "config.json");
  if (config.text("model_type") != "pixel_shuffle_mlp") config.fail("model_type", "pixel_shuffle_mlp");
  projector::ProjectorConfig result;
  result.shuffle = config.size("scale_factor", 64);
  result.in = config.size("in", 1 << 16);
  if (result.in != columns) config.fail("in", "the encoder's " + std::to_string(columns));
  result.hidden = config.size("hidden", 1 << 18);
  result.out = config.size("out", 1 << 16);
  result.norm = true;
  result.epsilon = static_cast<float>(config.positive_or("layer_norm_eps", 1e-5));
  result.activation = vision::parse_activation(config, "hidden_act", "gelu");
  return result;
}

void open_nano(const JsonObject& config, SightFolder& sight) {
  sight.nano = true;
  const JsonObject bases = config.object("bases");
  sight.think_base = bases.text("think");
  sight.hear_base = bases.text_or("hear", "");
  sight.vision = sight.processor = inner_folder(config, sight.folder, "vision", true);
  sight.projector = inner_folder(config, sight.folder, "projector", true);
  sight.adapter = inner_folder(config, sight.folder, "adapter", false);
  sight.heads = inner_folder(config, sight.folder, "heads", false);
  const JsonObject vision = JsonObject::open(sight.vision / "config.json");
  sight.vision_config = vision::parse_vision_config(vision, vision.text("model_type"));
  sight.projector_config = nano_projector(sight.projector, sight.vision_config.sizes.hidden);
}

void open_idefics(const JsonObject& config, SightFolder& sight) {
  sight.vision = sight.processor = sight.projector = sight.folder;
  sight.vision_config =
      vision::parse_vision_config(config.object_or_empty("vision_config"), "idefics3_vision");
  sight.projector_config = {.shuffle = config.size_or("scale_factor", 2, 64),
                            .in = sight.vision_config.sizes.hidden,
                            .out = config.object("text_config").size_or("hidden_size", 4096, 1 << 17),
                            .bias = false,
                            .first_name = "proj"};
  sight.image_token = static_cast<std::int32_t>(config.integer_or("image_token_id", 128257, 0, 1 << 24));
  sight.vision_prefix = "model.vision_model.";
  sight.projector_prefix = "model.connector.modality_projection.";
}

// The processor's settings for one frame: the whole picture at the encoder's size, in one resize.
preprocess::ImageSpec frame_spec(const SightFolder& folder) {
  preprocess::ImageSpec spec = vision::load_image_spec(folder.processor);
  if (spec.tile > 0) {
    spec.sizing = preprocess::ImageSpec::Sizing::kExact;
    spec.size = {spec.tile, spec.tile};
    spec.tile = 0;
    spec.split = false;
  }
  return spec;
}

}  // namespace

SightFolder SightFolder::open(const std::filesystem::path& folder) {
  const JsonObject config = JsonObject::open(folder / "config.json");
  SightFolder sight;
  sight.folder = folder;
  const std::string type = config.text("model_type");
  if (type == "vedette_nano") {
    open_nano(config, sight);
  } else if (type == "idefics3" || type == "smolvlm") {
    open_idefics(config, sight);
  } else {
    config.fail("model_type", "a model that sees: idefics3, smolvlm or vedette_nano");
  }
  const int side = sight.vision_config.grid();
  if (side % sight.projector_config.shuffle != 0) {
    config.fail("scale_factor", "a divisor of the " + std::to_string(side) + " patches of a side");
  }
  return sight;
}

SightTowers::SightTowers(ComputeContext& context, const SightFolder& folder) {
  const auto table = weights::WeightTable::open(folder.vision);
  encoder = std::make_unique<const vision::VisionEncoder>(
      context, folder.vision_config,
      folder.nano ? layers::find_weights(table, {"", "vision_model."}, "embeddings.patch_embedding.weight")
                  : layers::NamedWeights(table, folder.vision_prefix));
  const auto projector_table =
      folder.projector == folder.vision ? table : weights::WeightTable::open(folder.projector);
  projector = std::make_unique<const projector::Projector>(
      context, folder.projector_config, layers::NamedWeights(projector_table, folder.projector_prefix));
  table.release_memory();
}

SightModel::SightModel(ComputeContext& context, const SightFolder& folder)
    : to_tensor_(frame_spec(folder), {folder.vision_config.patch}), towers_(context, folder) {
  if (!folder.heads.empty()) heads_.emplace(context, folder.heads, folder.vision_config.sizes.hidden);
  const int side = folder.vision_config.image_size;
  const auto size = to_tensor_.picture_size({64, 64});
  if (size.width != side || size.height != side) {
    throw std::runtime_error(folder.processor.string() + ": the image processor gives pictures of " +
                             std::to_string(size.width) + " x " + std::to_string(size.height) +
                             ", expected the encoder's " + std::to_string(side) + " x " +
                             std::to_string(side));
  }
}

std::int64_t SightModel::frame_tokens() const {
  const int side = towers_.encoder->config().grid();
  return towers_.projector->tokens(side, side);
}

void SightModel::encode(ComputeContext& context, std::span<ImageFrame> frames,
                        std::span<EncodedImage> encoded) const {
  const backend::ScratchScope scope(context.scratch());
  const int side = towers_.encoder->config().grid();
  const std::int64_t patches = static_cast<std::int64_t>(side) * side;
  std::vector<vision::VisionImage> images;
  std::vector<EncodedImage*> results;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const Matrix values = context.matrix(patches, towers_.encoder->config().patch_values());
    try {
      to_tensor_.run(context, frames[i].view, values);
      images.push_back({values, side, side});
      results.push_back(&encoded[i]);
    } catch (const std::exception&) {
      encoded[i].error = std::current_exception();
    }
    frames[i] = {};  // its pixels were read
  }
  if (images.empty()) return;
  const std::int64_t tokens = towers_.encoder->tokens(images.front()),
                     first = towers_.encoder->class_tokens();
  const Matrix hidden = context.matrix(static_cast<std::int64_t>(images.size()) * tokens,
                                       towers_.encoder->config().sizes.hidden);
  towers_.encoder->forward(context, images, hidden);
  for (std::size_t i = 0; i < images.size(); ++i) {
    const Matrix own = hidden.row_range(static_cast<std::int64_t>(i) * tokens + first, patches);
    results[i]->tokens = tensor::Tensor(tensor::DType::kF32, {frame_tokens(), token_columns()});
    towers_.projector->forward(context, own, side, side, results[i]->tokens.view());
    if (!heads_) continue;
    for (vision::SeenThing& thing : heads_->find(context, own)) {
      results[i]->sightings.push_back({std::move(thing.what), std::move(thing.where), thing.score});
    }
    if (auto fault = heads_->fault(context, own))
      results[i]->sightings.push_back({std::move(fault->what), "", fault->score, true});
  }
  context.synchronize();
}

}  // namespace vedette::models::runtime
