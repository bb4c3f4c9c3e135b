// What is measured of pictures without a model, per picture that is looked at: it runs on a streaming thread,
// which may take 1 ms for it.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "signals/change_measure.h"
#include "signals/motion_meter.h"
#include "signals/picture_measures.h"
#include "tests/signals/rendered_scene.h"

namespace vedette::signals {
namespace {

// A rendered film's small pictures, over and over.
std::vector<std::vector<std::uint8_t>> pictures_of(const Film& film) {
  std::vector<std::vector<std::uint8_t>> pictures;
  Renderer renderer(film);
  SmallLuma small;
  for (int n = 0; n < 60; ++n) {
    const LumaFrame frame = small.shrink(renderer.at(0.2 * n));
    pictures.emplace_back(frame.pixels.begin(), frame.pixels.end());
  }
  return pictures;
}

Film busy() {
  Film film;
  for (int n = 0; n < 3; ++n) {
    Mover mover;
    mover.from_x = -0.1;
    mover.to_x = 1.1;
    mover.from_y = mover.to_y = 0.2 + 0.3 * n;
    mover.begin_s = 1;
    mover.end_s = 11;
    film.movers.push_back(mover);
  }
  return film;
}

void look(benchmark::State& state, const Film& film) {
  const auto pictures = pictures_of(film);
  MotionMeter meter({}, [](const MotionEvent& event) { benchmark::DoNotOptimize(event.count); });
  std::int64_t n = 0;
  for (auto _ : state) {
    const auto& pixels = pictures[static_cast<std::size_t>(n) % pictures.size()];
    meter.look({0, std::chrono::milliseconds(200 * n++)}, {pixels, 160, 90, 160});
  }
}

void look_still(benchmark::State& state) {
  look(state, Film{});
}
BENCHMARK(look_still)->Unit(benchmark::kMicrosecond);

void look_three_things(benchmark::State& state) {
  look(state, busy());
}
BENCHMARK(look_three_things)->Unit(benchmark::kMicrosecond);

void look_shaking_camera(benchmark::State& state) {
  Film film = busy();
  film.shake = 4;
  look(state, film);
}
BENCHMARK(look_shaking_camera)->Unit(benchmark::kMicrosecond);

void look_rain(benchmark::State& state) {
  Film film = busy();
  film.drops = 60;
  look(state, film);
}
BENCHMARK(look_rain)->Unit(benchmark::kMicrosecond);

void shrink(benchmark::State& state) {
  const auto width = static_cast<int>(state.range(0)), height = static_cast<int>(state.range(1));
  const std::vector<std::uint8_t> pixels(static_cast<std::size_t>(width) * static_cast<std::size_t>(height),
                                         90);
  SmallLuma small;
  for (auto _ : state) benchmark::DoNotOptimize(small.shrink({pixels, width, height, width}).pixels.data());
}
BENCHMARK(shrink)->Args({640, 360})->Args({1920, 1080})->Unit(benchmark::kMicrosecond);

void change(benchmark::State& state) {
  const std::vector<std::uint8_t> pixels(160 * 90, 90);
  ChangeMeasure measure;
  for (auto _ : state) {
    benchmark::DoNotOptimize(measure.since_kept({pixels, 160, 90, 160}));
    measure.keep();
  }
}
BENCHMARK(change)->Unit(benchmark::kMicrosecond);

// The dearest: bands of rows that are torn, so that many are compared.
void faults(benchmark::State& state) {
  const auto width = static_cast<int>(state.range(0)), height = static_cast<int>(state.range(1));
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  for (int y = 0; y < height; ++y) {
    const int shift = y * 40 / height % 2 == 0 ? 0 : width / 9;
    for (int x = 0; x < width; ++x) {
      const int cell = (x + shift) % width * 40 / width;
      pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)] =
          static_cast<std::uint8_t>(40 + cell * cell * 7 % 160);
    }
  }
  SmallLuma shrink;
  const LumaFrame small = shrink.shrink({pixels, width, height, width});
  PictureMeasures measures;
  for (auto _ : state)
    benchmark::DoNotOptimize(measures.measure({pixels, width, height, width, 1}, small).torn);
}
BENCHMARK(faults)->Args({640, 360})->Args({1920, 1080})->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace vedette::signals
