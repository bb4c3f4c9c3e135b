// Prompts in the daemon's pieces against the whole that the trainer of vedette-nano writes, by the real
// model's tokenizer; tools/golden/prompt_layout.py.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "daemon/narration/prompt_writer.h"
#include "daemon/narration/timeline.h"
#include "tests/daemon/narration/support.h"
#include "tests/support/real_models.h"

namespace vedette::daemon::narration {
namespace {

using nlohmann::json;

std::int64_t ms(const json& seconds) {
  return static_cast<std::int64_t>(std::llround(seconds.get<double>() * 1000.0));
}

FactKind kind_of(const std::string& name) {
  if (name == "heard") return FactKind::kHeard;
  if (name == "sounded") return FactKind::kSounded;
  if (name == "seen") return FactKind::kSeen;
  return name == "moved" ? FactKind::kMoved : FactKind::kCondition;
}

void write(const json& one, const PromptWriter& writer, PieceWriter& piece) {
  const std::string kind = one[0];
  if (kind == "frame") {
    piece.picture(ms(one[1]),
                  std::make_shared<const models::tensor::Tensor>(models::tensor::Tensor::zeros(
                      models::tensor::DType::kF32, {one[3].get<std::int64_t>(), std::int64_t{4}})));
    return;
  }
  Fact fact;
  fact.kind = kind_of(kind);
  fact.open = one[2].is_null();
  fact.t_start_ms = ms(one[1]);
  fact.t_end_ms = fact.open ? fact.t_start_ms : ms(one[2]);
  fact.label = fact.kind == FactKind::kMoved ? "moves" : one[3].get<std::string>();
  fact.text = one[3];
  piece.line(fact_line(fact, 0, writer.layout()));
}

TEST(PromptGolden, PiecesAreTheTrainersWhole) {
  const json root = json::parse(std::ifstream(VEDETTE_SOURCE_DIR "/tests/golden/text/prompts.json"));
  const auto folder = test::real_model("smollm2-135m-instruct");
  const auto tokenizer = models::text::Tokenizer::load(folder);
  const auto chat = models::text::ChatTemplate::load(folder);
  const PromptWriter writer(tokenizer, chat,
                            models::text::PromptLayout::parse(root["layout"].dump(), "golden"));
  ASSERT_GE(root["cases"].size(), 5U);
  for (const json& one : root["cases"]) {
    PieceWriter piece(writer);
    piece.tokens(writer.head());
    for (const json& fact : one["facts"]) write(fact, writer, piece);
    const std::string asked = one["asked"];
    piece.tokens(one["pattern"] == "check" ? writer.check(asked) : writer.question(asked));
    EXPECT_EQ(piece.take().tokens, one["ids"].get<std::vector<std::int32_t>>()) << asked;
  }
  EXPECT_EQ(writer.yes_no()[0], root["first"]["yes"].get<std::vector<std::int32_t>>());
  EXPECT_EQ(writer.yes_no()[1], root["first"]["no"].get<std::vector<std::int32_t>>());
}

// The model in the tree has this very layout.
TEST(PromptGolden, TheModelsFolderHasTheSameLayout) {
  const json root = json::parse(std::ifstream(VEDETTE_SOURCE_DIR "/tests/golden/text/prompts.json"));
  const auto trained = models::text::PromptLayout::parse(root["layout"].dump(), "golden");
  const auto shipped = models::text::PromptLayout::load(VEDETTE_SOURCE_DIR "/models/nano");
  for (const auto member : {&models::text::PromptLayout::system, &models::text::PromptLayout::frame,
                            &models::text::PromptLayout::heard, &models::text::PromptLayout::seen,
                            &models::text::PromptLayout::sounded, &models::text::PromptLayout::condition,
                            &models::text::PromptLayout::question, &models::text::PromptLayout::check}) {
    EXPECT_EQ(shipped.*member, trained.*member);
  }
}

}  // namespace
}  // namespace vedette::daemon::narration
