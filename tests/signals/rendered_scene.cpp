#include "tests/signals/rendered_scene.h"

#include <algorithm>
#include <cmath>

#include "signals/motion_meter.h"

namespace vedette::signals {

namespace {
constexpr int kPattern = 512;
constexpr std::size_t kGrain = 1U << 18U;
}  // namespace

Renderer::Renderer(const Film& film) : film_(film), random_(film.seed) {
  make_pattern(pattern_, film.seed * 7 + 1);
  make_pattern(other_, film.seed * 7 + 2);
  std::normal_distribution<float> normal;
  grain_.resize(kGrain);
  for (float& value : grain_) value = normal(random_);
}

// Blocks, stripes and smooth patches of several sizes, as walls, floors and trees have them.
void Renderer::make_pattern(std::vector<float>& pattern, unsigned seed) const {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> even(-1.0F, 1.0F);
  pattern.assign(kPattern * kPattern, 0.0F);
  for (int n = 0; n < 260; ++n) {
    const int size = 8 + static_cast<int>(random() % 90), other = 4 + static_cast<int>(random() % 60);
    const int left = static_cast<int>(random() % kPattern), top = static_cast<int>(random() % kPattern);
    const float level = even(random);
    for (int y = top; y < top + other; ++y) {
      for (int x = left; x < left + size; ++x)
        pattern[static_cast<std::size_t>((y % kPattern) * kPattern + x % kPattern)] += level;
    }
  }
  for (float& value : pattern) value = 0.7F * std::clamp(value, -2.0F, 2.0F) + 0.3F * even(random);
}

float Renderer::background(double x, double y, bool other) const {
  const auto left = static_cast<int>(std::floor(x)), top = static_cast<int>(std::floor(y));
  const auto fx = static_cast<float>(x - left), fy = static_cast<float>(y - top);
  const std::vector<float>& pattern = other ? other_ : pattern_;
  const auto value = [&](int column, int row) {
    return pattern[static_cast<std::size_t>(((row + 8 * kPattern) % kPattern) * kPattern +
                                            (column + 8 * kPattern) % kPattern)];
  };
  const float upper = value(left, top) * (1 - fx) + value(left + 1, top) * fx;
  const float lower = value(left, top + 1) * (1 - fx) + value(left + 1, top + 1) * fx;
  return upper * (1 - fy) + lower * fy;
}

void Renderer::draw(const Mover& mover, double t, double shift_x, double shift_y) {
  const double done = std::clamp((t - mover.begin_s) / (mover.end_s - mover.begin_s), 0.0, 1.0);
  const double scale = 1.0 + (mover.grows - 1.0) * done;
  const double sway = film_.flag > 0 ? film_.flag * std::sin(t * 5.0) : 0.0;
  const double x = (mover.from_x + (mover.to_x - mover.from_x) * done) * Film::kWidth + shift_x + sway;
  const double y = (mover.from_y + (mover.to_y - mover.from_y) * done) * Film::kHeight + shift_y;
  const double half_width = 0.5 * mover.width * scale * Film::kWidth;
  const double half_height = 0.5 * mover.height * scale * Film::kHeight;
  for (int row = std::max(0, static_cast<int>(y - half_height));
       row < std::min(Film::kHeight, static_cast<int>(y + half_height)); ++row) {
    for (int column = std::max(0, static_cast<int>(x - half_width));
         column < std::min(Film::kWidth, static_cast<int>(x + half_width)); ++column) {
      const double across = (column - x) / half_width, down = (row - y) / half_height;
      if (mover.round && across * across + down * down > 1.0) continue;
      const double own = 100.0 + across * 40.0 / scale, own_down = 60.0 + down * 40.0 / scale;
      picture_[static_cast<std::size_t>(row * Film::kWidth + column)] = static_cast<float>(
          mover.luma + mover.texture * static_cast<double>(background(own, own_down, true)));
    }
  }
}

void Renderer::rain() {
  for (int n = 0; n < film_.drops; ++n) {
    const int x = static_cast<int>(random_() % Film::kWidth), y = static_cast<int>(random_() % Film::kHeight);
    const int height = film_.snow ? 4 : 8 + static_cast<int>(random_() % 10), width = film_.snow ? 4 : 2;
    for (int row = y; row < std::min(Film::kHeight, y + height); ++row) {
      for (int column = x; column < std::min(Film::kWidth, x + width); ++column)
        picture_[static_cast<std::size_t>(row * Film::kWidth + column)] += 60.0F;
    }
  }
}

LumaFrame Renderer::at(double t) {
  std::normal_distribution<double> normal;
  const bool shakes = film_.shake > 0 && t >= film_.shake_begin_s && t < film_.shake_end_s;
  const double shift_x =
      (shakes ? film_.shake * normal(random_) : 0.0) + film_.pan * std::clamp(t - 4.0, 0.0, 3.0);
  const double shift_y = shakes ? film_.shake * normal(random_) : 0.0;
  picture_.resize(Film::kWidth * Film::kHeight);
  pixels_.resize(picture_.size());
  for (int y = 0; y < Film::kHeight; ++y) {
    for (int x = 0; x < Film::kWidth; ++x) {
      picture_[static_cast<std::size_t>(y * Film::kWidth + x)] = static_cast<float>(
          film_.background +
          film_.texture * static_cast<double>(background(x - shift_x, y - shift_y, film_.cut && t >= 6.0)));
    }
  }
  for (const Mover& mover : film_.movers) draw(mover, t, shift_x, shift_y);
  if (film_.drops > 0 && t >= 3.0 && t < 10.0) rain();
  const auto gain = static_cast<float>(film_.light ? film_.light(t) : 1.0);
  std::size_t grain = random_() % kGrain;
  for (std::size_t i = 0; i < picture_.size(); ++i, grain = (grain + 1) % kGrain) {
    const float lamp =
        film_.lamp != 0 && t >= 5.0
            ? static_cast<float>(film_.lamp * std::exp(-static_cast<double>(i % Film::kWidth) / 120.0))
            : 0.0F;
    const float value = gain * (picture_[i] + lamp) + static_cast<float>(film_.noise) * grain_[grain];
    pixels_[i] = static_cast<std::uint8_t>(std::clamp(value, 0.0F, 255.0F));
  }
  return {pixels_, Film::kWidth, Film::kHeight, Film::kWidth};
}

std::vector<MotionEvent> events_of(const Film& film) {
  std::vector<MotionEvent> closed;
  MotionMeter meter({}, [&](const MotionEvent& event) {
    if (event.phase == MotionPhase::kClose) closed.push_back(event);
  });
  Renderer renderer(film);
  SmallLuma small;
  for (int n = 0; n < static_cast<int>(film.length_s * 10); ++n) {
    const base::MediaTime time{0, std::chrono::milliseconds(n * 100)};
    if (meter.wants(time)) meter.look(time, small.shrink(renderer.at(n * 0.1)));
  }
  meter.finish();
  return closed;
}

}  // namespace vedette::signals
