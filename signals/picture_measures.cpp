#include "signals/picture_measures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace vedette::signals {

namespace {

// Blur, in pixels and levels of the small copy.
constexpr int kTile = 16, kNear = 1, kFar = 6;  // steps over 2 and 12 pixels
constexpr int kContrast = 16;                   // levels of the wide step from which a tile has contrast
constexpr float kSharp = 0.45F;                 // share of the wide step that a sharp edge takes at once
constexpr float kGradient = 0.22F;              // ... and a gradient: 2 of 12 pixels
constexpr int kLeastTiles = 6;

// Noise.
constexpr int kBlock = 8, kBlocksAcross = 32, kBlocksDown = 18;
constexpr int kDarkest = 24, kBrightest = 232;  // mean of a block beyond which its noise is clipped
constexpr std::size_t kKeyFrames = 3;           // looks, one of which shows a key frame

// Blocks.
constexpr int kRowsRead = 64, kStrips = 16, kStripWidth = 8;
constexpr int kShortestPeriod = 6, kLongestPeriod = 40, kLeastPeriods = 6;
constexpr float kLeastStep = 0.75F;  // levels, mean of a border, less which nobody sees
constexpr float kUnseen = 0.15F;     // levels added to the steps inside: no eye tells so little from none
constexpr float kGrid = 3.0F;        // step at the borders against those inside
constexpr float kStandsOut = 2.0F;   // the same of one border
constexpr float kNearlyAll = 0.75F;  // of the borders

// Torn rows.
constexpr float kLeastTear = 3.0F, kTearOverRest = 2.0F;
constexpr int kTearWindow = 12;
constexpr std::size_t kMostTears = 24;
constexpr int kSamples = 320;     // of a row
constexpr int kLeastShift = 6;    // of these: 2 % of the picture's width
constexpr float kMatches = 0.6F;  // what is left of the difference once shifted

void require_complete(const WholePicture& picture) {
  const bool sound = picture.width > 0 && picture.height > 0 && picture.step > 0 &&
                     picture.stride >= (picture.width - 1) * picture.step + 1;
  const std::size_t needed =
      sound ? static_cast<std::size_t>(picture.stride) * static_cast<std::size_t>(picture.height - 1) +
                  static_cast<std::size_t>(picture.width - 1) * static_cast<std::size_t>(picture.step) + 1
            : 0;
  if (sound && picture.pixels.size() >= needed) return;
  throw std::invalid_argument("picture of " + std::to_string(picture.width) + "x" +
                              std::to_string(picture.height) + ", stride " + std::to_string(picture.stride) +
                              ", needs " + std::to_string(needed) + " bytes, not " +
                              std::to_string(picture.pixels.size()));
}

// The share of its wide step that the tile's steepest edge takes at once; 0: there is no contrast in it.
float steepness(const LumaFrame& small, int left, int top) {
  const std::uint8_t* pixels = small.pixels.data();
  int best_near = 0, best_far = kContrast * 3 - 1;
  for (const bool across : {true, false}) {
    const int along = across ? 1 : small.stride, beside = across ? small.stride : 1;
    const int u0 = across ? left : top, u_end = across ? small.width : small.height;
    const int v0 = across ? top : left, v_end = across ? small.height : small.width;
    int near = 0, far = 0;
    for (int v = std::max(1, v0); v < std::min(v0 + kTile, v_end - 1); ++v) {
      for (int u = std::max(kFar, u0); u < std::min(u0 + kTile, u_end - kFar); ++u) {
        const std::uint8_t* at = pixels + u * along + v * beside;
        const auto step = [&](int by) {  // of the mean of three pixels side by side
          const std::uint8_t *a = at - by * along, *b = at + by * along;
          return std::abs((b[-beside] + b[0] + b[beside]) - (a[-beside] + a[0] + a[beside]));
        };
        near = std::max(near, step(kNear));
        far = std::max(far, step(kFar));
      }
    }
    if (far > best_far) {
      best_far = far;
      best_near = near;
    }
  }
  return static_cast<float>(best_near) / static_cast<float>(best_far);
}

float blur(const LumaFrame& small) {
  int sharp = 0, soft = 0;
  for (int top = 0; top + kTile / 2 <= small.height; top += kTile) {
    for (int left = 0; left + kTile / 2 <= small.width; left += kTile) {
      const float at_once = steepness(small, left, top);
      if (at_once > kSharp) {
        ++sharp;
      } else if (at_once > kGradient) {
        ++soft;
      }
    }
  }
  if (sharp + soft < kLeastTiles) return 0.0F;
  return static_cast<float>(soft) / static_cast<float>(sharp + soft);
}

struct Deviation {
  double mean = 0.0, deviation = 0.0;
};
template <class Value>
Deviation deviation_of(const Value& value) {
  int sum = 0, squares = 0;
  for (int i = 0; i < kBlock * kBlock; ++i) {
    const int v = value(i);
    sum += v;
    squares += v * v;
  }
  const double mean = static_cast<double>(sum) / (kBlock * kBlock);
  return {mean, std::sqrt(std::max(0.0, static_cast<double>(squares) / (kBlock * kBlock) - mean * mean))};
}

// Steps at each side of a border that scaling makes part of it.
int edge_of(int period) {
  return std::max(1, period / 8);
}

// How the steps at this phase of a period stand against those inside: their ratio; 0 where they hardly exceed
// them, or do not at nearly every border.
float ratio_of(const std::vector<float>& steps, int period, int phase, float border, float inside) {
  if (border - inside < kLeastStep || border < kGrid * inside) return 0.0F;
  const int count = static_cast<int>(steps.size()), edge = edge_of(period);
  int standing = 0, borders = 0;
  for (int i = phase; i < count; i += period, ++borders) {
    float rest = 0.0F;
    int n = 0;
    for (int k = std::max(0, i - period + 1 + edge); k < std::min(count, i + period - edge); ++k) {
      if (std::abs(k - i) <= edge) continue;
      rest += steps[static_cast<std::size_t>(k)];
      ++n;
    }
    standing +=
        n > 0 && steps[static_cast<std::size_t>(i)] * static_cast<float>(n) > kStandsOut * rest ? 1 : 0;
  }
  return static_cast<float>(standing) < kNearlyAll * static_cast<float>(borders)
             ? 0.0F
             : border / (inside + kUnseen);
}

// The highest such ratio of any period and phase.
float grid(const std::vector<float>& steps, std::vector<float>& folded) {
  const int count = static_cast<int>(steps.size());
  float best = 0.0F;
  for (int period = kShortestPeriod;
       period <= std::min(count / kLeastPeriods, std::max(kLongestPeriod, count / 32)); ++period) {
    folded.assign(static_cast<std::size_t>(period), 0.0F);
    const int periods = count / period;
    for (int n = 0; n < periods; ++n) {
      const float* step = steps.data() + n * period;
      for (int i = 0; i < period; ++i) folded[static_cast<std::size_t>(i)] += step[i];
    }
    const int phase = static_cast<int>(std::ranges::max_element(folded) - folded.begin());
    const int edge = edge_of(period);
    float inside = 0.0F;
    for (int i = edge + 1; i < period - edge; ++i)
      inside += folded[static_cast<std::size_t>((phase + i) % period)];
    inside /= static_cast<float>((period - 1 - 2 * edge) * periods);
    const float border = folded[static_cast<std::size_t>(phase)] / static_cast<float>(periods);
    best = std::max(best, ratio_of(steps, period, phase, border, inside));
  }
  return best;
}

// Two rows, brought to kSamples values at most, one behind the other: what lies above a tear and below it.
struct Rows {
  std::array<std::int16_t, kSamples> above{}, below{};
  int count = 0;
};

Rows rows_at(const WholePicture& picture, int y) {
  Rows rows;
  rows.count = std::min(kSamples, picture.width);
  for (int i = 0; i < rows.count; ++i) {
    const int x = static_cast<int>(std::int64_t{i} * picture.width / rows.count);
    const auto k = static_cast<std::size_t>(i);
    rows.above[k] = static_cast<std::int16_t>(picture.at(x, y) + picture.at(x, std::max(0, y - 1)));
    rows.below[k] =
        static_cast<std::int16_t>(picture.at(x, y + 1) + picture.at(x, std::min(picture.height - 1, y + 2)));
  }
  return rows;
}

float mean_difference(const Rows& rows, int shift) {
  const std::int16_t *a = rows.above.data() + std::max(0, shift),
                     *b = rows.below.data() + std::max(0, -shift);
  const int count = rows.count - std::abs(shift);
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += std::abs(a[i] - b[i]);
  return static_cast<float>(sum) / static_cast<float>(count);
}

bool goes_on_sideways(const Rows& rows) {
  const float most = kMatches * mean_difference(rows, 0);
  for (int shift = kLeastShift; shift <= rows.count / 4; ++shift) {
    if (mean_difference(rows, shift) < most || mean_difference(rows, -shift) < most) return true;
  }
  return false;
}

}  // namespace

