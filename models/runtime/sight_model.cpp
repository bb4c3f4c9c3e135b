#include "models/runtime/sight_model.h"

#include <algorithm>
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
  sight.sound_projector = inner_folder(config, sight.folder, "sound_projector", false);
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

constexpr std::size_t kMostAtOnce = 4;  // pictures from which a batch takes no further frame: scratch memory

// The processor's settings for a frame that is one picture: at the encoder's size, in one resize.
preprocess::ImageSpec whole_spec(preprocess::ImageSpec spec) {
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

// A picture, cut out of a frame, on its way through the encoder.
struct SightModel::Cut {
  Matrix patches;
  Matrix tokens;                    // rows of its frame's result
  EncodedImage* last_of = nullptr;  // the frame whose whole picture it is; null: a tile
};

SightModel::SightModel(ComputeContext& context, const SightFolder& folder)
    : published_(vision::load_image_spec(folder.processor)), towers_(context, folder) {
  const preprocess::PatchOrder order{folder.vision_config.patch};
  whole_ = std::make_unique<const preprocess::ImageToTensor>(whole_spec(published_), order);
  if (!folder.heads.empty()) heads_.emplace(context, folder.heads, folder.vision_config.sizes.hidden);
  const int side = folder.vision_config.image_size;
  const auto size = whole_->picture_size({64, 64});
  if (size.width != side || size.height != side) {
    throw std::runtime_error(folder.processor.string() + ": the image processor gives pictures of " +
                             std::to_string(size.width) + " x " + std::to_string(size.height) +
                             ", expected the encoder's " + std::to_string(side) + " x " +
                             std::to_string(side));
  }
}

std::int64_t SightModel::picture_tokens() const {
  const int side = towers_.encoder->config().grid();
  return towers_.projector->tokens(side, side);
}

void SightModel::allow_tiles(int most) {
  splitting_.clear();
  const bool splits = published_.split && published_.sizing == preprocess::ImageSpec::Sizing::kLongestEdge;
  most_tiles_ = splits ? std::max(0, most) : 0;
  if (most_tiles_ < 2) {
    most_tiles_ = 0;
    return;
  }
  const preprocess::PatchOrder order{towers_.encoder->config().patch};
  preprocess::ImageSpec spec = published_;
  // A picture whose longer side has more tiles than are allowed has too many, whatever the other side is.
  const int edge = most_tiles_ * spec.tile;
  for (spec.edge = std::min(spec.edge, edge); spec.edge > spec.tile;
       spec.edge = (spec.edge - 1) / spec.tile * spec.tile) {
    splitting_.push_back(std::make_unique<const preprocess::ImageToTensor>(spec, order));
  }
}

void SightModel::cut(ComputeContext& context, ImageFrame& frame, EncodedImage& encoded,
                     std::vector<Cut>& pictures) const {
  preprocess::check_frame(frame.view);
  const preprocess::ImageSize size{frame.view.width, frame.view.height};
  const auto fits = [&](const auto& one) { return one->tiles(size).pictures() - 1 <= most_tiles_; };
  const auto found = std::ranges::find_if(splitting_, fits);
  const preprocess::ImageToTensor& by = found == splitting_.end() ? *whole_ : **found;
  const int side = towers_.encoder->config().grid();
  const std::int64_t patches = static_cast<std::int64_t>(side) * side, tokens = picture_tokens();
  encoded.tiles = by.tiles(size);
  encoded.tiles_left_out = preprocess::tile_grid(published_, size).pictures() - encoded.tiles.pictures();
  const int count = encoded.tiles.pictures();
  const Matrix values = context.matrix(count * patches, towers_.encoder->config().patch_values());
  by.run(context, frame.view, values);
  encoded.tokens = tensor::Tensor(tensor::DType::kF32, {count * tokens, token_columns()});
  const Matrix rows(encoded.tokens.view());
  for (int i = 0; i < count; ++i) {
    pictures.push_back({values.row_range(i * patches, patches), rows.row_range(i * tokens, tokens),
                        i + 1 == count ? &encoded : nullptr});
  }
}

void SightModel::encode(ComputeContext& context, std::span<ImageFrame> frames,
                        std::span<EncodedImage> encoded) const {
  for (std::size_t next = 0; next < frames.size();) {
    const backend::ScratchScope scope(context.scratch());
    std::vector<Cut> pictures;
    for (; next < frames.size() && pictures.size() < kMostAtOnce; ++next) {
      try {
        cut(context, frames[next], encoded[next], pictures);
      } catch (const std::exception&) {
        encoded[next] = {};
        encoded[next].error = std::current_exception();
      }
      frames[next] = {};  // its pixels were read
    }
    if (!pictures.empty()) run(context, pictures);
  }
  context.synchronize();
}

void SightModel::run(ComputeContext& context, std::span<const Cut> pictures) const {
  const int side = towers_.encoder->config().grid();
  const std::int64_t patches = static_cast<std::int64_t>(side) * side;
  std::vector<vision::VisionImage> images;
  for (const Cut& one : pictures) images.push_back({one.patches, side, side});
  const std::int64_t tokens = towers_.encoder->tokens(images.front()),
                     first = towers_.encoder->class_tokens();
  const Matrix hidden = context.matrix(static_cast<std::int64_t>(images.size()) * tokens,
                                       towers_.encoder->config().sizes.hidden);
  towers_.encoder->forward(context, images, hidden);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const Matrix own = hidden.row_range(static_cast<std::int64_t>(i) * tokens + first, patches);
    towers_.projector->forward(context, own, side, side, pictures[i].tokens);
    EncodedImage* result = pictures[i].last_of;
    if (!heads_ || result == nullptr) continue;
    for (vision::SeenThing& thing : heads_->find(context, own)) {
      result->sightings.push_back({std::move(thing.what), std::move(thing.where), thing.score});
    }
    for (vision::SeenThing& one : heads_->whole(context, own))
      result->sightings.push_back({std::move(one.what), "", one.score, true});
  }
}

}  // namespace vedette::models::runtime
