#include "signals/scene_alignment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <vector>

namespace vedette::signals {

namespace {

constexpr double kSame = 1.0;       // mean difference of pictures that nothing moves between
constexpr int kSmallest = 16;       // pixels of a picture's side from which a shift can be told
constexpr float kStill = 0.15F;     // a shift below this is the estimate's own noise, pixels
constexpr double kFarthest = 0.3;   // share of the picture beyond which a shift is not believed
constexpr float kClearly = 0.5F;    // levels by which a block's difference must fall, to speak for a shift
constexpr int kFewest = 16;         // blocks of 240 that must speak for it
constexpr float kFollows = 7.0F;    // a block this near to the fitted exposure follows it
constexpr double kTextured = 25.0;  // variance of a block from which it has structure to compare
constexpr double kSameStructure = 0.7;  // correlation

// Mean absolute differences of 20 x 12 blocks.
std::vector<float> differences(const cv::Mat& then, const cv::Mat& now, cv::Rect inside) {
  cv::Mat apart, blocks;
  cv::absdiff(then(inside), now(inside), apart);
  cv::resize(apart, blocks, cv::Size(20, 12), 0, 0, cv::INTER_AREA);
  return {blocks.begin<float>(), blocks.end<float>()};
}

// Whether clearly more blocks are more alike in `one` than in `other`. What moves through the picture by
// itself is in few blocks.
bool is_better(const std::vector<float>& one, const std::vector<float>& other) {
  int better = 0, worse = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    better += one[i] < other[i] - kClearly ? 1 : 0;
    worse += one[i] > other[i] + kClearly ? 1 : 0;
  }
  return better >= kFewest && better >= 3 * worse;
}

// The local light is taken out, so that a change of light does not look like one of place.
cv::Mat without_light(const cv::Mat& picture) {
  cv::Mat smooth;
  cv::blur(picture, smooth, cv::Size(15, 15), cv::Point(-1, -1), cv::BORDER_REPLICATE);
  return picture - smooth;
}

}  // namespace

Shift shift_between(const cv::Mat& then, const cv::Mat& now) {
  if (std::min(then.cols, then.rows) < kSmallest ||
      cv::norm(then, now, cv::NORM_L1) < kSame * static_cast<double>(then.total())) {
    return {0.0F, 0.0F, true};
  }
  thread_local cv::Mat window;
  if (window.size() != then.size()) cv::createHanningWindow(window, then.size(), CV_32F);
  const cv::Mat then_flat = without_light(then), now_flat = without_light(now);
  const cv::Point2d moved = cv::phaseCorrelate(then_flat, now_flat, window);
  Shift shift{static_cast<float>(moved.x), static_cast<float>(moved.y), false};
  if (!std::isfinite(shift.x) || !std::isfinite(shift.y) || std::abs(moved.x) > kFarthest * then.cols ||
      std::abs(moved.y) > kFarthest * then.rows) {
    return {};
  }
  if (std::hypot(shift.x, shift.y) < kStill) return {0.0F, 0.0F, true};
  const int margin_x = static_cast<int>(std::ceil(std::abs(shift.x))) + 1;
  const int margin_y = static_cast<int>(std::ceil(std::abs(shift.y))) + 1;
  const cv::Rect inside(margin_x, margin_y, then.cols - 2 * margin_x, then.rows - 2 * margin_y);
  if (inside.width < 8 || inside.height < 8) return {};
  cv::Mat back;
  undo_shift(now_flat, shift, back);
  const std::vector<float> moved_back = differences(then_flat, back, inside);
  if (!is_better(moved_back, differences(then_flat, now_flat, inside))) return {};
  // Moving a picture smooths its noise, which alone makes it more alike: the opposite way must be worse.
  undo_shift(now_flat, {-shift.x, -shift.y, false}, back);
  shift.sure = is_better(moved_back, differences(then_flat, back, inside));
  return shift.sure ? shift : Shift{};
}

