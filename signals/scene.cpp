#include "signals/scene.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/video/background_segm.hpp>
#include <optional>

#include "signals/scene_alignment.h"

namespace vedette::signals {

namespace {

constexpr int kHistory = 500;        // looks; what stopped is taken for background after about a tenth of them
constexpr double kThreshold = 20.0;  // squared distance from the background, in variances
constexpr double kMostVariance = 400.0;  // of the background: a noisy night camera
constexpr int kLearnedAfter = 5;         // looks
constexpr float kSeen = 0.35F;  // share of the picture below which the background counts as lost from sight
constexpr float kAlike = 0.5F;  // of the textured blocks, to know the background again under another light
constexpr float kFarOff = 45.0F;      // exposure so far from the learnt one that it is learnt anew
constexpr int kLargestSpeck = 24;     // pixels
constexpr int kSmallestSpeck = 2;
constexpr int kLostLooks = 3;         // in a row, before the background is given up

void add_pixel(Blob& blob, int x, int y) {
  if (blob.area == 0) {
    blob.left = blob.width = x;  // `width`, `height` hold the far corner until all pixels are in
    blob.top = blob.height = y;
  }
  blob.left = std::min(blob.left, x);
  blob.width = std::max(blob.width, x);
  blob.top = std::min(blob.top, y);
  blob.height = std::max(blob.height, y);
  blob.x += static_cast<float>(x);
  blob.y += static_cast<float>(y);
  ++blob.area;
}

// Regions whose parts are at most 4 pixels apart.
std::vector<Blob> blobs_of(const cv::Mat& mask, int smallest_area) {
  static const cv::Mat near = cv::getStructuringElement(cv::MORPH_ELLIPSE, cv::Size(5, 5));
  cv::Mat joined, labels;
  cv::dilate(mask, joined, near);
  const int count = cv::connectedComponents(joined, labels, 8, CV_32S);
  std::vector<Blob> blobs(static_cast<std::size_t>(count));
  for (int y = 0; y < mask.rows; ++y) {
    const auto* set = mask.ptr<std::uint8_t>(y);
    const auto* label = labels.ptr<int>(y);
    for (int x = 0; x < mask.cols; ++x) {
      if (set[x] != 0) add_pixel(blobs[static_cast<std::size_t>(label[x])], x, y);
    }
  }
  std::erase_if(blobs, [&](const Blob& blob) { return blob.area < smallest_area; });
  for (Blob& blob : blobs) {
    blob.width += 1 - blob.left;
    blob.height += 1 - blob.top;
    blob.x /= static_cast<float>(blob.area);
    blob.y /= static_cast<float>(blob.area);
  }
  std::ranges::sort(blobs, std::greater{}, &Blob::area);
  if (blobs.size() > Scene::kMostBlobs) blobs.resize(Scene::kMostBlobs);
  return blobs;
}

bool inside(const Blob& blob, double x, double y) {
  constexpr double kNear = 3.0;
  return x >= blob.left - kNear && x <= blob.left + blob.width + kNear && y >= blob.top - kNear &&
         y <= blob.top + blob.height + kNear;
}

// Counts the small regions that belong to no blob.
void count_specks(const cv::Mat& mask, SceneLook& look) {
  cv::Mat labels, stats, centres;
  const int count = cv::connectedComponentsWithStats(mask, labels, stats, centres, 8, CV_32S);
  std::array<bool, 12> cells{};
  for (int i = 1; i < count; ++i) {
    const int area = stats.at<int>(i, cv::CC_STAT_AREA);
    if (area < kSmallestSpeck || area > kLargestSpeck) continue;
    const double x = centres.at<double>(i, 0), y = centres.at<double>(i, 1);
    if (std::ranges::any_of(look.blobs, [&](const Blob& blob) {
          return blob.area > 3 * kLargestSpeck && inside(blob, x, y);
        })) {
      continue;
    }
    ++look.specks;
    cells.at(static_cast<std::size_t>(std::min(3, static_cast<int>(x * 4 / mask.cols)) +
                                      4 * std::min(2, static_cast<int>(y * 3 / mask.rows)))) = true;
  }
  look.speck_cells = static_cast<int>(std::ranges::count(cells, true));
}

// The picture's edge shows what no background was learnt for, when the camera moved.
void clear_border(cv::Mat& mask, const Shift& shift) {
  const int x = std::abs(shift.x) > 0.3F ? static_cast<int>(std::ceil(std::abs(shift.x))) + 1 : 0;
  const int y = std::abs(shift.y) > 0.3F ? static_cast<int>(std::ceil(std::abs(shift.y))) + 1 : 0;
  if (x == 0 && y == 0) return;
  const cv::Rect kept(x, y, std::max(0, mask.cols - 2 * x), std::max(0, mask.rows - 2 * y));
  cv::Mat cleared = cv::Mat::zeros(mask.size(), CV_8U);
  mask(kept).copyTo(cleared(kept));
  mask = cleared;
}

}  // namespace

struct Scene::State {
  cv::Ptr<cv::BackgroundSubtractorMOG2> subtractor;
  cv::Mat background;  // f32, mean of what stands still, as it was exposed when learnt
  cv::Mat last;        // f32, the picture before this one
  int looks = 0;       // since learning began
  int lost = 0;        // looks in a row

