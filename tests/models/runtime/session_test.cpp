// Prompts that grow, forks of them, and scores: what they give is what the whole prompt gives.
#include <gtest/gtest.h>

#include <cmath>
#include <future>
#include <thread>

#include "models/language/sampling.h"
#include "models/runtime/step_engine.h"
#include "models/runtime/text_lane.h"
#include "tests/models/language/golden.h"
#include "tests/models/text/tiny_tokenizer.h"

namespace vedette::models::runtime {
namespace {

using language::GoldenModel;
using language::kEmbeddingRow;

std::vector<std::int32_t> some_tokens(int count, int seed) {
  std::vector<std::int32_t> tokens;
  for (int i = 0; i < count; ++i) tokens.push_back((i * 11 + seed * 17 + i * i % 7) % 80);
  return tokens;
}

class SessionTest : public testing::TestWithParam<tensor::DType> {
 protected:
  void start(TextLaneOptions options = {}) {
    lane_.emplace(model_.decoder, model_.kv, model_.context, tokenizer_, std::vector<std::int32_t>(),
                  options);
    engine_.emplace(&*lane_, nullptr, StepEngineOptions{}, &*lane_);
  }
  void stop() {
    engine_.reset();
    lane_.reset();
  }
  std::shared_ptr<PromptSession> open(std::vector<std::int32_t> head, int most_tokens = 512) {
    SessionOptions options;
    options.head.tokens = std::move(head);
    options.most_tokens = most_tokens;
    return engine_->open_session(std::move(options));
  }
  std::future<TextResult> ask(std::shared_ptr<PromptSession> session, std::vector<std::int32_t> prompt,
                              int tokens = 8, Priority priority = Priority::kQuestion) {
    TextRequest request;
    request.session = std::move(session);
    request.prompt = std::move(prompt);
    request.max_new_tokens = tokens;
    request.priority = priority;
    auto promise = std::make_shared<std::promise<TextResult>>();
    auto future = promise->get_future();
    handle_ =
        engine_->submit(std::move(request), {.on_text = nullptr, .on_finished = [promise](TextResult result) {
                                               promise->set_value(std::move(result));
                                             }});
    return future;
  }
  std::future<ScoreResult> score(std::shared_ptr<PromptSession> session, std::vector<std::int32_t> prompt,
                                 std::vector<std::vector<std::int32_t>> choices) {
    ScoreRequest request;
    request.session = std::move(session);
    request.prompt = std::move(prompt);
    request.choices = std::move(choices);
    auto promise = std::make_shared<std::promise<ScoreResult>>();
    auto future = promise->get_future();
    engine_->submit(std::move(request),
                    [promise](ScoreResult result) { promise->set_value(std::move(result)); });
    return future;
  }
  // Waits until nothing runs or waits.
  void settle() {
    while (true) {
      const EngineStatistics statistics = engine_->statistics();
      if (statistics.text.running == 0 && statistics.text.waiting == 0) return;
      std::this_thread::yield();
    }
  }
  static std::string message_of(const std::exception_ptr& error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const std::exception& thrown) {
      return thrown.what();
    }
    return "";
  }
  static std::vector<std::int32_t> joined(std::initializer_list<std::vector<std::int32_t>> parts) {
    std::vector<std::int32_t> all;
    for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
  }
  tensor::Tensor embeddings(std::int64_t rows, int seed) const {
    tensor::Tensor result(tensor::DType::kF32, {rows, model_.decoder.config().hidden});
    int i = seed;
    for (float& value : result.as<float>()) value = 0.02F * static_cast<float>((i++ * 37) % 101 - 50) / 50.0F;
    return result;
  }

  bool exact() const { return GetParam() == tensor::DType::kF32; }
  double tolerance() const { return exact() ? 1e-5 : 3e-2; }
  // In bf16 a prompt's rows take other products by how many they are together, and near ties fall either way.
  void expect_same(const std::vector<std::int32_t>& received,
                   const std::vector<std::int32_t>& expected) const {
    EXPECT_EQ(received.size(), expected.size());
    if (exact()) {
      EXPECT_EQ(received, expected);
    }
  }
  void expect_near(const ScoreResult& received, const ScoreResult& expected) const {
    ASSERT_EQ(received.probabilities.size(), expected.probabilities.size()) << message_of(received.error);
    for (std::size_t i = 0; i < expected.probabilities.size(); ++i)
      EXPECT_NEAR(received.probabilities[i], expected.probabilities[i], tolerance());
  }

