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

constexpr int kHistory = 500;  // looks; what stopped is taken for background after about a tenth of them
constexpr double kThreshold = 20.0;      // squared distance from the background, in variances
constexpr int kMixtures = 3;             // per pixel: the background, what stands before it, what passes
constexpr double kMostVariance = 400.0;  // of the background: a noisy night camera
constexpr int kLearnedAfter = 5;         // looks
constexpr int kQuickLooks = 10;          // in which the background is learnt quickly
constexpr float kSeen = 0.6F;            // share of the picture in which the background is surely seen
constexpr float kHardlySeen = 0.35F;     // below it must be known by its structure, under another light
constexpr float kLittleAlike = 0.35F;    // of the textured blocks, between the two
constexpr float kAlike = 0.5F;     // of the textured blocks, to know the background again under another light
constexpr float kFarOff = 30.0F;   // exposure so far from the learnt one that it is learnt anew, in time
constexpr int kLargestSpeck = 40;  // pixels
constexpr int kSmallestSpeck = 2;
constexpr int kManySpecks = 9, kManyCells = 4;  // so many, spread so far, are weather and not parts of things
constexpr int kActive = 12;                     // levels that a pixel changes by where something moves
constexpr double kLearningRate = 1.0 / kHistory;
constexpr int kFarLooks = 100;  // in a row, until then
constexpr int kLostLooks = 3;   // in a row, before the background is given up

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
std::vector<Blob> blobs_of(const cv::Mat& mask, const cv::Mat& active, int smallest_area) {
  static const cv::Mat near = cv::getStructuringElement(cv::MORPH_ELLIPSE, cv::Size(5, 5));
  cv::Mat joined, labels;
  cv::dilate(mask, joined, near);
  const int count = cv::connectedComponents(joined, labels, 8, CV_32S);
  std::vector<Blob> blobs(static_cast<std::size_t>(count));
  for (int y = 0; y < mask.rows; ++y) {
    const auto* set = mask.ptr<std::uint8_t>(y);
    const auto* changed = active.ptr<std::uint8_t>(y);
    const auto* label = labels.ptr<int>(y);
    for (int x = 0; x < mask.cols; ++x) {
      if (set[x] == 0) continue;
      Blob& blob = blobs[static_cast<std::size_t>(label[x])];
      add_pixel(blob, x, y);
      blob.active += changed[x] != 0 ? 1 : 0;
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

bool is_near(const cv::Rect& box, double x, double y) {
  constexpr double kNear = 3.0;
  return x >= box.x - kNear && x <= box.x + box.width + kNear && y >= box.y - kNear &&
         y <= box.y + box.height + kNear;
}

// Counts the small regions that came with this look and are not beside a large one. Where they are many and
// all over the picture, all small ones are taken out of the mask.
void count_specks(cv::Mat& mask, const cv::Mat& active, SceneLook& look) {
  cv::Mat labels, stats, centres;
  const int count = cv::connectedComponentsWithStats(mask, labels, stats, centres, 8, CV_32S);
  std::vector<bool> small(static_cast<std::size_t>(count));
  std::vector<cv::Rect> large;
  for (int i = 1; i < count; ++i) {
    const int* stat = stats.ptr<int>(i);
    small[static_cast<std::size_t>(i)] = stat[cv::CC_STAT_AREA] <= kLargestSpeck;
    if (stat[cv::CC_STAT_AREA] > 3 * kLargestSpeck) {
      large.emplace_back(stat[cv::CC_STAT_LEFT], stat[cv::CC_STAT_TOP], stat[cv::CC_STAT_WIDTH],
                         stat[cv::CC_STAT_HEIGHT]);
    }
  }
  std::vector<int> fresh(static_cast<std::size_t>(count));
  for (int y = 0; y < mask.rows; ++y) {
    const auto* changed = active.ptr<std::uint8_t>(y);
    const auto* label = labels.ptr<int>(y);
    for (int x = 0; x < mask.cols; ++x) fresh[static_cast<std::size_t>(label[x])] += changed[x] != 0 ? 1 : 0;
  }
  std::array<bool, 12> cells{};
  for (int i = 1; i < count; ++i) {
    if (2 * fresh[static_cast<std::size_t>(i)] < stats.at<int>(i, cv::CC_STAT_AREA)) continue;
    if (!small[static_cast<std::size_t>(i)] || stats.at<int>(i, cv::CC_STAT_AREA) < kSmallestSpeck) continue;
    const double x = centres.at<double>(i, 0), y = centres.at<double>(i, 1);
    if (std::ranges::any_of(large, [&](const cv::Rect& box) { return is_near(box, x, y); })) continue;
    ++look.specks;
    cells.at(static_cast<std::size_t>(std::min(3, static_cast<int>(x * 4 / mask.cols)) +
                                      4 * std::min(2, static_cast<int>(y * 3 / mask.rows)))) = true;
  }
  look.speck_cells = static_cast<int>(std::ranges::count(cells, true));
  if (look.specks < kManySpecks || look.speck_cells < kManyCells) return;
  for (int y = 0; y < mask.rows; ++y) {
    auto* set = mask.ptr<std::uint8_t>(y);
    const auto* label = labels.ptr<int>(y);
    for (int x = 0; x < mask.cols; ++x) {
      if (small[static_cast<std::size_t>(label[x])]) set[x] = 0;
    }
  }
}

// The picture's edge shows what no background was learnt for, when the camera moved.
int clear_border(cv::Mat& mask, const Shift& shift) {
  const int x = std::abs(shift.x) > 0.3F ? static_cast<int>(std::ceil(std::abs(shift.x))) + 1 : 0;
  const int y = std::abs(shift.y) > 0.3F ? static_cast<int>(std::ceil(std::abs(shift.y))) + 1 : 0;
  if (x == 0 && y == 0) return 0;
  const cv::Rect kept(x, y, std::max(0, mask.cols - 2 * x), std::max(0, mask.rows - 2 * y));
  cv::Mat cleared = cv::Mat::zeros(mask.size(), CV_8U);
  mask(kept).copyTo(cleared(kept));
  mask = cleared;
  return std::max(x, y);
}

}  // namespace

struct Scene::State {
  cv::Ptr<cv::BackgroundSubtractorMOG2> subtractor;
  cv::Mat background;   // f32, mean of what stands still, as it was exposed when learnt
  cv::Mat last;         // f32, the picture before this one
  cv::Mat last_steady;  // bytes, the same as the background would show it; empty when it was not compared
  int looks = 0;        // since learning began
  int lost = 0;         // looks in a row
  int far_off = 0;      // looks in a row
  Shift last_shift;     // of the picture against the background, as it was last sure

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
  subtractor->setNMixtures(kMixtures);
  background = now.clone();
  last_steady.release();
  looks = lost = far_off = 0;
  last_shift = {};
}

// The exposure under which the background is seen; nothing when it is not to be seen.
std::optional<Exposure> Scene::State::recognise(const cv::Mat& steady, SceneLook& look) {
  const Exposure exposure = exposure_between(background, steady);
  if (exposure.share >= kSeen || looks < kLearnedAfter) return exposure;
  const float alike = alike_structure(background, steady);
  if (exposure.share >= kHardlySeen && alike >= kLittleAlike) return exposure;
  if (alike >= kAlike) {
    look.relit = true;
    return exposure;
  }
  return std::nullopt;
}

SceneLook Scene::State::compare(const cv::Mat& now, int smallest_area) {
  SceneLook look;
  const Shift shift = shift_between(background, now);
  // A large thing that passes can hide where the picture stands: it has not jumped for that.
  if (shift.sure) last_shift = shift;
  look.shift_x = last_shift.x;
  look.shift_y = last_shift.y;
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
  far_off = std::abs(exposure->level) > kFarOff ? far_off + 1 : 0;
  if (look.relit) look.brightness = static_cast<float>(cv::mean(steady)[0] - cv::mean(background)[0]);
  if (look.relit || far_off > kFarLooks) {
    look.learning = true;
    if (!look.relit) look.brightness = 0.0F;
    learn(now);
    return look;
  }
  cv::Mat corrected = (steady - static_cast<double>(exposure->offset)) / static_cast<double>(exposure->gain);
  cv::Mat bytes, mask;
  corrected.convertTo(bytes, CV_8U);
  subtractor->apply(bytes, mask, looks < kQuickLooks ? 1.0 / (looks + 1) : kLearningRate);
  ++looks;
  look.learning = looks <= kLearnedAfter;
  follow(corrected, mask);
  look.border = clear_border(mask, shift);
  cv::Mat solid, moved, active = mask.clone();
  if (!last_steady.empty()) {
    cv::absdiff(bytes, last_steady, moved);
    active = moved > kActive;
  }
  count_specks(mask, active, look);
  cv::medianBlur(mask, solid, 3);
  look.blobs = blobs_of(solid, active, smallest_area);
  last_steady = bytes;
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
