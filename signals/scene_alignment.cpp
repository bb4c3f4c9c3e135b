#include "signals/scene_alignment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
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
constexpr int kRefinements = 2;
constexpr float kMostLeft = 2.0F;  // pixels of a rough shift that the refinement may correct
constexpr int kAcross = 20, kDown = 12;
constexpr std::size_t kBlocks = kAcross * kDown;
constexpr std::size_t kMostCovered = kBlocks * 15 / 100;  // by what moves while the picture stands still

using Blocks = std::array<float, kBlocks>;

// Mean absolute differences of 20 x 12 blocks. Requires: at least one pixel for each.
Blocks differences(const cv::Mat& then, const cv::Mat& now, cv::Rect inside) {
  Blocks blocks;
  std::vector<float> columns(static_cast<std::size_t>(inside.width));
  for (int down = 0; down < kDown; ++down) {
    const int top = inside.y + inside.height * down / kDown,
              bottom = inside.y + inside.height * (down + 1) / kDown;
    std::ranges::fill(columns, 0.0F);
    for (int y = top; y < bottom; ++y) {
      const float* a = then.ptr<float>(y) + inside.x;
      const float* b = now.ptr<float>(y) + inside.x;
      for (std::size_t x = 0; x < columns.size(); ++x) columns[x] += std::abs(a[x] - b[x]);
    }
    for (int across = 0; across < kAcross; ++across) {
      const int left = inside.width * across / kAcross, right = inside.width * (across + 1) / kAcross;
      const float sum = std::accumulate(columns.begin() + left, columns.begin() + right, 0.0F);
      blocks.at(static_cast<std::size_t>(down * kAcross + across)) =
          sum / static_cast<float>((right - left) * (bottom - top));
    }
  }
  return blocks;
}

// Whether clearly more blocks are more alike in `one` than in `other`. What moves through the picture by
// itself is in few blocks.
bool is_better(const Blocks& one, const Blocks& other) {
  int better = 0, worse = 0;
  for (std::size_t i = 0; i < kBlocks; ++i) {
    better += one[i] < other[i] - kClearly ? 1 : 0;
    worse += one[i] > other[i] + kClearly ? 1 : 0;
  }
  return better >= kFewest && better >= 3 * worse;
}

// Whether the pictures are the same but for what covers a small part of them.
bool stands_still(const cv::Mat& then, const cv::Mat& now) {
  Blocks apart = differences(then, now, {0, 0, then.cols, then.rows});
  const float sum = std::accumulate(apart.begin(), apart.end(), 0.0F);
  if (sum < static_cast<float>(kSame * kBlocks)) return true;
  const auto covered = apart.end() - static_cast<std::ptrdiff_t>(kMostCovered);
  std::nth_element(apart.begin(), covered, apart.end());
  return *covered < static_cast<float>(kSame);
}

// The local light is taken out, so that a change of light does not look like one of place.
cv::Mat without_light(const cv::Mat& picture) {
  cv::Mat smooth;
  cv::blur(picture, smooth, cv::Size(15, 15), cv::Point(-1, -1), cv::BORDER_REPLICATE);
  return picture - smooth;
}

// Phase correlation of the pictures at half their size: to about a pixel.
cv::Point2f rough_shift(const cv::Mat& then, const cv::Mat& now) {
  const cv::Size size(then.cols / 2, then.rows / 2);
  thread_local cv::Mat window;
  if (window.size() != size) cv::createHanningWindow(window, size, CV_32F);
  cv::Mat then_half, now_half;
  const cv::Rect even(0, 0, 2 * size.width, 2 * size.height);
  cv::resize(then(even), then_half, size, 0, 0, cv::INTER_AREA);
  cv::resize(now(even), now_half, size, 0, 0, cv::INTER_AREA);
  const cv::Point2d moved = cv::phaseCorrelate(then_half, now_half, window);
  return {2.0F * static_cast<float>(moved.x), 2.0F * static_cast<float>(moved.y)};
}

// What is left of a shift that was undone in `back`, by least squares over the gradients (Lucas and Kanade
// 1981), without the pixels that fit least: those of things that move by themselves.
cv::Point2f left_over(const cv::Mat& then, const cv::Mat& back, cv::Rect inside) {
  double sum = 0.0;
  for (int y = inside.y; y < inside.y + inside.height; ++y) {
    const float* a = then.ptr<float>(y);
    const float* b = back.ptr<float>(y);
    float row = 0.0F;
    for (int x = inside.x; x < inside.x + inside.width; ++x) row += std::abs(b[x] - a[x]);
    sum += static_cast<double>(row);
  }
  const float most = 3.0F * static_cast<float>(sum / inside.area());
  double xx = 0, xy = 0, yy = 0, xe = 0, ye = 0;
  for (int y = std::max(1, inside.y); y < std::min(then.rows - 1, inside.y + inside.height); ++y) {
    const float *above = then.ptr<float>(y - 1), *a = then.ptr<float>(y), *below = then.ptr<float>(y + 1);
    const float* b = back.ptr<float>(y);
    float row_xx = 0, row_xy = 0, row_yy = 0, row_xe = 0, row_ye = 0;
    for (int x = std::max(1, inside.x); x < std::min(then.cols - 1, inside.x + inside.width); ++x) {
      const float error = b[x] - a[x], fits = std::abs(error) <= most ? 0.5F : 0.0F;
      const float across = fits * (a[x + 1] - a[x - 1]), down = fits * (below[x] - above[x]);
      row_xx += across * across;
      row_xy += across * down;
      row_yy += down * down;
      row_xe += across * error;
      row_ye += down * error;
    }
    xx += static_cast<double>(row_xx), xy += static_cast<double>(row_xy), yy += static_cast<double>(row_yy);
    xe += static_cast<double>(row_xe), ye += static_cast<double>(row_ye);
  }
  const double determinant = xx * yy - xy * xy;
  if (!(determinant > 1e-3 * xx * yy)) return {};  // structure in one direction only, or none
  return {static_cast<float>((yy * xe - xy * ye) / determinant),
          static_cast<float>((xx * ye - xy * xe) / determinant)};
}

