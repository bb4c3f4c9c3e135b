// Both models in one runtime: the same results alone and together, f32.
#include <gtest/gtest.h>

#include <cmath>
#include <future>

#include "models/runtime/runtime.h"
#include "tests/support/real_models.h"

namespace vedette::models::runtime {
namespace {

class RealModelsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    RuntimeOptions options;
    options.hear = test::real_model("whisper-tiny.en");
    options.think = test::real_model("smollm2-135m-instruct");
    options.dtype = tensor::DType::kF32;
    runtime_ = Runtime::load(options);
  }
  static void TearDownTestSuite() { runtime_.reset(); }

  static std::future<TextResult> ask(const std::string& text, int tokens) {
    auto promise = std::make_shared<std::promise<TextResult>>();
    TextRequest request;
    const std::vector<text::ChatMessage> messages = {{"user", text}};
    request.prompt = runtime_->think_template().encode(runtime_->think_tokenizer(), messages, true);
    request.max_new_tokens = tokens;
    runtime_->engine().submit(std::move(request),
                              {.on_text = nullptr, .on_finished = [promise](TextResult result) {
                                 promise->set_value(std::move(result));
                               }});
    return promise->get_future();
  }
  // A vowel of a kind: a buzz with two formants, so that the decoder has something to chew on.
  static std::vector<float> buzz(double hz, double formant) {
    std::vector<float> samples(16000 * 3);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const double t = static_cast<double>(i) / 16000.0;
      double value = 0.0;
      for (int k = 1; k < 20; ++k) {
        const double distance = (hz * k - formant) / 300.0;
        value += std::sin(2.0 * M_PI * hz * k * t) / (1.0 + distance * distance);
      }
      samples[i] = static_cast<float>(0.05 * value * (0.6 + 0.4 * std::sin(2.0 * M_PI * 3.0 * t)));
    }
    return samples;
  }
  static std::future<SpeechResult> hear(std::vector<float> samples) {
    auto promise = std::make_shared<std::promise<SpeechResult>>();
    auto future = promise->get_future();
    runtime_->hearing().submit({.samples = std::move(samples)}, [promise](EncodedAudio encoded) {
      SpeechRequest request;
      request.features = std::move(encoded.features);
      request.audio_length = std::chrono::seconds(3);
      request.options.attempts = 1;
      runtime_->engine().submit(std::move(request),
                                [promise](SpeechResult result) { promise->set_value(std::move(result)); });
    });
    return future;
  }

  static inline std::shared_ptr<Runtime> runtime_;
};

TEST_F(RealModelsTest, TogetherAsAlone) {
  const std::vector<std::string> questions = {"What is the capital of France?", "Count from one to five.",
                                              "Write a sentence about a cat."};
  const std::vector<std::vector<float>> sounds = {buzz(110, 700), buzz(140, 1200), buzz(90, 500)};
  std::vector<std::vector<std::int32_t>> texts;
  std::vector<std::vector<std::int32_t>> transcripts;
  for (const auto& question : questions) texts.push_back(ask(question, 24).get().tokens);
  for (const auto& sound : sounds) transcripts.push_back(hear(sound).get().transcript.tokens);
  EXPECT_NE(runtime_->think_tokenizer().decode(texts[0]).find("Paris"), std::string::npos);

  std::vector<std::future<TextResult>> asked;
  std::vector<std::future<SpeechResult>> heard;
  for (const auto& sound : sounds) heard.push_back(hear(sound));
  for (const auto& question : questions) asked.push_back(ask(question, 24));
  for (std::size_t i = 0; i < asked.size(); ++i) EXPECT_EQ(asked[i].get().tokens, texts[i]) << i;
  for (std::size_t i = 0; i < heard.size(); ++i)
    EXPECT_EQ(heard[i].get().transcript.tokens, transcripts[i]) << i;
  const EngineStatistics statistics = runtime_->engine_statistics();
  EXPECT_GT(statistics.text.stepped_jobs, statistics.text.steps);
  EXPECT_EQ(statistics.kv_pages_used, 0u);
}

TEST_F(RealModelsTest, AMissingModelIsNamed) {
  RuntimeOptions options;
  options.hear = "/nonexistent/whisper";
  try {
    Runtime::load(options);
    FAIL() << "loaded";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("/nonexistent/whisper"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace vedette::models::runtime
