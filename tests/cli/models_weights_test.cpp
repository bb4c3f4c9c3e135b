// vedette models ... on the real models.
#include <gmock/gmock.h>

#include <array>
#include <nlohmann/json.hpp>

#include "models/weights/safetensors_writer.h"
#include "models/weights/weight_table.h"
#include "tests/cli/vedette.h"
#include "tests/support/temporary_folder.h"

namespace vedette::test {
namespace {

using models::tensor::DType;
using models::tensor::Tensor;
using nlohmann::json;
using testing::HasSubstr;

TEST(ModelsCommandWeights, ShowsTokensOfTheLanguageModel) {
  const auto result = vedette({"models", "tokenize", "smollm2-135m-instruct", "Hello 42", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(json::parse(result.out)["ids"], json({19556, 216, 36, 34}));
}

TEST(ModelsCommandWeights, MakesTheSpeechModelsFeatures) {
  const TemporaryFolder folder;
  Tensor samples = Tensor::zeros(DType::kF32, {2, 16000});
  for (std::size_t i = 0; i < 16000; ++i) samples.as<float>()[i] = i % 40 < 20 ? 0.5F : -0.5F;
  const std::array<models::weights::NamedTensor, 1> inputs{{{"samples", samples.view()}}};
  const auto in = (folder.path() / "in.safetensors").string();
  const auto out = (folder.path() / "out.safetensors").string();
  models::weights::write_safetensors(in, inputs);
  const auto result = vedette({"models", "mel", "whisper-tiny.en", "--inputs", in, "--outputs", out});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto table = models::weights::WeightTable::open_file(out);
  const Tensor features = table.read_f32("input_features", {2, 80, 3000});
  const auto values = features.as<float>();
  EXPECT_GT(*std::max_element(values.begin(), values.begin() + 80 * 3000), 1.0F);  // the tone
  EXPECT_EQ(values[80 * 3000], -1.5F);  // silence: log10(1e-10) = -10, as (x + 4) / 4
  const auto wrong = vedette({"models", "mel", "smollm2-135m-instruct", "--inputs", in, "--outputs", out});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("config.json"));
}

}  // namespace
}  // namespace vedette::test