  GoldenModel model_{"kv3of9_head64_untied", GetParam()};
  text::Tokenizer tokenizer_ = text::tiny_tokenizer();
  std::optional<TextLane> lane_;
  std::optional<StepEngine> engine_;
  std::shared_ptr<RequestHandle> handle_;
};

INSTANTIATE_TEST_SUITE_P(Precisions, SessionTest, testing::Values(tensor::DType::kF32, tensor::DType::kBF16));

TEST_P(SessionTest, AForkGivesWhatTheWholePromptGives) {
  TextLaneOptions options;
  options.chunk = 13;
  start(options);
  const auto head = some_tokens(37, 1), first = some_tokens(20, 2), second = some_tokens(41, 3);
  const auto question = some_tokens(9, 4), other = some_tokens(5, 5);
  const auto session = open(head);
  session->append({first, {}});
  auto early = ask(session, question);
  session->append({second, {}});
  auto late = ask(session, question), beside = ask(session, other, 20, Priority::kAlert);
  const auto early_tokens = early.get().tokens, late_tokens = late.get().tokens,
             beside_tokens = beside.get().tokens;
  expect_same(late_tokens, ask(nullptr, joined({head, first, second, question})).get().tokens);
  expect_same(beside_tokens, ask(nullptr, joined({head, first, second, other}), 20).get().tokens);
  // What is appended after a request was submitted may be seen by it or not.
  const auto without = ask(nullptr, joined({head, first, question})).get().tokens;
  EXPECT_TRUE(!exact() || early_tokens == without || early_tokens == late_tokens);
  // The session goes on unchanged by its forks.
  session->append({some_tokens(3, 6), {}});
  const auto all = joined({head, first, second, some_tokens(3, 6), question});
  expect_same(ask(session, question).get().tokens, ask(nullptr, all).get().tokens);
  const std::vector<std::vector<std::int32_t>> choices = {{1, 2, 3, 4}, {5, 6, 7, 8}, {30}};
  expect_near(score(session, question, choices).get(), score(nullptr, all, choices).get());
  EXPECT_EQ(session->forgotten_tokens(), 0);
}

TEST_P(SessionTest, EmbeddingsStandAmongTheTokens) {
  TextLaneOptions options;
  options.chunk = 5;  // pieces and rows are cut anywhere
  start(options);
  auto frame = some_tokens(30, 1), question = some_tokens(12, 2);
  for (const std::size_t at : {3U, 4U, 5U, 6U, 7U, 20U, 29U}) frame[at] = kEmbeddingRow;
  question[2] = question[11] = kEmbeddingRow;
  const auto session = open(some_tokens(10, 3));
  session->append({frame, embeddings(7, 1)});
  session->append({frame, embeddings(7, 50)});

  const auto asked = [&](std::shared_ptr<PromptSession> of, std::vector<std::int32_t> prompt,
                         tensor::Tensor rows) {
    TextRequest request;
    request.session = std::move(of);
    request.prompt = std::move(prompt);
    request.embeddings = std::move(rows);
    request.max_new_tokens = 6;
    std::promise<TextResult> promise;
    engine_->submit(std::move(request), {.on_text = nullptr, .on_finished = [&](TextResult result) {
                                           promise.set_value(std::move(result));
                                         }});
    TextResult result = promise.get_future().get();
    EXPECT_EQ(message_of(result.error), "");
    return result.tokens;
  };
  // The same rows, one behind the other.
  const tensor::Tensor all(tensor::DType::kF32, {16, model_.decoder.config().hidden});
  std::int64_t row = 0;
  for (const auto& [count, seed] : {std::pair{7, 1}, std::pair{7, 50}, std::pair{2, 9}}) {
    const tensor::Tensor part = embeddings(count, seed);
    std::copy_n(part.as<float>().begin(), part.as<float>().size(),
                all.view().rows(row, count).as<float>().begin());
    row += count;
  }
  tensor::Tensor copy(tensor::DType::kF32, all.shape());
  std::copy_n(all.as<float>().begin(), all.as<float>().size(), copy.as<float>().begin());
  const auto forked = asked(session, question, embeddings(2, 9));
  expect_same(forked, asked(nullptr, joined({some_tokens(10, 3), frame, frame, question}), std::move(copy)));
  EXPECT_EQ(forked.size(), 6U);
}

TEST_P(SessionTest, EvictionKeepsTheHeadAndTellsWhatIsForgotten) {
  start();
  const auto session = open(some_tokens(40, 1), 256);
  for (int i = 0; i < 30; ++i) {
    session->append({some_tokens(25, i), {}});
    if (i % 7 == 0) settle();
  }
  const TextResult result = ask(session, some_tokens(10, 2)).get();
  EXPECT_EQ(result.reason, FinishReason::kLength) << message_of(result.error);
  settle();
  const std::int64_t forgotten = session->forgotten_tokens();
  EXPECT_GE(forgotten, 30 * 25 - (256 - 40));
  EXPECT_LE(forgotten, 30 * 25 - (256 - 40) / 2);
  // Head and what is left: at most eight pages.
  EXPECT_GE(model_.kv.free_pages(), model_.kv.pages() - 8);
}

TEST_P(SessionTest, NoPageIsLost) {
  start();
  {
    const auto session = open(some_tokens(40, 1), 256);
    std::vector<std::future<TextResult>> results;
    for (int i = 0; i < 12; ++i) {
      session->append({some_tokens(60, i), {}});
      results.push_back(ask(session, some_tokens(7, i), 5));
      if (i % 3 == 0) handle_->cancel();
    }
    for (auto& result : results) result.get();
    settle();
    EXPECT_LT(model_.kv.free_pages(), model_.kv.pages());
  }
  EXPECT_EQ(model_.kv.free_pages(), model_.kv.pages()) << "freed with its last handle";
  const auto kept = open(some_tokens(40, 1));
  kept->append({some_tokens(60, 1), {}});
  settle();
  stop();
  EXPECT_EQ(model_.kv.free_pages(), model_.kv.pages()) << "freed with the engine";
  kept->append({some_tokens(60, 1), {}});  // into nothing
}

TEST_P(SessionTest, ScoresAreTheNormalisedProbabilities) {
  start();
  const auto head = some_tokens(33, 1), piece = some_tokens(30, 2), check = some_tokens(6, 3);
  const auto session = open(head);
  session->append({piece, {}});
  const ScoreResult result = score(session, check, {{5, 9}, {11}, {70, 71, 72}}).get();
  ASSERT_EQ(result.reason, FinishReason::kStop) << message_of(result.error);
  ASSERT_EQ(result.probabilities.size(), 3U);

  const auto prompt = joined({head, piece, check});
  auto sequence = model_.kv.make_sequence(512);
  const auto logits = model_.run(sequence, prompt);
  const float* last = logits.data() + logits.size() - static_cast<std::size_t>(model_.vocabulary());
  const auto weight = [&](std::initializer_list<int> tokens) {
    double sum = 0.0;
    for (const int token : tokens) sum += std::exp(static_cast<double>(last[token]));
    return sum;
  };
  const double all = weight({5, 9, 11, 70, 71, 72});
  EXPECT_NEAR(result.probabilities[0], weight({5, 9}) / all, tolerance());
  EXPECT_NEAR(result.probabilities[1], weight({11}) / all, tolerance());
  EXPECT_NEAR(result.probabilities[2], weight({70, 71, 72}) / all, tolerance());
  EXPECT_EQ(score(nullptr, prompt, {{5, 9}, {11}, {70, 71, 72}}).get().probabilities.size(), 3U);
}

TEST_P(SessionTest, ManySessionsShareThePool) {
  start();
  const auto most = static_cast<int>(model_.kv.token_capacity() / 4);
  std::vector<std::shared_ptr<PromptSession>> sessions;
  std::vector<std::future<TextResult>> results;
  for (int i = 0; i < 8; ++i) sessions.push_back(open(some_tokens(20, i), most));
  for (int round = 0; round < 6; ++round) {
    for (const auto& session : sessions) session->append({some_tokens(most / 5, round), {}});
    for (const auto& session : sessions) results.push_back(ask(session, some_tokens(20, round), 10));
    // One that needs a quarter of the pool for itself.
    results.push_back(ask(nullptr, some_tokens(most - 60, round), 10));
    for (auto& result : results) {
      const TextResult got = result.get();
      ASSERT_EQ(got.reason, FinishReason::kLength) << message_of(got.error);
    }
    results.clear();
  }
}

// What waits, and what is let in together, goes by priority, whichever session it asks and in whatever order.
TEST_P(SessionTest, TheHigherPriorityGoesFirst) {
  for (const std::size_t slots : {1U, 16U}) {
    TextLaneOptions options;
    options.slots = slots;
    options.chunk = 8;
    start(options);
    std::vector<std::shared_ptr<PromptSession>> sessions;
    for (int i = 0; i < 4; ++i) {
      sessions.push_back(open(some_tokens(30, i)));
      sessions.back()->append({some_tokens(20, i), {}});
    }
    settle();
    std::string order;
    std::promise<void> all;
    const auto submit = [&](std::size_t session, Priority priority, char name) {
      TextRequest request;
      request.session = sessions[session];
      request.prompt = some_tokens(40, name);
      request.max_new_tokens = 1;
      request.priority = priority;
      engine_->submit(std::move(request), {.on_text = nullptr, .on_finished = [&, name](TextResult result) {
                                             EXPECT_EQ(message_of(result.error), "");
                                             order += name;
                                             if (order.size() == 4) all.set_value();
                                           }});
    };
    // From the engine's own thread, so that nothing begins before all of them wait.
    TextRequest opener;
    opener.prompt = some_tokens(3, 1);
    opener.max_new_tokens = 1;
    engine_->submit(std::move(opener), {.on_text = nullptr, .on_finished = [&](TextResult) {
                                          submit(0, Priority::kCaption, 'c');
                                          submit(1, Priority::kAlert, 'a');
                                          submit(2, Priority::kCaption, 'd');
                                          submit(3, Priority::kQuestion, 'q');
                                        }});
    all.get_future().wait();
    EXPECT_EQ(order, "qacd") << slots << " slots";
    sessions.clear();
    stop();
  }
}

TEST_P(SessionTest, RefusesWhatDoesNotFit) {
  start();
  EXPECT_THROW(open({1, 2, 80}), std::invalid_argument);
  EXPECT_THROW(open(some_tokens(100, 1), 110), std::invalid_argument);
  EXPECT_THROW(open({}, 1 << 20), std::invalid_argument);
  const auto session = open(some_tokens(10, 1), 200);
  EXPECT_THROW(session->append({{81}, {}}), std::invalid_argument);
  EXPECT_THROW(session->append({some_tokens(191, 1), {}}), std::invalid_argument);
  EXPECT_THROW(session->append({{1, kEmbeddingRow}, {}}), std::invalid_argument);
  EXPECT_THROW(session->append({{1, kEmbeddingRow}, embeddings(2, 1)}), std::invalid_argument);
  EXPECT_THROW(session->append({{1, kEmbeddingRow}, tensor::Tensor(tensor::DType::kF32, {1, 3})}),
               std::invalid_argument);
  EXPECT_EQ(message_of(ask(session, {}).get().error), "the prompt is empty");
  EXPECT_NE(message_of(ask(nullptr, {1, kEmbeddingRow}).get().error).find("calls for embeddings"),
            std::string::npos);
  EXPECT_EQ(message_of(score(session, {1}, {}).get().error), "a score of no choices");
  EXPECT_NE(message_of(score(session, {1}, {{1}, {99}}).get().error).find("has token 99"), std::string::npos);

  TextLane other(model_.decoder, model_.kv, model_.context, tokenizer_, {}, {});
  StepEngine without(&other, nullptr);
  EXPECT_EQ(without.open_session({}), nullptr);
  const auto foreign = other.open_session({}, nullptr);
  EXPECT_EQ(message_of(ask(foreign, {1}).get().error), "the session is not one of this engine's");
}

}  // namespace
}  // namespace vedette::models::runtime
