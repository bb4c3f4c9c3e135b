#pragma once

#include <memory>
#include <vector>

#include "signals/luma_frame.h"

namespace vedette::signals {

// A connected region that differs from the background, in pixels of the looked-at picture.
struct Blob {
  int left = 0, top = 0, width = 0, height = 0;  // its box
  int area = 0;                                  // pixels that differ
  int active = 0;                                // of them, those that changed since the last look
  float x = 0.0F, y = 0.0F;                      // their centre
};

// What one look at the picture showed, compared with the learnt background.
struct SceneLook {
  std::vector<Blob> blobs;  // the largest first, at most Scene::kMostBlobs
  int specks = 0;           // tiny regions; where they are many and everywhere, no blob holds them
  int speck_cells = 0;      // of the 12 cells of the picture, those that hold specks
  float shift_x = 0.0F, shift_y = 0.0F;    // of the picture against the background, pixels
  float turned_x = 0.0F, turned_y = 0.0F;  // since the last look, where the background was lost from sight
  int border = 0;                          // pixels at each edge that cannot be compared, as the camera moved
  float brightness = 0.0F;                 // mean luma of the background now, less what it was when learnt
  bool relit = false;     // the light changed so unevenly that the background was learnt anew
  bool lost = false;      // little of the background is to be seen: turned, cut, covered
  bool replaced = false;  // lost for good: what is seen now was learnt instead
  bool learning = false;  // the background is too new to be trusted
};

// The still background of one camera: takes the camera's shaking and the exposure out of each picture and
// says what differs. OpenCV's MOG2 (Zivkovic 2004) does the per-pixel learning; it runs on the caller's
// thread alone. One per stream; not thread-safe. About 0.6 ms a look at 160x90; memory about 1 MB.
class Scene {
 public:
  static constexpr std::size_t kMostBlobs = 24;

  Scene();
  ~Scene();
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  // A picture of another size begins anew. `smallest_area`: of a blob, pixels.
  // Throws: std::invalid_argument as require_complete.
  SceneLook look(const LumaFrame& frame, int smallest_area);
  void reset();  // forgets everything

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vedette::signals
