// The decoder against transformers, and against itself: however a text is cut into calls, the result is the
// same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/language/sampling.h"
#include "tests/models/language/golden.h"

namespace vedette::models::language {
namespace {

class DecoderGolden : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Cases, DecoderGolden, testing::ValuesIn(kGoldenCases));

TEST_P(DecoderGolden, F32LogitsAreTheReferences) {
  GoldenModel model(GetParam());
  for (std::int64_t row = 0; row < model.batch(); ++row) {
    auto sequence = model.kv.make_sequence(model.length());
    const auto logits = model.run(sequence, model.tokens(row));
    EXPECT_LE(max_difference(logits, model.expected(row)), 1e-4F) << "row " << row;
    EXPECT_EQ(sequence.tokens(), static_cast<std::int64_t>(model.tokens(row).size()));
  }
}

TEST_P(DecoderGolden, Bf16LogitsAreClose) {
  const auto backend = backend::cpu::make_cpu_backend();
  GoldenModel model(GetParam(), tensor::DType::kBF16);
  for (std::int64_t row = 0; row < model.batch(); ++row) {
    auto sequence = model.kv.make_sequence(model.length());
    EXPECT_LE(normalised_error(model.run(sequence, model.tokens(row)), model.expected(row)), 1e-2)
        << "row " << row;
  }
}

TEST_P(DecoderGolden, GreedyTokensAreTheReferences) {
  GoldenModel model(GetParam());
  const auto expected = model.outputs.get("greedy_tokens").view.as<std::int64_t>();
  const auto count = expected.size() / static_cast<std::size_t>(model.batch());
  for (std::int64_t row = 0; row < model.batch(); ++row) {
    auto sequence = model.kv.make_sequence(model.length() + 32);
    auto logits = model.run(sequence, model.tokens(row));
    for (std::size_t n = 0; n < count; ++n) {
      const auto last = std::span<const float>(logits).last(static_cast<std::size_t>(model.vocabulary()));
      const std::int32_t token = greedy_token(last);
      EXPECT_EQ(token, expected[static_cast<std::size_t>(row) * count + n])
          << "row " << row << ", token " << n;
      logits = model.run(sequence, std::span(&token, 1));
    }
  }
}

TEST_P(DecoderGolden, ChunksAndStepsEqualOneCall) {
  GoldenModel model(GetParam());
  const auto tokens = model.tokens(0);
  // 31 and 33: calls that end just before and just behind the edge of a page of 32 tokens.
  for (const std::size_t chunk :
       {std::size_t{1}, std::size_t{7}, std::size_t{31}, std::size_t{32}, std::size_t{33}}) {
    auto sequence = model.kv.make_sequence(model.length());
    std::vector<float> logits;
    for (std::size_t at = 0; at < tokens.size(); at += chunk) {
      const auto part =
          model.run(sequence, std::span(tokens).subspan(at, std::min(chunk, tokens.size() - at)));
      logits.insert(logits.end(), part.begin(), part.end());
    }
    EXPECT_LE(max_difference(logits, model.expected(0)), 1e-4F) << "chunks of " << chunk;
  }
}

TEST_P(DecoderGolden, RaggedBatchEqualsSingleSequences) {
  GoldenModel model(GetParam());
  const auto tokens = model.tokens(0);
  const auto vocabulary = model.vocabulary();
  // One sequence in the middle of its text, one at its start, one that steps by one token; only some give
  // logits.
  auto middle = model.kv.make_sequence(100), start = model.kv.make_sequence(100),
       step = model.kv.make_sequence(100);
  model.run(middle, std::span(tokens).first(10));
  model.run(step, std::span(tokens).first(20));
  std::vector<std::int32_t> batch(tokens.begin() + 10, tokens.begin() + 25);
  batch.insert(batch.end(), tokens.begin(), tokens.begin() + 5);
  batch.push_back(tokens[20]);
  ASSERT_TRUE(middle.reserve(15) && start.reserve(5) && step.reserve(1));
  const DecoderSlice slices[] = {
      {&middle, 0, 15, Logits::kAll}, {&start, 15, 5, Logits::kNone}, {&step, 20, 1, Logits::kLast}};
  std::vector<float> logits(static_cast<std::size_t>(16 * vocabulary));
  model.decoder.forward(model.context, {.tokens = batch, .slices = slices},
                        {logits.data(), 16, vocabulary, vocabulary});
  const auto row = static_cast<std::size_t>(vocabulary);
  EXPECT_LE(max_difference(std::span(logits).first(15 * row), model.expected(0).subspan(10 * row, 15 * row)),
            1e-4F);
  EXPECT_LE(max_difference(std::span(logits).last(row), model.expected(0).subspan(20 * row, row)), 1e-4F);
  // The one without logits goes on as if it had had them.
  const auto rest = model.run(start, std::span(tokens).subspan(5, 3));
  EXPECT_LE(max_difference(rest, model.expected(0).subspan(5 * row, 3 * row)), 1e-4F);
}

TEST_P(DecoderGolden, DroppedAndForkedSequencesGoOnRightly) {
  GoldenModel model(GetParam());
  const auto tokens = model.tokens(0);
  const auto row = static_cast<std::size_t>(model.vocabulary());
  auto sequence = model.kv.make_sequence(100);
  model.run(sequence, std::span(tokens).first(20));
  auto fork = sequence.fork();
  const std::vector<std::int32_t> other(9, tokens[0]);
  model.run(fork, other);
  model.run(sequence, std::span(tokens).first(12));
  sequence.drop_to(20);
  const auto logits = model.run(sequence, std::span(tokens).subspan(20, 8));
  EXPECT_LE(max_difference(logits, model.expected(0).subspan(20 * row, 8 * row)), 1e-4F);
  fork.drop_to(20);
  EXPECT_LE(max_difference(model.run(fork, std::span(tokens).subspan(20, 8)), logits), 1e-6F);
}

TEST(Decoder, EmbeddingRowsStandForTokens) {
  GoldenModel model("kv1_head16_tied");
  auto tokens = model.tokens(0);
  const auto table = model.decoder.config().hidden;
  const auto weights = weights::WeightTable::open(golden_folder("kv1_head16_tied"))
                           .read_f32("model.embed_tokens.weight", {model.vocabulary(), table});
  std::vector<float> rows;
  for (const std::size_t at : {std::size_t{3}, std::size_t{4}, std::size_t{40}}) {
    const auto source = weights.as<float>().subspan(static_cast<std::size_t>(tokens[at] * table),
                                                    static_cast<std::size_t>(table));
    rows.insert(rows.end(), source.begin(), source.end());
    tokens[at] = kEmbeddingRow;
  }
  auto sequence = model.kv.make_sequence(model.length());
  ASSERT_TRUE(sequence.reserve(model.length()));
  const DecoderSlice slice{&sequence, 0, model.length(), Logits::kAll};
  const tensor::Tensor logits(tensor::DType::kF32, {model.length(), model.vocabulary()});
  DecoderBatch batch{
      .tokens = tokens, .embeddings = {rows.data(), 3, table, table}, .slices = std::span(&slice, 1)};
  model.decoder.forward(model.context, batch, logits.view());
  EXPECT_LE(max_difference(logits.as<float>(), model.expected(0)), 1e-4F);
  batch.embeddings.rows = 2;
  EXPECT_THROW(model.decoder.forward(model.context, batch, logits.view()), std::invalid_argument);
}

TEST(Decoder, RefusesBatchesThatDoNotFit) {
  GoldenModel model("kv1_head16_tied");
  auto sequence = model.kv.make_sequence(40);
  const std::vector<std::int32_t> tokens{5, 6};
  const auto run = [&](DecoderSlice slice, std::span<const std::int32_t> ids, std::int64_t rows) {
    const tensor::Tensor logits(tensor::DType::kF32, {rows, model.vocabulary()});
    model.decoder.forward(model.context, {.tokens = ids, .slices = std::span(&slice, 1)}, logits.view());
  };
  EXPECT_THROW(run({&sequence, 0, 2, Logits::kLast}, tokens, 1), std::invalid_argument) << "nothing reserved";
  ASSERT_TRUE(sequence.reserve(2));
  EXPECT_THROW(run({&sequence, 0, 1, Logits::kLast}, tokens, 1), std::invalid_argument)
      << "a row without a slice";
  EXPECT_THROW(run({&sequence, 0, 2, Logits::kAll}, tokens, 1), std::invalid_argument)
      << "too few rows of logits";
  EXPECT_THROW(run({&sequence, 0, 2, Logits::kLast}, std::vector<std::int32_t>{5, 96}, 1),
               std::invalid_argument)
      << "an id outside the vocabulary";
  const DecoderSlice twice[] = {{&sequence, 0, 1, Logits::kNone}, {&sequence, 1, 1, Logits::kNone}};
  EXPECT_THROW(model.decoder.forward(model.context, {.tokens = tokens, .slices = twice}, {}),
               std::invalid_argument);
  EXPECT_EQ(sequence.tokens(), 0);
  EXPECT_NO_THROW(run({&sequence, 0, 2, Logits::kLast}, tokens, 1));
}

// Keys and values of the first layer depend on a token and its place alone: after an eviction they are those
// of a sequence that never had what was evicted.
TEST_P(DecoderGolden, EvictedSequencesStandWhereTheyShould) {
  GoldenModel model(GetParam());
  const std::int64_t page = model.kv.layout().page_tokens;
  std::vector<std::int32_t> all;
  for (std::int64_t i = 0; i < 4 * page + 5; ++i) all.push_back(static_cast<std::int32_t>(i * 13 % 71));
  std::vector<std::int32_t> left(all.begin(), all.begin() + page);
  left.insert(left.end(), all.begin() + 3 * page, all.end());
  auto evicted = model.kv.make_sequence(8 * page), fresh = model.kv.make_sequence(8 * page);
  model.run(evicted, all);
  model.run(fresh, left);
  const auto keys = [&](const layers::KvSequence& sequence, std::int64_t index, int head) {
    const auto* block = reinterpret_cast<const float*>(sequence.pages()[static_cast<std::size_t>(index)] +
                                                       model.kv.layout().block_offset(0, head));
    return std::span(block, model.kv.layout().block_bytes / sizeof(float));
  };
  EXPECT_GT(max_difference(keys(evicted, 3, 0), keys(fresh, 1, 0)), 1e-3F) << "before, they stand elsewhere";
  ASSERT_TRUE(evicted.evict(model.context, model.decoder.config().rope, page, 2 * page));
  ASSERT_EQ(evicted.tokens(), fresh.tokens());
  for (std::int64_t index = 0; index < 3; ++index) {
    for (int head = 0; head < model.kv.layout().kv_heads; ++head)
      EXPECT_LT(max_difference(keys(evicted, index, head), keys(fresh, index, head)), 2e-5F) << index;
  }
  // And it goes on from there.
  const std::int32_t next[] = {3, 5, 8};
  for (const float value : model.run(evicted, next)) ASSERT_TRUE(std::isfinite(value));
  EXPECT_EQ(evicted.tokens(), 2 * page + 8);
}

}  // namespace
}  // namespace vedette::models::language
