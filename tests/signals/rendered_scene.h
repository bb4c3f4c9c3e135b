#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "signals/luma_frame.h"
#include "signals/motion.h"

namespace vedette::signals {

// A textured box that moves through a rendered scene; places are shares of the picture's width and height, of
// the box's centre. Linear from `from` to `to` between the two times, and still before and after.
struct Mover {
  double from_x = 0, from_y = 0, to_x = 0, to_y = 0;
  double begin_s = 3, end_s = 7;  // of the movement
  double width = 0.1, height = 0.2;
  double grows = 1.0;  // size at the end against the size at the beginning
  double luma = 200, texture = 15;
  bool round = false;
};

// A film that is rendered, and therefore known: 320x180 luma at 10 frames a second.
struct Film {
  static constexpr int kWidth = 320, kHeight = 180;
  double length_s = 12;
  unsigned seed = 1;
  double background = 100, texture = 25;  // mean luma, and how strong its pattern is
  double noise = 3;                       // of the sensor, standard deviation
  std::vector<Mover> movers;
  double shake = 0;  // pixels of 320, standard deviation
  double shake_begin_s = 0, shake_end_s = 100;
  double pan = 0;                       // pixels of 320 per second, from 4 s to 7 s
  std::function<double(double)> light;  // gain by time; none: 1
  int drops = 0;                        // rain drops in each picture, from 3 s to 10 s
  bool snow = false;                    // drops are round flakes
  double lamp = 0;                      // levels that a lamp on the left adds from 5 s
  bool cut = false;                     // another background from 6 s
  double flag = 0;                      // amplitude, pixels of 320, of something that sways on the spot
};

class Renderer {
 public:
  explicit Renderer(const Film& film);
  // The picture at `t` seconds; valid until the next call.
  LumaFrame at(double t);

 private:
  void make_pattern(std::vector<float>& pattern, unsigned seed) const;
  float background(double x, double y, bool other) const;
  void draw(const Mover& mover, double t, double shift_x, double shift_y);
  void rain();

  const Film film_;
  std::mt19937 random_;
  std::vector<float> pattern_, other_;  // [512, 512], repeats
  std::vector<float> grain_;            // a long run of noise, read from anywhere
  std::vector<float> picture_;
  std::vector<std::uint8_t> pixels_;
};

// The closed events that the meter makes of the film, at five looks a second.
std::vector<MotionEvent> events_of(const Film& film);

}  // namespace vedette::signals
