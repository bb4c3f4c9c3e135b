#pragma once

#include <string>
#include <vector>

namespace vedette::daemon::admission {

// What a piece of work takes on this machine, in seconds of all its cores together.
struct Costs {
  double picture = 0;       // one picture, encoded
  double sound_second = 0;  // a second of speech, encoded and made words of
  double caption = 0;       // one caption of the language model
  double check = 0;         // of one alert rule
};

// What one stream asks for while all of it is to be analysed.
struct Demand {
  std::string stream;
  double pictures_per_second = 0;
  double sound = 0;  // seconds of sound per second: 1, or 0 without
  double captions_per_second = 0;
  double checks_per_second = 0;
};

// How much of what is configured is done: the stated order is fewer pictures, then fewer captions of the
// language model, then none of them; words, movement and alerts stay.
struct Pace {
  double pictures = 1.0;  // share of the pictures that are sampled
  double captions = 1.0;  // share of the captions that the language model is asked for; 0: none
  std::string told;       // in words, "" when nothing is left out
};
constexpr int kLevels = 6;
// Of level 0 (everything) to kLevels - 1.
const Pace& pace_of(int level);

// Share of the machine's time that the models take for one stream at a level: 1 is all of it. Pictures change
// and somebody speaks half of the time.
double load_of(const Demand& demand, const Costs& costs, int level);

// Whether it would not fit even if it were alone, and slowest.
bool is_too_large(const Demand& demand, const Costs& costs, double share);

// Which streams run, and how slowly.
struct Plan {
  int level = 0;
  std::vector<std::string> refused;  // do not fit even at the slowest; in their order
  double load = 0;                   // that is predicted of the others
};
// The streams that fit into `share` of the machine, and a little more, at the slowest, taken in their order;
// and the least slowing with which they fit into the share.
Plan plan_for(const std::vector<Demand>& demands, const Costs& costs, double share);

}  // namespace vedette::daemon::admission
