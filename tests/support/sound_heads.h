#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "models/tensor/tensor.h"
#include "models/weights/safetensors_writer.h"
#include "tests/support/temporary_folder.h"

namespace vedette::tests {

// A folder with a sound head of four classes whose names tell their feature: the k-th is as likely as the
// mean of feature k is great. Spans of a second.
class SoundHeadFolder {
 public:
  static constexpr const char* kConfig =
      R"({"model_type": "pooled_linear", "in": 4, "pooling": ["mean", "std"], "states_per_second": 50, "span_s": 1,
          "hop_s": 1, "temperature": 2.0, "least": 0.5, "classes": ["dog", "rain", "speech", "silence"]})";

  explicit SoundHeadFolder(const std::string& config = kConfig) {
    folder_.write("config.json", config);
    std::vector<float> values(4 * 8 + 4, 0.0F);
    for (std::size_t i = 0; i < 4; ++i) values[i * 8 + i] = 40.0F;
    const models::weights::TensorSpec tensors[] = {
        {"weight", models::tensor::DType::kF32, models::tensor::Shape{4, 8}},
        {"bias", models::tensor::DType::kF32, models::tensor::Shape{4}}};
    models::weights::SafetensorsWriter writer(folder_.path() / "model.safetensors", tensors);
    writer.append(std::as_bytes(std::span(values)));
    writer.finish();
  }
  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  const test::TemporaryFolder folder_;
};

// Encoder states, [50 a second, 4], of one class a second: d, r, s and q as above; D: a dog, at 0.65; '.':
// none of them.
inline models::tensor::Tensor states_of(const std::string& classes) {
  auto states = models::tensor::Tensor::zeros(
      models::tensor::DType::kF32, {static_cast<std::int64_t>(classes.size()) * 50, std::int64_t{4}});
  const auto values = states.as<float>();
  for (std::size_t second = 0; second < classes.size(); ++second) {
    const bool doubtful = classes[second] == 'D';
    const std::size_t feature = doubtful ? 0 : std::string("drsq").find(classes[second]);
    if (feature == std::string::npos) continue;
    for (std::size_t state = 0; state < 50; ++state)
      values[(second * 50 + state) * 4 + feature] = doubtful ? 0.086F : 1.0F;
  }
  return states;
}

}  // namespace vedette::tests
