#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/preprocess/image_to_tensor.h"
#include "models/projector/projector.h"
#include "models/runtime/image_encoding.h"
#include "models/vision/patch_heads.h"
#include "models/vision/vision_encoder.h"
#include "models/weights/json_object.h"
#include "models/weights/weight_table.h"

namespace vedette::models::runtime {

// What of a folder that sees its config.json says: of Idefics3 and SmolVLM, or of vedette-nano, which holds
// adapters only and names its bases. Throws: std::runtime_error naming file, key, expected and received.
struct SightFolder {
  static SightFolder open(const std::filesystem::path& folder);

  std::filesystem::path folder;
  bool nano = false;
  std::filesystem::path vision,
      processor;  // folders with the encoder's weights, and with the processor's config
  std::filesystem::path projector, heads, adapter, sound_projector;  // of nano; empty: there is none
  std::string think_base, hear_base;  // names of the folders that nano stands on
  vision::VisionConfig vision_config;
  projector::ProjectorConfig projector_config;
  std::int32_t image_token = -1;   // stands for one row of a picture in published prompts; nano: -1
  const char* vision_prefix = "";  // of tensors' names
  const char* projector_prefix = "";
};

// Vision encoder and projector of such a folder. Immutable.
struct SightTowers {
  // Throws: std::runtime_error naming the file and what is wrong with it.
  SightTowers(backend::ComputeContext& context, const SightFolder& folder);

  std::unique_ptr<const vision::VisionEncoder> encoder;
  std::unique_ptr<const projector::Projector> projector;
};

// Eyes for a language model: frames to tokens by image processor, vision encoder and projector, and what the
// encoder's own heads say. Immutable; any thread may use it, each with a context of its own.
class SightModel {
 public:
  // Throws: std::runtime_error naming the file and what is wrong with it.
  SightModel(backend::ComputeContext& context, const SightFolder& folder);

  std::int64_t token_columns() const { return towers_.projector->config().out; }
  // Rows of tokens that one picture, a tile or the whole, becomes.
  std::int64_t picture_tokens() const;
  // Rows that a frame becomes at most.
  std::int64_t most_frame_tokens() const { return (most_tiles_ + 1) * picture_tokens(); }
  // From now on a frame is cut into so many tiles at most; 0, as at first: it is one picture of the encoder's
  // own size, which is what video processors do. A folder whose processor does not split is not affected.
  // Requires: nothing is being encoded.
  void allow_tiles(int most);
  int most_tiles() const { return most_tiles_; }

  // A batch of frames, each as the folder's image processor cuts it. Where that would be too many tiles, the
  // frame is brought to fewer of them, as by a lower `size.longest_edge`. A frame that cannot be read gets an
  // error of its own.
  void encode(backend::ComputeContext& context, std::span<ImageFrame> frames,
              std::span<EncodedImage> encoded) const;

 private:
  struct Cut;

  void cut(backend::ComputeContext& context, ImageFrame& frame, EncodedImage& encoded,
           std::vector<Cut>& pictures) const;
  void run(backend::ComputeContext& context, std::span<const Cut> pictures) const;

  preprocess::ImageSpec published_;                                          // with tiles, if it has any
  std::unique_ptr<const preprocess::ImageToTensor> whole_;                   // one picture
  std::vector<std::unique_ptr<const preprocess::ImageToTensor>> splitting_;  // the greatest size first
  int most_tiles_ = 0;
  SightTowers towers_;
  std::optional<vision::PatchHeads> heads_;
};

}  // namespace vedette::models::runtime
