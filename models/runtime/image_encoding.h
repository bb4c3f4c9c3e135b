#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/preprocess/frame_view.h"
#include "models/preprocess/image_spec.h"
#include "models/runtime/statistics.h"
#include "models/tensor/tensor.h"

namespace vedette::models::runtime {

// A picture to encode. The view borrows from `owner`, which is let go once the pixels were read.
struct ImageFrame {
  preprocess::FrameView view;
  std::shared_ptr<const void> owner;
};

// What the encoder's own heads say of a picture, where a model has any.
struct Sighting {
  std::string
      what;  // "person", "vehicle", ...; "nothing"; or what is wrong with the picture: "picture_blurred"
  std::string where;   // "left", "middle", "right"; "" when the head does not tell
  float score = 0.0F;  // calibrated probability
  bool of_picture =
      false;  // of the whole picture: what is wrong with it, or a kind that is likely in it somewhere
};

struct EncodedImage {
  // Encoder and projector: [tokens, hidden of the LLM] f32 or bf16. Those of the tiles, row by row, and of
  // the whole picture as the last.
  tensor::Tensor tokens;
  preprocess::TileGrid tiles;       // 0 x 0: the whole picture alone
  int tiles_left_out = 0;           // that the folder's own processor would have cut besides
  std::vector<Sighting> sightings;  // the likeliest first; empty when the model has no heads
  std::exception_ptr error;         // set when encoding failed; the rest is then empty
};

// Encodes pictures of all streams in shared batches. As AudioEncoding in everything else.
class ImageEncoding {
 public:
  virtual ~ImageEncoding() = default;
  virtual void submit(ImageFrame frame, std::function<void(EncodedImage)> done) = 0;
  virtual EncodingStatistics statistics() const { return {}; }
};

}  // namespace vedette::models::runtime