PictureFigures PictureMeasures::measure(const WholePicture& picture, const LumaFrame& small) {
  require_complete(picture);
  signals::require_complete(small);
  PictureFigures figures;
  figures.blur = blur(small);
  noises_.push_back(noise(picture));
  if (noises_.size() > kKeyFrames) noises_.pop_front();
  figures.noise = *std::ranges::max_element(noises_);
  if (picture.width < 2 * kBlock || picture.height < 2 * kBlock) return figures;
  take_profiles(picture);
  figures.blocks = std::min(grid(columns_, values_), grid(rows_, values_));
  if (figures.blocks == 0.0F) figures.torn = torn(picture);  // rows of blocks are often alike
  return figures;
}

void PictureMeasures::forget() {
  blocks_.clear();
  noises_.clear();
}

float PictureMeasures::noise(const WholePicture& picture) {
  const int across = std::min(kBlocksAcross, picture.width / kBlock);
  const int down = std::min(kBlocksDown, picture.height / kBlock);
  const bool comparable = !blocks_.empty() && picture.width == width_ && picture.height == height_;
  width_ = picture.width;
  height_ = picture.height;
  fresh_.clear();
  values_.clear();
  for (int row = 0; row < down; ++row) {
    const int top = static_cast<int>(std::int64_t{2 * row + 1} * picture.height / (2 * down)) - kBlock / 2;
    for (int column = 0; column < across; ++column) {
      const int left =
          static_cast<int>(std::int64_t{2 * column + 1} * picture.width / (2 * across)) - kBlock / 2;
      const std::size_t first = fresh_.size();
      for (int y = top; y < top + kBlock; ++y) {
        for (int x = left; x < left + kBlock; ++x) fresh_.push_back(picture.at(x, y));
      }
      if (!comparable) continue;
      const std::uint8_t *now = fresh_.data() + first, *before = blocks_.data() + first;
      const Deviation spread = deviation_of([&](int i) { return static_cast<int>(now[i]); });
      if (spread.mean < kDarkest || spread.mean > kBrightest) continue;
      const Deviation change = deviation_of([&](int i) { return static_cast<int>(now[i]) - before[i]; });
      values_.push_back(static_cast<float>(std::min(spread.deviation, change.deviation / std::sqrt(2.0))));
    }
  }
  std::swap(blocks_, fresh_);
  if (values_.empty() ||
      values_.size() * 4 < static_cast<std::size_t>(across) * static_cast<std::size_t>(down))
    return 0.0F;
  const auto middle = values_.begin() + static_cast<std::ptrdiff_t>(values_.size() / 2);
  std::ranges::nth_element(values_, middle);
  return *middle;
}

