#include "models/runtime/eval.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "models/weights/safetensors_writer.h"
#include "models/weights/weight_table.h"

namespace vedette::models::runtime {
namespace {

namespace fs = std::filesystem;

class EvalFolder : public testing::TestWithParam<std::string> {
 protected:
  EvalFolder() : scratch_(fs::path(testing::TempDir()) / ("eval-" + std::to_string(::getpid()))) {
    fs::create_directories(scratch_);
  }
  ~EvalFolder() override { fs::remove_all(scratch_); }

  fs::path folder(const std::string& name) const {
    return fs::path(VEDETTE_SOURCE_DIR) / "tests/golden/llama" / name;
  }
  fs::path scratch_;
};
INSTANTIATE_TEST_SUITE_P(Llama, EvalFolder,
                         testing::Values("kv1_head16_tied", "kv3of9_head64_untied", "kv4_head80_bias"));

TEST_P(EvalFolder, GivesTheReferencesOutputs) {
  const fs::path model = folder(GetParam()), received_file = scratch_ / "out.safetensors";
  eval_folder(model, model / "inputs.safetensors", received_file,
              {.dtype = tensor::DType::kF32, .generate = 12});
  const auto expected = weights::WeightTable::open_file(model / "outputs.safetensors");
  const auto received = weights::WeightTable::open_file(received_file);
  const auto& logits = expected.get("logits").view;
  const auto ours = received.get("logits", logits.shape()).view.as<float>();
  float worst = 0.0F;
  for (std::size_t i = 0; i < ours.size(); ++i)
    worst = std::max(worst, std::abs(ours[i] - logits.as<float>()[i]));
  EXPECT_LE(worst, 1e-4F);
  const auto& greedy = expected.get("greedy_tokens").view;
  EXPECT_THAT(received.get("greedy_tokens", greedy.shape()).view.as<std::int64_t>(),
              testing::ElementsAreArray(greedy.as<std::int64_t>()));
}

using EvalErrors = EvalFolder;
INSTANTIATE_TEST_SUITE_P(Llama, EvalErrors, testing::Values("kv1_head16_tied"));

TEST_P(EvalErrors, SayWhatIsWrong) {
  const auto message = [&](const fs::path& model, const fs::path& inputs) -> std::string {
    try {
      eval_folder(model, inputs, scratch_ / "out.safetensors", {.dtype = tensor::DType::kF32});
    } catch (const std::exception& error) {
      return error.what();
    }
    return "no error";
  };
  const fs::path model = folder(GetParam()), inputs = scratch_ / "in.safetensors";
  EXPECT_THAT(message(scratch_, model / "inputs.safetensors"), testing::HasSubstr("config.json"));
  std::ofstream(scratch_ / "config.json") << R"({"model_type": "mamba"})";
  EXPECT_THAT(message(scratch_, model / "inputs.safetensors"), testing::HasSubstr("received \"mamba\""));

  tensor::Tensor ids(tensor::DType::kI64, {1, 2});
  ids.as<std::int64_t>()[0] = 3;
  ids.as<std::int64_t>()[1] = 5000;
  const weights::NamedTensor named{"input_ids", ids};
  weights::write_safetensors(inputs, std::span(&named, 1));
  EXPECT_THAT(message(model, inputs), testing::HasSubstr("received 5000"));
  const weights::NamedTensor other{"pixel_values", ids};
  weights::write_safetensors(inputs, std::span(&other, 1));
  EXPECT_THAT(message(model, inputs), testing::HasSubstr("input_ids"));
  const weights::NamedTensor flat{"input_ids", ids.view().reshaped({2})};
  weights::write_safetensors(inputs, std::span(&flat, 1));
  EXPECT_THAT(message(model, inputs), testing::HasSubstr("expected [batch, length], received [2]"));
}

}  // namespace
}  // namespace vedette::models::runtime
