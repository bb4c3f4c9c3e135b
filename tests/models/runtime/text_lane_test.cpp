#include "models/runtime/text_lane.h"

#include <gtest/gtest.h>

#include <future>

#include "models/language/sampling.h"
#include "models/runtime/step_engine.h"
#include "tests/models/language/golden.h"
#include "tests/models/text/tiny_tokenizer.h"

namespace vedette::models::runtime {
namespace {

using language::GoldenModel;

struct Outcome {
  std::promise<TextResult> promise;
  std::future<TextResult> future = promise.get_future();
  TextCallbacks callbacks() {
    return {.on_text = nullptr,
            .on_finished = [this](TextResult result) { promise.set_value(std::move(result)); }};
  }
};

class TextLaneTest : public ::testing::Test {
 protected:
  static TextRequest request(std::size_t prompt, int tokens, int seed) {
    TextRequest result;
    for (std::size_t i = 0; i < prompt; ++i) {
      result.prompt.push_back(static_cast<std::int32_t>((i * 7 + static_cast<std::size_t>(seed) * 13) % 80));
    }
    result.max_new_tokens = tokens;
    return result;
  }
  // The tokens that the model gives when it runs one request alone, its prompt in one piece.
  std::vector<std::int32_t> alone(const TextRequest& request) {
    auto sequence =
        model_.kv.make_sequence(static_cast<std::int64_t>(request.prompt.size()) + request.max_new_tokens);
    std::vector<std::int32_t> result;
    std::vector<std::int32_t> next = request.prompt;
    const tensor::Tensor logits(tensor::DType::kF32, {1, model_.vocabulary()});
    while (static_cast<int>(result.size()) < request.max_new_tokens) {
      const auto count = static_cast<std::int64_t>(next.size());
      EXPECT_TRUE(sequence.reserve(count));
      const language::DecoderSlice slice{&sequence, 0, count, language::Logits::kLast};
      language::DecoderBatch batch;
      batch.tokens = next;
      batch.slices = {&slice, 1};
      model_.decoder.forward(model_.context, batch, logits.view());
      next = {language::greedy_token(logits.as<float>())};
      result.push_back(next[0]);
    }
    return result;
  }
  TextLane lane(std::vector<std::int32_t> end_tokens = {}, TextLaneOptions options = {}) {
    return TextLane(model_.decoder, model_.kv, model_.context, tokenizer_, std::move(end_tokens), options);
  }

  GoldenModel model_{"kv3of9_head64_untied"};
  text::Tokenizer tokenizer_ = text::tiny_tokenizer();
};

TEST_F(TextLaneTest, ResultsAreThoseOfEachAlone) {
  std::vector<TextRequest> requests;
  for (int i = 0; i < 9; ++i) requests.push_back(request(static_cast<std::size_t>(1 + i * i % 40), 4 + i, i));
  std::vector<int> prompt_tokens;
  for (const TextRequest& each : requests) prompt_tokens.push_back(static_cast<int>(each.prompt.size()));
  std::vector<std::vector<std::int32_t>> expected;
  for (const TextRequest& each : requests) expected.push_back(alone(each));

  TextLaneOptions options;
  options.slots = 4;
  options.chunk = 7;  // prompts go in pieces, between others' tokens
  TextLane text = lane({}, options);
  std::vector<Outcome> outcomes(requests.size());
  {
    StepEngine engine(&text, nullptr);
    for (std::size_t i = 0; i < requests.size(); ++i)
      engine.submit(std::move(requests[i]), outcomes[i].callbacks());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const TextResult result = outcomes[i].future.get();
      EXPECT_EQ(result.reason, FinishReason::kLength);
      EXPECT_EQ(result.tokens, expected[i]) << i;
      EXPECT_EQ(result.prompt_tokens, prompt_tokens[i]);
    }
    EXPECT_GT(engine.statistics().text.stepped_jobs, engine.statistics().text.steps);
  }
  EXPECT_EQ(model_.kv.free_pages(), model_.kv.pages());
}

TEST_F(TextLaneTest, AnEndTokenStops) {
  const TextRequest asked = request(11, 12, 3);
  const auto expected = alone(asked);
  const std::int32_t end = expected[5];
  const auto until = std::find(expected.begin(), expected.end(), end);
  TextLane text = lane({end});
  StepEngine engine(&text, nullptr);
  Outcome outcome;
  engine.submit(request(11, 12, 3), outcome.callbacks());
  const TextResult result = outcome.future.get();
  EXPECT_EQ(result.reason, FinishReason::kStop);
  EXPECT_EQ(result.tokens, std::vector<std::int32_t>(expected.begin(), until));
}

TEST_F(TextLaneTest, WaitsForRoomInThePool) {
  const std::int64_t capacity = model_.kv.token_capacity();
  const int tokens = 30;
  const auto prompt =
      static_cast<std::size_t>(std::min<std::int64_t>(capacity, model_.decoder.config().context)) - 40;
  std::vector<Outcome> outcomes(20);  // more than fit at once
  TextLaneOptions options;
  options.slots = 20;
  TextLane text = lane({}, options);
  StepEngine engine(&text, nullptr);
  for (Outcome& outcome : outcomes) engine.submit(request(prompt, tokens, 1), outcome.callbacks());
  for (Outcome& outcome : outcomes) EXPECT_EQ(outcome.future.get().reason, FinishReason::kLength);
}

TEST_F(TextLaneTest, RefusesWhatCannotRun) {
  TextLane text = lane();
  StepEngine engine(&text, nullptr);
  const auto message = [&](TextRequest asked) {
    Outcome outcome;
    engine.submit(std::move(asked), outcome.callbacks());
    const TextResult result = outcome.future.get();
    EXPECT_EQ(result.reason, FinishReason::kError);
    try {
      std::rethrow_exception(result.error);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message(request(0, 5, 1)), "the prompt is empty");
  EXPECT_NE(message(request(1'000'000, 5, 1)).find("the model has room for"), std::string::npos);
  TextRequest strange = request(3, 5, 1);
  strange.prompt[1] = 80;
  EXPECT_EQ(message(std::move(strange)), "the prompt has token 80, the vocabulary has 80");
}

TEST_F(TextLaneTest, CancellingGivesThePagesBack) {
  TextLane text = lane();
  StepEngine engine(&text, nullptr);
  Outcome outcome;
  const auto handle = engine.submit(request(20, 40, 2), outcome.callbacks());
  handle->cancel();
  outcome.future.get();
  EXPECT_EQ(model_.kv.free_pages(), model_.kv.pages());
}

}  // namespace
}  // namespace vedette::models::runtime