// What of `now` still lies over `then` when it is moved back; empty when next to nothing does.
cv::Rect overlap(const cv::Mat& then, const Shift& shift) {
  const int margin_x = static_cast<int>(std::ceil(std::abs(shift.x))) + 1;
  const int margin_y = static_cast<int>(std::ceil(std::abs(shift.y))) + 1;
  const cv::Rect inside(margin_x, margin_y, then.cols - 2 * margin_x, then.rows - 2 * margin_y);
  return inside.width < kAcross || inside.height < kDown ? cv::Rect() : inside;
}

bool is_possible(const Shift& shift, const cv::Mat& then) {
  return std::isfinite(shift.x) && std::isfinite(shift.y) &&
         static_cast<double>(std::abs(shift.x)) <= kFarthest * then.cols &&
         static_cast<double>(std::abs(shift.y)) <= kFarthest * then.rows;
}

}  // namespace

Shift shift_between(const cv::Mat& then, const cv::Mat& now) {
  if (std::min(then.cols, then.rows) < kSmallest || then.cols < kAcross || stands_still(then, now))
    return {0.0F, 0.0F, true};
  const cv::Mat then_flat = without_light(then), now_flat = without_light(now);
  const cv::Point2f moved = rough_shift(then_flat, now_flat);
  Shift shift{moved.x, moved.y, false};
  if (!is_possible(shift, then)) return {};
  cv::Mat back;
  cv::Rect inside = overlap(then, shift);
  if (inside.empty()) return {};
  for (int round = 0; round < kRefinements; ++round) {
    undo_shift(now_flat, shift, back);
    const cv::Point2f left = left_over(then_flat, back, inside);
    if (std::hypot(left.x, left.y) > kMostLeft) break;  // the estimate is good near the truth only
    shift.x -= left.x;
    shift.y -= left.y;
  }
  if (!is_possible(shift, then)) return {};
  if (std::hypot(shift.x, shift.y) < kStill) return {0.0F, 0.0F, true};
  inside = overlap(then, shift);
  if (inside.empty()) return {};
  undo_shift(now_flat, shift, back);
  const Blocks moved_back = differences(then_flat, back, inside);
  if (!is_better(moved_back, differences(then_flat, now_flat, inside))) return {};
  // Moving a picture smooths its noise, which alone makes it more alike: the opposite way must be worse.
  undo_shift(now_flat, {-shift.x, -shift.y, false}, back);
  shift.sure = is_better(moved_back, differences(then_flat, back, inside));
  return shift.sure ? shift : Shift{};
}

// Bilinear. The weights are the same for all pixels, which no general warp knows.
void undo_shift(const cv::Mat& picture, const Shift& shift, cv::Mat& out) {
  const int left = static_cast<int>(std::floor(shift.x)), top = static_cast<int>(std::floor(shift.y));
  const float right_share = shift.x - static_cast<float>(left),
              lower_share = shift.y - static_cast<float>(top);
  const int width = picture.cols;
  cv::Mat result(picture.size(), CV_32F);
  // One row between two, with its ends repeated so that every pixel finds its neighbours.
  const int before = std::max(0, -left), after = std::max(0, left + 1);
  std::vector<float> line(static_cast<std::size_t>(before + width + after));
  const auto row_at = [&](int y) { return picture.ptr<float>(std::clamp(y, 0, picture.rows - 1)); };
  for (int y = 0; y < picture.rows; ++y) {
    const float *upper = row_at(y + top), *lower = row_at(y + top + 1);
    float* own = line.data() + before;
    for (int x = 0; x < width; ++x) own[x] = upper[x] + lower_share * (lower[x] - upper[x]);
    std::fill_n(line.begin(), before, own[0]);
    std::fill_n(line.end() - after, after, own[width - 1]);
    const float* from = own + left;
    auto* to = result.ptr<float>(y);
    for (int x = 0; x < width; ++x) to[x] = from[x] + right_share * (from[x + 1] - from[x]);
  }
  out = result;
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
