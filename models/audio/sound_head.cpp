#include "models/audio/sound_head.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "models/tensor/convert.h"
#include "models/weights/file_map.h"
#include "models/weights/weight_table.h"

namespace vedette::models::audio {

namespace {

using nlohmann::json;

constexpr std::size_t kMostClasses = 1000;
constexpr double kMostNumber = 100'000.0;

double number_of(const json& root, const char* key, double least, const std::string& name) {
  const auto value = root.find(key);
  if (value == root.end() || !value->is_number() || value->get<double>() < least ||
      value->get<double>() > kMostNumber) {
    throw std::runtime_error(name + ": " + key + ": expected a number from " + std::to_string(least));
  }
  return value->get<double>();
}

std::vector<std::string> classes_of(const json& root, const std::string& name) {
  const auto value = root.find("classes");
  std::vector<std::string> classes;
  if (value != root.end() && value->is_array() && value->size() <= kMostClasses) {
    for (const json& one : *value) {
      if (one.is_string()) classes.push_back(one.get<std::string>());
    }
  }
  if (classes.empty() || classes.size() != value->size())
    throw std::runtime_error(name + ": classes: expected a list of names");
  return classes;
}

}  // namespace

SoundHead SoundHead::load(const std::filesystem::path& folder) {
  const auto file = folder / "config.json";
  const std::string name = file.string();
  const json root = json::parse(weights::read_text_file(file), nullptr, false);
  if (!root.is_object()) throw std::runtime_error(name + ": expected a JSON object");
  if (root.value("model_type", json()) != "pooled_linear")
    throw std::runtime_error(name + ": model_type: expected pooled_linear");
  if (root.value("pooling", json()) != json::array({"mean", "std"}))
    throw std::runtime_error(name + ": pooling: expected [\"mean\", \"std\"]");
  SoundHead head;
  head.classes_ = classes_of(root, name);
  head.width_ = static_cast<int>(number_of(root, "in", 1, name));
  head.states_per_second_ = static_cast<int>(number_of(root, "states_per_second", 1, name));
  head.span_states_ = static_cast<int>(number_of(root, "span_s", 1, name)) * head.states_per_second_;
  head.hop_states_ = static_cast<int>(number_of(root, "hop_s", 1, name)) * head.states_per_second_;
  head.temperature_ = static_cast<float>(number_of(root, "temperature", 0.01, name));
  head.least_ = static_cast<float>(number_of(root, "least", 0, name));
  const auto table = weights::WeightTable::open(folder);
  const auto rows = static_cast<std::int64_t>(head.classes_.size());
  head.weight_.resize(head.classes_.size() * 2 * static_cast<std::size_t>(head.width_));
  head.bias_.resize(head.classes_.size());
  table.read_f32("weight", tensor::Shape{rows, 2 * head.width_}, head.weight_);
  table.read_f32("bias", tensor::Shape{rows}, head.bias_);
  return head;
}

std::vector<float> SoundHead::probabilities(const tensor::TensorView& states, std::int64_t first,
                                            std::int64_t count) const {
  const auto& shape = states.shape();
  if (shape.rank() != 2 || shape[1] != width_ || first < 0 || count < 2 || first + count > shape[0]) {
    throw std::invalid_argument("sound head: expected at least 2 states of " + std::to_string(width_) +
                                ", received [" + std::to_string(shape[0]) + ", ...], of it " +
                                std::to_string(count) + " from " + std::to_string(first));
  }
  const auto width = static_cast<std::size_t>(width_);
  std::vector<float> values(static_cast<std::size_t>(count) * width);
  tensor::to_f32(states.rows(first, count), values);
  std::vector<double> sum(width), squares(width);
  for (std::size_t row = 0; row < static_cast<std::size_t>(count); ++row) {
    for (std::size_t i = 0; i < width; ++i) {
      const double value = static_cast<double>(values[row * width + i]);
      sum[i] += value;
      squares[i] += value * value;
    }
  }
  const auto n = static_cast<double>(count);
  std::vector<float> logits(classes_.size());
  for (std::size_t c = 0; c < classes_.size(); ++c) {
    const float* row = weight_.data() + c * 2 * width;
    double logit = static_cast<double>(bias_[c]);
    for (std::size_t i = 0; i < width; ++i) {
      const double mean = sum[i] / n;
      const double variance = std::max(0.0, (squares[i] - n * mean * mean) / (n - 1.0));  // as torch.std
      logit += static_cast<double>(row[i]) * mean + static_cast<double>(row[width + i]) * std::sqrt(variance);
    }
    logits[c] = static_cast<float>(logit) / temperature_;
  }
  const float most = *std::ranges::max_element(logits);
  float all = 0.0F;
  for (float& logit : logits) all += logit = std::exp(logit - most);
  for (float& logit : logits) logit /= all;
  return logits;
}

}  // namespace vedette::models::audio