// Mean steps from each column to the next, of rows all over the picture, and from each row to the next, of
// strips all over it.
void PictureMeasures::take_profiles(const WholePicture& picture) {
  const auto add_steps = [](const std::uint8_t* from, const std::uint8_t* to, std::size_t count,
                            float* sums) {
    for (std::size_t i = 0; i < count; ++i) sums[i] += static_cast<float>(std::abs(to[i] - from[i]));
  };
  const int read = std::min(kRowsRead, picture.height);
  columns_.assign(static_cast<std::size_t>(picture.width - 1), 0.0F);
  line_.resize(static_cast<std::size_t>(picture.width));
  for (int n = 0; n < read; ++n) {
    const int y = static_cast<int>(std::int64_t{2 * n + 1} * picture.height / (2 * read));
    for (int x = 0; x < picture.width; ++x) line_[static_cast<std::size_t>(x)] = picture.at(x, y);
    add_steps(line_.data(), line_.data() + 1, columns_.size(), columns_.data());
  }
  for (float& step : columns_) step /= static_cast<float>(read);

  const int width = std::min(kStripWidth, picture.width), strips = std::min(kStrips, picture.width / width);
  const auto take = [&](int y, std::uint8_t* to) {
    for (int n = 0; n < strips; ++n) {
      const int left = static_cast<int>(std::int64_t{n} * (picture.width - width) / std::max(1, strips - 1));
      for (int x = left; x < left + width; ++x) *to++ = picture.at(x, y);
    }
  };
  const int taken = strips * width;
  std::array<std::uint8_t, 2 * kStrips * kStripWidth> lines{};
  take(0, lines.data());
  rows_.assign(static_cast<std::size_t>(picture.height - 1), 0.0F);
  for (int y = 0; y + 1 < picture.height; ++y) {
    const std::uint8_t* from = lines.data() + (y % 2) * taken;
    std::uint8_t* to = lines.data() + ((y + 1) % 2) * taken;
    take(y + 1, to);
    int sum = 0;
    for (int i = 0; i < taken; ++i) sum += std::abs(to[i] - from[i]);
    rows_[static_cast<std::size_t>(y)] = static_cast<float>(sum) / static_cast<float>(taken);
  }
}

int PictureMeasures::torn(const WholePicture& picture) {
  const int count = static_cast<int>(rows_.size());
  std::vector<std::pair<float, int>> found;  // how much it stands out, row above the tear
  for (int y = 0; y < count; ++y) {
    const float step = rows_[static_cast<std::size_t>(y)];
    if (step < kLeastTear || (y > 0 && rows_[static_cast<std::size_t>(y - 1)] > step) ||
        (y + 1 < count && rows_[static_cast<std::size_t>(y + 1)] > step))
      continue;
    values_.assign(rows_.begin() + std::max(0, y - kTearWindow),
                   rows_.begin() + std::min(count, y + kTearWindow + 1));
    const auto middle = values_.begin() + static_cast<std::ptrdiff_t>(values_.size() / 2);
    std::ranges::nth_element(values_, middle);
    if (step > kTearOverRest * *middle) found.emplace_back(step - *middle, y);
  }
  std::ranges::sort(found, std::greater<>());
  if (found.size() > kMostTears) found.resize(kMostTears);
  return static_cast<int>(std::ranges::count_if(
      found, [&](const auto& tear) { return goes_on_sideways(rows_at(picture, tear.second)); }));
}

}  // namespace vedette::signals