void undo_shift(const cv::Mat& picture, const Shift& shift, cv::Mat& out) {
  const cv::Matx23d move(1.0, 0.0, static_cast<double>(shift.x), 0.0, 1.0, static_cast<double>(shift.y));
  cv::warpAffine(picture, out, move, picture.size(), cv::INTER_LINEAR | cv::WARP_INVERSE_MAP,
                 cv::BORDER_REPLICATE);
}

Exposure exposure_between(const cv::Mat& then, const cv::Mat& now) {
  cv::Mat then_blocks, now_blocks;
  const cv::Size grid(std::max(1, then.cols / 8), std::max(1, then.rows / 8));
  cv::resize(then, then_blocks, grid, 0, 0, cv::INTER_AREA);
  cv::resize(now, now_blocks, grid, 0, 0, cv::INTER_AREA);
  const std::vector<float> x(then_blocks.begin<float>(), then_blocks.end<float>());
  const std::vector<float> y(now_blocks.begin<float>(), now_blocks.end<float>());
  const std::size_t count = x.size(), kept = std::max<std::size_t>(1, count * 6 / 10);
  Exposure fit;
  std::vector<float> apart(count);
  for (std::size_t i = 0; i < count; ++i) apart[i] = y[i] - x[i];
  std::nth_element(apart.begin(), apart.begin() + static_cast<std::ptrdiff_t>(count / 2), apart.end());
  fit.offset = apart[count / 2];
  std::vector<std::size_t> order(count);
  for (int round = 0; round < 3; ++round) {  // least trimmed squares
    for (std::size_t i = 0; i < count; ++i) order[i] = i;
    const auto residual = [&](std::size_t i) { return std::abs(y[i] - fit.gain * x[i] - fit.offset); };
    std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept - 1), order.end(),
                     [&](std::size_t a, std::size_t b) { return residual(a) < residual(b); });
    double sx = 0, sy = 0, sxx = 0, sxy = 0;
    for (std::size_t n = 0; n < kept; ++n) {
      const double a = static_cast<double>(x[order[n]]), b = static_cast<double>(y[order[n]]);
      sx += a, sy += b, sxx += a * a, sxy += a * b;
    }
    const double n = static_cast<double>(kept);
    const double spread = sxx - sx * sx / n, together = sxy - sx * sy / n;
    const double ridge = 4.0 * n;  // flat pictures: an offset explains them as well as a gain
    fit.gain = static_cast<float>(std::clamp((together + ridge) / (spread + ridge), 0.3, 3.0));
    fit.offset = static_cast<float>(sy / n - static_cast<double>(fit.gain) * sx / n);
  }
  double level = 0.0;
  std::size_t following = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (std::abs(y[i] - fit.gain * x[i] - fit.offset) > kFollows) continue;
    level += static_cast<double>(y[i] - x[i]);
    ++following;
  }
  fit.level = following > 0 ? static_cast<float>(level / static_cast<double>(following)) : 0.0F;
  fit.share = static_cast<float>(following) / static_cast<float>(count);
  return fit;
}

float alike_structure(const cv::Mat& then, const cv::Mat& now) {
  constexpr int kColumns = 10, kRows = 6;
  int textured = 0, alike = 0;
  for (int row = 0; row < kRows; ++row) {
    for (int column = 0; column < kColumns; ++column) {
      const cv::Rect block(column * then.cols / kColumns, row * then.rows / kRows, then.cols / kColumns,
                           then.rows / kRows);
      if (block.area() < 9) continue;
      cv::Scalar then_mean, then_sigma, now_mean, now_sigma;
      cv::meanStdDev(then(block), then_mean, then_sigma);
      if (then_sigma[0] * then_sigma[0] < kTextured) continue;
      cv::meanStdDev(now(block), now_mean, now_sigma);
      ++textured;
      const double together = then(block).dot(now(block)) / block.area() - then_mean[0] * now_mean[0];
      const double apart = then_sigma[0] * now_sigma[0];
      alike += apart > 0.0 && together / apart > kSameStructure ? 1 : 0;
    }
  }
  return textured < 4 ? 1.0F : static_cast<float>(alike) / static_cast<float>(textured);
}

}  // namespace vedette::signals
