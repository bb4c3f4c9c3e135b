#include "models/vision/patch_heads.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "models/layers/named_weights.h"
#include "models/ops/linear.h"

namespace vedette::models::vision {

using backend::ComputeContext;
using backend::Matrix;

namespace {

constexpr int kBox =
    4;  // x and y of the centre from the patch's own, width and height: shares of the picture

double sigmoid(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}
double logit(double p) {
  p = std::clamp(p, 1e-6, 1.0 - 1e-6);
  return std::log(p / (1.0 - p));
}

std::vector<double> softmax(const float* x, std::size_t count, double temperature) {
  std::vector<double> y(count);
  double greatest = -INFINITY, sum = 0.0;
  for (std::size_t i = 0; i < count; ++i)
    greatest = std::max(greatest, static_cast<double>(x[i]) / temperature);
  for (std::size_t i = 0; i < count; ++i)
    sum += y[i] = std::exp(static_cast<double>(x[i]) / temperature - greatest);
  for (double& value : y) value /= sum;
  return y;
}

std::size_t greatest_of(const std::vector<double>& values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

std::vector<double> numbers(const weights::JsonObject& config, const char* key, std::size_t count) {
  auto values = config.reals(key);
  if (values.size() != count) config.fail(key, std::to_string(count) + " numbers");
  return values;
}

// What the heads on whole pictures read: of each column the mean, then the greatest value.
void pool(Matrix patches, float* mean_and_greatest) {
  for (std::int64_t column = 0; column < patches.columns; ++column) {
    double sum = 0.0;
    float greatest = -INFINITY;
    for (std::int64_t patch = 0; patch < patches.rows; ++patch) {
      sum += static_cast<double>(patches.row(patch)[column]);
      greatest = std::max(greatest, patches.row(patch)[column]);
    }
    mean_and_greatest[column] = static_cast<float>(sum / static_cast<double>(patches.rows));
    mean_and_greatest[patches.columns + column] = greatest;
  }
}

}  // namespace

struct PatchHeads::Peak {
  double centre = 0.0;
  double x = 0.0, y = 0.0, width = 0.0, height = 0.0;
  std::vector<double> kinds;  // without nothing
  std::vector<double> colors;
};

PatchHeads::PatchHeads(ComputeContext& context, const std::filesystem::path& folder, std::int64_t columns) {
  const auto config = weights::JsonObject::open(folder / "config.json");
  if (config.text("model_type") != "patch_heads") config.fail("model_type", "patch_heads");
  kinds_ = config.texts("kinds");
  colors_ = config.texts("colours");
  if (kinds_.size() < 2) config.fail("kinds", "nothing, and at least one kind of thing");
  const std::int64_t out = read_parts(config);
  sides_ = numbers(config, "sides", 2);
  score_ = numbers(config, "score", 3);
  something_score_ = numbers(config, "something_score", 2);
  centre_threshold_ = config.positive_or("centre_threshold", centre_threshold_);
  kind_temperature_ = config.positive_or("kind_temperature", kind_temperature_);
  something_below_ = config.real_or("something_below", something_below_);
  color_least_ = config.real_or("colour_least", color_least_);
  most_ = config.size_or("most", most_, 64);
  const auto table = weights::WeightTable::open(folder);
  const auto part = layers::NamedWeights(table).part("patch", out, columns);
  patch_ = ops::pack_linear(context.backend(), {&part, 1}, backend::WeightFormat::kF32);
  if (!config.has("fault_temperature")) return;
  const auto whole = layers::NamedWeights(table).part("whole", read_whole(config), 2 * columns);
  whole_ = ops::pack_linear(context.backend(), {&whole, 1}, backend::WeightFormat::kF32);
}

// Where the parts begin among the outputs for whole pictures; returns how many of these there are.
std::int64_t PatchHeads::read_whole(const weights::JsonObject& config) {
  faults_ = config.texts("faults");
  fault_temperature_ = config.positive_or("fault_temperature", fault_temperature_);
  fault_least_ = config.real_or("fault_least", fault_least_);
  if (config.has("presence_least")) presence_least_ = numbers(config, "presence_least", kinds_.size() - 1);
  int at = 0;
  bool has_faults = false, has_presence = presence_least_.empty();
  const auto expect = [&](const std::string& name, int count, std::size_t expected) {
    if (static_cast<std::size_t>(count) != expected)
      config.fail("whole", name + " of " + std::to_string(expected));
  };
  for (const auto& [name, count] : config.counts("whole", 1 << 16)) {
    if (name == "fault") {
      expect(name, count, faults_.size());
      fault_at_ = at;
      has_faults = true;
    } else if (name == "presence" && !presence_least_.empty()) {
      expect(name, count, presence_least_.size());
      presence_at_ = at;
      has_presence = true;
    }
    at += count;
  }
  if (!has_faults || faults_.empty()) config.fail("whole", "a part named fault");
  if (!has_presence) config.fail("whole", "a part named presence");
  return at;
}

// Where each part begins among the outputs; returns how many there are.
std::int64_t PatchHeads::read_parts(const weights::JsonObject& config) {
  struct Part {
    const char* name;
    std::size_t count;
    int* first;
    bool found = false;
  };
  Part parts[] = {{"kind", kinds_.size(), &kind_at_},
                  {"centre", 1, &centre_at_},
                  {"box", kBox, &box_at_},
                  {"colour", colors_.size(), &color_at_}};
  int at = 0;
  for (const auto& [name, count] : config.counts("patch", 1 << 16)) {
    for (Part& part : parts) {
      if (name != part.name) continue;
      if (static_cast<std::size_t>(count) != part.count)
        config.fail("patch", name + " of " + std::to_string(part.count));
      *part.first = at;
      part.found = true;
    }
    at += count;
  }
  for (const Part& part : parts) {
    if (!part.found) config.fail("patch", "a part named " + std::string(part.name));
  }
  return at;
}

std::vector<SeenThing> PatchHeads::find(ComputeContext& context, Matrix patches) const {
  const backend::ScratchScope scope(context.scratch());
  const Matrix guess = context.matrix(patches.rows, patch_.out);
  ops::linear(context, patches, patch_, guess);
  context.synchronize();
  std::vector<SeenThing> things;
  for (const Peak& peak : peaks(guess)) things.push_back(describe(peak));
  if (things.empty()) {
    float greatest = -INFINITY;
    for (std::int64_t patch = 0; patch < guess.rows; ++patch)
      greatest = std::max(greatest, guess.row(patch)[centre_at_]);
    things.push_back({"nothing", "", static_cast<float>(1.0 - sigmoid(static_cast<double>(greatest)))});
  }
  std::stable_sort(things.begin(), things.end(),
                   [](const SeenThing& a, const SeenThing& b) { return a.score > b.score; });
  return things;
}

std::vector<SeenThing> PatchHeads::whole(ComputeContext& context, Matrix patches) const {
  std::vector<SeenThing> told;
  if (faults_.empty()) return told;
  const backend::ScratchScope scope(context.scratch());
  const Matrix pooled = context.matrix(1, 2 * patches.columns), guess = context.matrix(1, whole_.out);
  pool(patches, pooled.row(0));
  ops::linear(context, pooled, whole_, guess);
  context.synchronize();
  for (std::size_t kind = 0; kind < presence_least_.size(); ++kind) {
    const double likely =
        sigmoid(static_cast<double>(guess.row(0)[presence_at_ + static_cast<std::ptrdiff_t>(kind)]));
    if (likely >= presence_least_[kind]) told.push_back({kinds_[kind + 1], "", static_cast<float>(likely)});
  }
  const auto shares = softmax(guess.row(0) + fault_at_, faults_.size(), fault_temperature_);
  const std::size_t best = greatest_of(shares);
  if (best != 0 && shares[best] >= fault_least_)
    told.push_back({"picture_" + faults_[best], "", static_cast<float>(shares[best])});
  return told;
}

// Patches whose centre is more certain than all around them, but for those inside a stronger one's box.
std::vector<PatchHeads::Peak> PatchHeads::peaks(Matrix guess) const {
  const int side = static_cast<int>(std::lround(std::sqrt(static_cast<double>(guess.rows))));
  if (static_cast<std::int64_t>(side) * side != guess.rows) {
    throw std::invalid_argument("patch heads: expected a square of patches, received " +
                                std::to_string(guess.rows));
  }
  const auto centre = [&](int patch) { return guess.row(patch)[centre_at_]; };
  std::vector<Peak> found;
  for (int patch = 0; patch < side * side; ++patch) {
    if (sigmoid(static_cast<double>(centre(patch))) < centre_threshold_) continue;
    bool highest = true;
    for (int row = std::max(0, patch / side - 1); row <= std::min(side - 1, patch / side + 1); ++row) {
      for (int column = std::max(0, patch % side - 1); column <= std::min(side - 1, patch % side + 1);
           ++column) {
        const int other = row * side + column;
        // Of equals the first is the peak.
        highest =
            highest && (centre(other) < centre(patch) || (centre(other) == centre(patch) && other >= patch));
      }
    }
    if (highest) found.push_back(peak_at(guess, side, patch));
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Peak& a, const Peak& b) { return a.centre > b.centre; });
  std::vector<Peak> kept;
  for (Peak& peak : found) {
    const bool apart = std::all_of(kept.begin(), kept.end(), [&](const Peak& other) {
      return std::abs(peak.x - other.x) > 0.5 * std::min(peak.width, other.width) ||
             std::abs(peak.y - other.y) > 0.5 * std::min(peak.height, other.height);
    });
    if (apart) kept.push_back(std::move(peak));
  }
  if (kept.size() > static_cast<std::size_t>(most_)) kept.resize(static_cast<std::size_t>(most_));
  return kept;
}

// What a peak is: kind and colour as the patches around it say, each by how surely it shows anything.
PatchHeads::Peak PatchHeads::peak_at(Matrix guess, int side, int patch) const {
  const std::size_t kinds = kinds_.size();
  Peak peak;
  peak.centre = sigmoid(static_cast<double>(guess.row(patch)[centre_at_]));
  peak.kinds.assign(kinds - 1, 0.0);
  peak.colors.assign(colors_.size(), 0.0);
  double weights = 0.0;
  for (int row = std::max(0, patch / side - 1); row <= std::min(side - 1, patch / side + 1); ++row) {
    for (int column = std::max(0, patch % side - 1); column <= std::min(side - 1, patch % side + 1);
         ++column) {
      const float* values = guess.row(row * side + column);
      const auto kind = softmax(values + kind_at_, kinds, kind_temperature_);
      const auto tint = softmax(values + color_at_, colors_.size(), 1.0);
      const double weight = 1.0 - kind[0];
      weights += weight;
      for (std::size_t i = 1; i < kinds; ++i) peak.kinds[i - 1] += kind[i] * weight;
      for (std::size_t i = 0; i < tint.size(); ++i) peak.colors[i] += tint[i] * weight;
    }
  }
  double sum = 0.0;
  for (const double kind : peak.kinds) sum += kind;
  for (double& kind : peak.kinds) kind /= std::max(sum, 1e-6);
  for (double& tint : peak.colors) tint /= std::max(weights, 1e-6);
  const float* own = guess.row(patch) + box_at_;
  peak.x = std::clamp((patch % side + 0.5) / side + static_cast<double>(own[0]), 0.0, 1.0);
  peak.y = std::clamp((patch / side + 0.5) / side + static_cast<double>(own[1]), 0.0, 1.0);
  peak.width = std::clamp(static_cast<double>(own[2]), 0.02, 1.0);
  peak.height = std::clamp(static_cast<double>(own[3]), 0.02, 1.0);
  return peak;
}

SeenThing PatchHeads::describe(const Peak& peak) const {
  const std::size_t best = greatest_of(peak.kinds);
  const double share = peak.kinds[best];
  SeenThing thing;
  thing.where = peak.x < sides_[0] ? "left" : peak.x > sides_[1] ? "right" : "middle";
  if (share < something_below_) {
    thing.what = "something";
    thing.score = static_cast<float>(sigmoid(something_score_[0] * logit(peak.centre) + something_score_[1]));
    return thing;
  }
  if (!colors_.empty()) {
    const std::size_t tint = greatest_of(peak.colors);
    if (peak.colors[tint] >= color_least_ && colors_[tint] != "mixed") thing.what = colors_[tint] + " ";
  }
  thing.what += kinds_[best + 1];
  thing.score =
      static_cast<float>(sigmoid(score_[0] * logit(peak.centre) + score_[1] * logit(share) + score_[2]));
  return thing;
}

}  // namespace vedette::models::vision