  void learn(const cv::Mat& now);
  SceneLook compare(const cv::Mat& now, int smallest_area);
  void follow(const cv::Mat& corrected, const cv::Mat& mask);
  std::optional<Exposure> recognise(const cv::Mat& steady, SceneLook& look);
};

void Scene::State::learn(const cv::Mat& now) {
  // No pool threads of OpenCV's own: who calls decides where this runs.
  cv::setNumThreads(1);
  subtractor = cv::createBackgroundSubtractorMOG2(kHistory, kThreshold, false);
  subtractor->setVarMax(kMostVariance);
  background = now.clone();
  looks = lost = 0;
}

// The exposure under which the background is seen; nothing when it is not to be seen.
std::optional<Exposure> Scene::State::recognise(const cv::Mat& steady, SceneLook& look) {
  const Exposure exposure = exposure_between(background, steady);
  if (exposure.share >= kSeen) return exposure;
  if (looks >= kLearnedAfter && alike_structure(background, steady) >= kAlike) {
    look.relit = true;
    return exposure;
  }
  return std::nullopt;
}

SceneLook Scene::State::compare(const cv::Mat& now, int smallest_area) {
  SceneLook look;
  const Shift shift = shift_between(background, now);
  look.shift_x = shift.x;
  look.shift_y = shift.y;
  cv::Mat steady = now;
  if (shift.x != 0.0F || shift.y != 0.0F) undo_shift(now, shift, steady);
  const std::optional<Exposure> exposure = recognise(steady, look);
  if (!exposure) {
    look.lost = true;
    const Shift turned = shift_between(last, now);
    look.turned_x = turned.x;
    look.turned_y = turned.y;
    const bool turns = turned.x != 0.0F || turned.y != 0.0F;
    look.replaced = ++lost >= kLostLooks && !turns;
    if (look.replaced || turns) learn(now);
    return look;
  }
  lost = 0;
  look.brightness = exposure->level;
  if (look.relit || std::abs(exposure->level) > kFarOff) {
    learn(now);
    return look;
  }
  cv::Mat corrected = (steady - static_cast<double>(exposure->offset)) / static_cast<double>(exposure->gain);
  cv::Mat bytes, mask;
  corrected.convertTo(bytes, CV_8U);
  subtractor->apply(bytes, mask, 1.0 / std::min(looks + 1, kHistory));
  ++looks;
  look.learning = looks <= kLearnedAfter;
  clear_border(mask, shift);
  cv::Mat solid;
  cv::medianBlur(mask, solid, 3);
  look.blobs = blobs_of(solid, smallest_area);
  count_specks(mask, look);
  follow(corrected, mask);
  return look;
}

void Scene::State::follow(const cv::Mat& corrected, const cv::Mat& mask) {
  const double rate = std::max(0.03, 1.0 / (looks + 1));
  cv::Mat still = mask == 0;
  cv::accumulateWeighted(corrected, background, rate, still);
  cv::accumulateWeighted(corrected, background, 0.005, mask);
}

Scene::Scene() : state_(std::make_unique<State>()) {}
Scene::~Scene() = default;

void Scene::reset() {
  state_ = std::make_unique<State>();
}

SceneLook Scene::look(const LumaFrame& frame, int smallest_area) {
  require_complete(frame);
  const cv::Mat raw(frame.height, frame.width, CV_8U, const_cast<std::uint8_t*>(frame.pixels.data()),
                    static_cast<std::size_t>(frame.stride));
  cv::Mat smooth, now;
  cv::GaussianBlur(raw, smooth, cv::Size(3, 3), 0.0, 0.0, cv::BORDER_REPLICATE);
  smooth.convertTo(now, CV_32F);
  SceneLook look;
  if (state_->background.size() != now.size()) {
    state_->learn(now);
    look.learning = true;
  } else {
    look = state_->compare(now, smallest_area);
  }
  state_->last = now;
  return look;
}

}  // namespace vedette::signals
