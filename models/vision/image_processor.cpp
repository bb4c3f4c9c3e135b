#include "models/vision/image_processor.h"

#include <stdexcept>

namespace vedette::models::vision {

namespace {

using preprocess::Filter;
using preprocess::ImageSize;
using preprocess::ImageSpec;
using weights::JsonObject;

constexpr int kMostPixels = 8192;  // of a side
constexpr std::array<float, 3> kHalf = {0.5F, 0.5F, 0.5F};
constexpr std::array<float, 3> kClipMean = {0.48145466F, 0.4578275F, 0.40821073F};
constexpr std::array<float, 3> kClipDeviation = {0.26862954F, 0.26130258F, 0.27577711F};

// Defaults of one processor's class.
struct Processor {
  const char* name;  // image_processor_type, without "ImageProcessor" and what follows
  ImageSpec::Sizing sizing;
  int side;
  Filter filter;
  bool crop, clip_colors;
  int tile = 0;
};
constexpr Processor kProcessors[] = {
    {"ViT", ImageSpec::Sizing::kExact, 224, Filter::kBilinear, false, false},
    {"CLIP", ImageSpec::Sizing::kShortestEdge, 224, Filter::kBicubic, true, true},
    {"Siglip", ImageSpec::Sizing::kExact, 224, Filter::kBicubic, false, false},
    {"Idefics3", ImageSpec::Sizing::kLongestEdge, 4 * 364, Filter::kLanczos, false, false, 364},
    {"SmolVLM", ImageSpec::Sizing::kLongestEdge, 4 * 364, Filter::kLanczos, false, false, 364},
};

const Processor& processor_of(const JsonObject& config) {
  // Older folders name a feature extractor.
  const char* key = config.has("image_processor_type") ? "image_processor_type" : "feature_extractor_type";
  const std::string type = config.text(key);
  for (const Processor& processor : kProcessors) {
    const std::string name = processor.name;
    if (type.starts_with(name + "ImageProcessor") || type == name + "FeatureExtractor") return processor;
  }
  config.fail(key, "a processor of ViT, CLIP, Siglip, Idefics3 or SmolVLM");
}

ImageSize exact_size(const JsonObject& size) {
  return {size.size("width", kMostPixels), size.size("height", kMostPixels)};
}

void read_size(const JsonObject& config, const Processor& processor, ImageSpec& spec) {
  spec.sizing = processor.sizing;
  spec.size = {processor.side, processor.side};
  spec.edge = processor.side;
  if (config.is_object("size")) {
    const JsonObject size = config.object("size");
    if (size.has("shortest_edge")) {
      if (size.has("longest_edge")) size.fail("longest_edge", "nothing beside shortest_edge");
      spec.sizing = ImageSpec::Sizing::kShortestEdge;
      spec.edge = size.size("shortest_edge", kMostPixels);
    } else if (size.has("longest_edge")) {
      if (processor.tile == 0) size.fail("longest_edge", "nothing, or shortest_edge");
      spec.sizing = ImageSpec::Sizing::kLongestEdge;
      spec.edge = size.size("longest_edge", kMostPixels);
    } else {
      spec.sizing = ImageSpec::Sizing::kExact;
      spec.size = exact_size(size);
    }
  } else if (config.has("size")) {  // an older file's one number
    const int side = config.size("size", kMostPixels);
    spec.size = {side, side};
    spec.edge = side;
  }
  if (!config.flag_or("do_resize", true)) spec.sizing = ImageSpec::Sizing::kNone;
}

void read_crop(const JsonObject& config, const Processor& processor, ImageSpec& spec) {
  spec.crop = config.flag_or("do_center_crop", processor.crop);
  spec.crop_size = {224, 224};
  if (config.is_object("crop_size")) {
    spec.crop_size = exact_size(config.object("crop_size"));
  } else if (config.has("crop_size")) {
    const int side = config.size("crop_size", kMostPixels);
    spec.crop_size = {side, side};
  }
}

void read_tiles(const JsonObject& config, const Processor& processor, ImageSpec& spec) {
  if (processor.tile == 0) return;
  spec.tile = processor.tile;
  if (config.has("max_image_size")) {
    spec.tile = config.object("max_image_size").size("longest_edge", kMostPixels);
  }
  spec.split = config.flag_or("do_image_splitting", true);
  spec.crop = false;
}

std::array<float, 3> channels(const JsonObject& config, const char* key, std::array<float, 3> fallback) {
  if (!config.has(key)) return fallback;
  const auto values = config.reals(key);
  if (values.size() != 3) config.fail(key, "three numbers");
  return {static_cast<float>(values[0]), static_cast<float>(values[1]), static_cast<float>(values[2])};
}

Filter filter_of(const JsonObject& config, Filter fallback) {
  if (!config.has("resample")) return fallback;
  switch (config.integer("resample", 0, 5)) {  // PIL.Image.Resampling
    case 0: return Filter::kNearest;
    case 1: return Filter::kLanczos;
    case 2: return Filter::kBilinear;
    case 3: return Filter::kBicubic;
    default: config.fail("resample", "0 (nearest), 1 (Lanczos), 2 (bilinear) or 3 (bicubic)");
  }
}

}  // namespace

preprocess::ImageSpec parse_image_spec(const JsonObject& config) {
  const Processor& processor = processor_of(config);
  ImageSpec spec;
  read_size(config, processor, spec);
  read_crop(config, processor, spec);
  read_tiles(config, processor, spec);
  spec.filter = filter_of(config, processor.filter);
  spec.scale = config.flag_or("do_rescale", true)
                   ? static_cast<float>(config.positive_or("rescale_factor", 1.0 / 255.0))
                   : 1.0F;
  if (config.flag_or("do_normalize", true)) {
    spec.mean = channels(config, "image_mean", processor.clip_colors ? kClipMean : kHalf);
    spec.deviation = channels(config, "image_std", processor.clip_colors ? kClipDeviation : kHalf);
    for (const float deviation : spec.deviation) {
      if (!(deviation > 0.0F)) config.fail("image_std", "three numbers above 0");
    }
  }
  return spec;
}

preprocess::ImageSpec load_image_spec(const std::filesystem::path& folder) {
  const auto file = folder / "preprocessor_config.json", joined = folder / "processor_config.json";
  if (std::filesystem::exists(file)) return parse_image_spec(JsonObject::open(file));
  if (std::filesystem::exists(joined))
    return parse_image_spec(JsonObject::open(joined).object("image_processor"));
  throw std::runtime_error(folder.string() + ": expected preprocessor_config.json or processor_config.json");
}

}  // namespace vedette::models::vision
