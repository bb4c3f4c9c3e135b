#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "models/runtime/eval.h"
#include "models/weights/safetensors_writer.h"
#include "models/weights/weight_table.h"

namespace vedette::models::runtime {
namespace {

namespace fs = std::filesystem;

class EvalWhisper : public testing::TestWithParam<std::string> {
 protected:
  EvalWhisper() : scratch_(fs::path(testing::TempDir()) / ("eval-whisper-" + std::to_string(::getpid()))) {
    fs::create_directories(scratch_);
  }
  ~EvalWhisper() override { fs::remove_all(scratch_); }

  static fs::path folder() { return fs::path(VEDETTE_SOURCE_DIR) / "tests/golden/whisper" / GetParam(); }
  std::string message(const fs::path& inputs) const {
    try {
      eval_folder(folder(), inputs, scratch_ / "out.safetensors",
                  {.dtype = tensor::DType::kF32, .generate = 30});
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  }

  fs::path scratch_;
};
INSTANTIATE_TEST_SUITE_P(Cases, EvalWhisper, testing::Values("english_80", "multilingual_128"));

TEST_P(EvalWhisper, GivesTheReferencesOutputs) {
  const fs::path out = scratch_ / "out.safetensors";
  eval_folder(folder(), folder() / "inputs.safetensors", out, {.dtype = tensor::DType::kF32, .generate = 14});
  const auto expected = weights::WeightTable::open_file(folder() / "outputs.safetensors");
  const auto received = weights::WeightTable::open_file(out);
  for (const char* name : {"encoder_last_hidden_state", "logits"}) {
    const auto& reference = expected.get(name).view;
    const auto ours = received.get(name, reference.shape()).view.as<float>();
    float worst = 0.0F;
    for (std::size_t i = 0; i < ours.size(); ++i)
      worst = std::max(worst, std::abs(ours[i] - reference.as<float>()[i]));
    EXPECT_LE(worst, 1e-4F) << name;
  }
  const auto& greedy = expected.get("greedy_tokens").view;
  EXPECT_THAT(received.get("greedy_tokens", greedy.shape()).view.as<std::int64_t>(),
              testing::ElementsAreArray(greedy.as<std::int64_t>()));
}

TEST_P(EvalWhisper, SaysWhatIsWrong) {
  EXPECT_THAT(message(folder() / "inputs.safetensors"), testing::HasSubstr("expected at most 32 tokens"));

  const fs::path file = scratch_ / "in.safetensors";
  const auto inputs = weights::WeightTable::open_file(folder() / "inputs.safetensors");
  const tensor::TensorView features = inputs.get("input_features").view;
  const weights::NamedTensor flat[] = {{"input_features", features.reshaped({features.count()})}};
  weights::write_safetensors(file, flat);
  EXPECT_THAT(message(file), testing::HasSubstr("input_features: expected [windows"));

  tensor::Tensor ids = tensor::Tensor::zeros(tensor::DType::kI64, {features.shape()[0], 1});
  ids.as<std::int64_t>()[0] = -7;
  const weights::NamedTensor wild[] = {{"input_features", features}, {"decoder_input_ids", ids}};
  weights::write_safetensors(file, wild);
  EXPECT_THAT(message(file), testing::HasSubstr("received -7"));
}

}  // namespace
}  // namespace vedette::models::runtime
