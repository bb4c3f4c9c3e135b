#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "models/backend/context.h"
#include "models/weights/json_object.h"

namespace vedette::models::vision {

// A thing that the heads found in a picture.
struct SeenThing {
  std::string what;    // "person", "red vehicle", "something"
  std::string where;   // "left", "middle", "right"
  float score = 0.0F;  // calibrated probability
};

// Linear heads on the patches of a square picture, as vedette-nano publishes them (a folder with config.json,
// model_type patch_heads, and model.safetensors): which kind of thing a patch shows, whether its centre lies
// there, its box and its colour; and on mean and greatest value of all patches: what is wrong with the
// picture. tools/nano/heads.py is the reference. Immutable; any thread may use it, each with a context of its
// own.
class PatchHeads {
 public:
  // `columns`: values of a patch. Throws: std::runtime_error naming file, key or tensor, expected and
  // received.
  PatchHeads(backend::ComputeContext& context, const std::filesystem::path& folder, std::int64_t columns);

  // The things in one picture, the most certain first; "nothing" where there is none. patches: [side * side,
  // columns].
  std::vector<SeenThing> find(backend::ComputeContext& context, backend::Matrix patches) const;
  // Of the picture as a whole: kinds of things that are likely somewhere in it ("person"; from
  // "presence_least" on), then what is surely wrong with it ("picture_blurred"). Nothing where the folder has
  // no such heads.
  std::vector<SeenThing> whole(backend::ComputeContext& context, backend::Matrix patches) const;

 private:
  struct Peak;

  std::int64_t read_parts(const weights::JsonObject& config);
  std::int64_t read_whole(const weights::JsonObject& config);
  std::vector<Peak> peaks(backend::Matrix guess) const;
  Peak peak_at(backend::Matrix guess, int side, int patch) const;
  SeenThing describe(const Peak& peak) const;

  backend::PackedLinear patch_, whole_;
  std::vector<std::string> kinds_, colors_, faults_;  // kinds_[0]: nothing; faults_[0]: none, empty: no head
  std::vector<double> sides_, score_, something_score_;
  std::vector<double> presence_least_;  // of each kind but nothing; empty: no head
  double centre_threshold_ = 0.5, kind_temperature_ = 1.0, something_below_ = 0.5, color_least_ = 0.6;
  double fault_temperature_ = 1.0, fault_least_ = 0.7;
  int most_ = 5;
  int kind_at_ = 0, centre_at_ = 0, box_at_ = 0, color_at_ = 0, fault_at_ = 0,
      presence_at_ = 0;  // where a part begins in the outputs
};

}  // namespace vedette::models::vision
