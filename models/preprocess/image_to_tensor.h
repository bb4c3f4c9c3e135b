#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "models/backend/context.h"
#include "models/preprocess/frame_view.h"
#include "models/preprocess/image_spec.h"

namespace vedette::models::preprocess {

// How the values of a picture lie in memory: patches of patch x patch pixels, row by row, each as [3, patch,
// patch]; 0: the whole picture as one, [3, height, width].
struct PatchOrder {
  int patch = 0;
};

// Decoded frames to the values that a vision encoder wants: resized, cropped or cut into tiles, normalised
// and laid out in patches, in one pass over the frame. RGB frames give what transformers' image processors
// with torchvision give. Any thread may use it, several at once; what depends on a frame's size is kept for
// the sizes that were seen last.
class ImageToTensor {
 public:
  // Throws: std::invalid_argument for a spec that makes no sense.
  ImageToTensor(const ImageSpec& spec, PatchOrder order);
  ~ImageToTensor();

  const ImageSpec& spec() const { return spec_; }

  // Pictures that a frame of this size becomes, and the size of each.
  TileGrid tiles(ImageSize frame) const { return tile_grid(spec_, frame); }
  ImageSize picture_size(ImageSize frame) const { return output_size(spec_, frame); }
  // Patches of one picture. Throws: std::invalid_argument when the size is not a multiple of the patch.
  ImageSize patch_grid(ImageSize frame) const;

  // y: [pictures * patches, 3 * patch * patch], one picture behind the other, tiles row by row, the whole
  // picture last. Throws: std::invalid_argument for another shape, or a frame that check_frame refuses.
  void run(backend::ComputeContext& context, const FrameView& frame, backend::Matrix y) const;

 private:
  struct Plan;

  std::shared_ptr<const Plan> plan_for(const FrameView& frame) const;
  void run_whole(backend::ComputeContext& context, const FrameView& frame, const Plan& plan,
                 backend::Matrix y) const;
  void run_tiles(backend::ComputeContext& context, const FrameView& frame, const Plan& plan,
                 backend::Matrix y) const;

  ImageSpec spec_;
  PatchOrder order_;
  std::array<float, 3> gain_{}, bias_{};  // of the normalisation
  mutable std::mutex mutex_;
  mutable std::vector<std::shared_ptr<const Plan>> plans_;  // the last used one first
};

}  // namespace vedette::models::preprocess
