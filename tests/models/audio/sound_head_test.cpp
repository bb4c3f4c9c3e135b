#include "models/audio/sound_head.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/support/sound_heads.h"
#include "tests/support/thrown_message.h"

namespace vedette::models::audio {
namespace {

using testing::HasSubstr;

TEST(SoundHead, NamesWhatItHears) {
  const tests::SoundHeadFolder folder;
  const SoundHead head = SoundHead::load(folder.path());
  EXPECT_EQ(head.span_states(), 50);
  const tensor::Tensor states = tests::states_of("dr.");
  EXPECT_GT(head.probabilities(states, 0, 50)[0], 0.99F);
  EXPECT_GT(head.probabilities(states, 50, 50)[1], 0.99F);
  EXPECT_FLOAT_EQ(head.probabilities(states, 100, 50)[3], 0.25F);
  // Half dog, half rain: a mean of 0.5 each, logits 20 / 2.
  const auto both = head.probabilities(states, 25, 50);
  EXPECT_NEAR(both[0], 0.5F, 1e-4F);
  EXPECT_THAT(test::thrown_message([&] { head.probabilities(states, 140, 50); }),
              HasSubstr("of it 50 from 140"));
  EXPECT_THAT(test::thrown_message([&] {
                head.probabilities(tensor::Tensor::zeros(tensor::DType::kF32, {100, 3}), 0, 50);
              }),
              HasSubstr("expected at least 2 states of 4"));
}

// Mean and deviation as torch.mean and torch.std give them (n - 1).
TEST(SoundHead, PoolsAsTheTrainerDoes) {
  const test::TemporaryFolder folder;
  folder.write(
      "config.json",
      R"({"model_type": "pooled_linear", "in": 1, "pooling": ["mean", "std"], "states_per_second": 50,
                   "span_s": 1, "hop_s": 1, "temperature": 1.0, "least": 0.5, "classes": ["a", "b"]})");
  const std::vector<float> values{1.0F, 0.0F, 0.0F, 1.0F, 0.0F, 0.0F};  // a: the mean; b: the deviation
  const weights::TensorSpec tensors[] = {{"weight", tensor::DType::kF32, tensor::Shape{2, 2}},
                                         {"bias", tensor::DType::kF32, tensor::Shape{2}}};
  weights::SafetensorsWriter writer(folder.path() / "model.safetensors", tensors);
  writer.append(std::as_bytes(std::span(values)));
  writer.finish();
  auto states = tensor::Tensor::zeros(tensor::DType::kF32, {4, 1});
  for (std::size_t i = 0; i < 4; ++i) states.as<float>()[i] = static_cast<float>(i);  // mean 1.5, std 1.29099
  const auto probabilities = SoundHead::load(folder.path()).probabilities(states, 0, 4);
  EXPECT_NEAR(std::log(probabilities[0] / probabilities[1]), 1.5F - 1.29099F, 1e-4F);
}

TEST(SoundHead, RefusesWhatIsNone) {
  const auto message = [](const std::string& from, const std::string& to) {
    std::string config = tests::SoundHeadFolder::kConfig;
    config.replace(config.find(from), from.size(), to);
    const tests::SoundHeadFolder folder(config);
    return test::thrown_message([&] { SoundHead::load(folder.path()); });
  };
  EXPECT_THAT(message("pooled_linear", "other"),
              HasSubstr("config.json: model_type: expected pooled_linear"));
  EXPECT_THAT(message("\"std\"", "\"max\""), HasSubstr("pooling: expected"));
  EXPECT_THAT(message("\"in\": 4", "\"in\": 0"), HasSubstr("in: expected a number from 1"));
  EXPECT_THAT(message("\"in\": 4", "\"in\": 5"), HasSubstr("weight"));
  EXPECT_THAT(message("\"dog\"", "7"), HasSubstr("classes: expected a list of names"));
  EXPECT_THAT(message("{", "["), HasSubstr("expected a JSON object"));
}

}  // namespace
}  // namespace vedette::models::audio
