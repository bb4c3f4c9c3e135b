// Once each shape has been seen, a step of the decoder allocates nothing and plans nothing.
#include <gtest/gtest.h>

#include "models/language/sampling.h"
#include "tests/models/language/golden.h"
#include "tests/support/allocation_counter.h"

namespace vedette::models::language {
namespace {

class SteadyState : public testing::TestWithParam<tensor::DType> {};
INSTANTIATE_TEST_SUITE_P(Precisions, SteadyState, testing::Values(tensor::DType::kF32, tensor::DType::kBF16));

TEST_P(SteadyState, StepsAllocateAndPlanNothing) {
  GoldenModel model("kv3of9_head64_untied", GetParam());
  auto long_sequence = model.kv.make_sequence(400), short_sequence = model.kv.make_sequence(400);
  const auto prompt = model.tokens(0);
  std::vector<float> logits(static_cast<std::size_t>(2 * model.vocabulary()));
  std::vector<std::int32_t> tokens(prompt.size() + 1);
  Sampler sampler({.temperature = 0.7F, .top_p = 0.9F}, model.vocabulary());
  // A mixture: one sequence gets a chunk, the other one token; then both step.
  const auto step = [&](std::int64_t chunk) {
    ASSERT_TRUE(long_sequence.reserve(chunk) && short_sequence.reserve(1));
    std::copy_n(prompt.begin(), chunk, tokens.begin());
    const DecoderSlice slices[] = {{&long_sequence, 0, chunk, Logits::kLast},
                                   {&short_sequence, chunk, 1, Logits::kLast}};
    model.decoder.forward(
        model.context,
        {.tokens = std::span(tokens).first(static_cast<std::size_t>(chunk + 1)), .slices = slices},
        {logits.data(), 2, model.vocabulary(), model.vocabulary()});
    tokens[0] = sampler.next(std::span(logits).first(static_cast<std::size_t>(model.vocabulary())));
  };
  const auto round = [&] {
    step(40);
    for (int i = 0; i < 60; ++i) step(1);
  };
  round();
  const std::int64_t growths = static_cast<std::int64_t>(model.context.arena_growths());
  const auto plans = model.context.plan_builds();
  long_sequence.drop_to(0);
  short_sequence.drop_to(0);
  const std::int64_t before = test::allocations();
  round();
  EXPECT_EQ(test::allocations() - before, 0);
  EXPECT_EQ(static_cast<std::int64_t>(model.context.arena_growths()), growths);
  EXPECT_EQ(model.context.plan_builds(), plans);
  EXPECT_EQ(short_sequence.tokens(), 61);

  // The counter counts: a longer chunk than ever before makes the scratch memory grow.
  const std::int64_t counted_before = test::allocations();
  tokens.resize(201);
  std::vector<std::int32_t> many(200, prompt[0]);
  ASSERT_TRUE(long_sequence.reserve(200));
  const DecoderSlice slice{&long_sequence, 0, 200, Logits::kLast};
  model.decoder.forward(model.context, {.tokens = many, .slices = std::span(&slice, 1)},
                        {logits.data(), 1, model.vocabulary(), model.vocabulary()});
  EXPECT_GT(test::allocations(), counted_before);
}

}  // namespace
}  // namespace vedette::models::language
