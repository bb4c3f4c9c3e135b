// Prompts in the daemon's pieces against the whole that the trainer of vedette-nano writes, by the real
// model's tokenizer; tools/golden/prompt_layout.py.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "daemon/narration/prompt_writer.h"
#include "daemon/narration/timeline.h"
#include "models/backend/cpu/cpu_backend.h"
#include "models/runtime/sound_rows.h"
#include "models/weights/weight_table.h"
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

models::tensor::Tensor rows(std::int64_t count) {
  return models::tensor::Tensor::zeros(models::tensor::DType::kF32, {count, std::int64_t{4}});
}

void write(const json& one, PieceWriter& piece) {
  const std::string kind = one[0];
  if (kind == "frame") {
    piece.picture(ms(one[1]),
                  std::make_shared<const PictureRows>(PictureRows{rows(one[3].get<std::int64_t>()), {}}));
    return;
  }
  Fact fact;
  fact.kind = kind_of(kind);
  fact.open = one[2].is_null();
  fact.t_start_ms = ms(one[1]);
  fact.t_end_ms = fact.open ? fact.t_start_ms : ms(one[2]);
  fact.label = fact.kind == FactKind::kMoved ? "moves" : one[3].get<std::string>();
  fact.text = one[3];
  const std::int64_t sound = one.size() > 4 ? one[4].get<std::int64_t>() : 0;
  piece.fact(fact, 0, sound == 0 ? nullptr : std::make_shared<const models::tensor::Tensor>(rows(sound)));
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
    for (const json& fact : one["facts"]) write(fact, piece);
    const std::string asked = one["asked"];
    piece.tokens(one["pattern"] == "check" ? writer.check(asked) : writer.question(asked));
    EXPECT_EQ(piece.take().tokens, one["ids"].get<std::vector<std::int32_t>>()) << asked;
  }
  EXPECT_EQ(writer.yes_no()[0], root["first"]["yes"].get<std::vector<std::int32_t>>());
  EXPECT_EQ(writer.yes_no()[1], root["first"]["no"].get<std::vector<std::int32_t>>());
}

// Ids and embeddings of a prompt with a picture and two sounds in it, as tools/golden/nano.py has them: the
// sounds' rows are made here of the encoder's states.
TEST(PromptGolden, PicturesAndSoundsStandWhereTheTrainerPutsThem) {
  const std::filesystem::path golden = VEDETTE_SOURCE_DIR "/tests/golden/nano";
  const auto table = models::weights::WeightTable::open_file(golden / "outputs.safetensors");
  const auto backend = models::backend::cpu::make_cpu_backend();
  models::backend::WorkerPool pool{1};
  models::runtime::SoundRows projector(*backend, pool, models::tensor::DType::kF32,
                                       golden / "sound_projector", 12, 32);
  const auto sound = [&](const char* name) {
    const auto& states = table.get(name).view;
    return std::make_shared<const models::tensor::Tensor>(projector.project(states, 0, states.shape()[0]));
  };
  const auto told = [](FactKind kind, std::int64_t from_ms, std::int64_t to_ms, const char* text) {
    Fact fact;
    fact.kind = kind;
    fact.t_start_ms = fact.t_end_ms = from_ms;
    fact.open = to_ms == 0;
    if (to_ms != 0) fact.t_end_ms = to_ms;
    fact.text = text;
    return fact;
  };
  const auto folder = test::real_model("smollm2-135m-instruct");
  const auto tokenizer = models::text::Tokenizer::load(folder);
  const auto chat = models::text::ChatTemplate::load(folder);
  const PromptWriter writer(tokenizer, chat,
                            models::text::PromptLayout::load(VEDETTE_SOURCE_DIR "/models/nano"));
  PieceWriter piece(writer);
  piece.tokens(writer.head());
  piece.fact(told(FactKind::kSounded, 10'000, 12'600, "dog"), 0, sound("sound_0"));
  piece.picture(11'000, std::make_shared<const PictureRows>(
                            PictureRows{table.read_f32("picture_1.tokens", {25, 32}), {}}));
  piece.fact(told(FactKind::kHeard, 11'500, 12'000, "Who is there?"), 0);
  piece.fact(told(FactKind::kSounded, 13'200, 0, "something"), 0, sound("sound_2"));
  piece.tokens(writer.question("What happens?"));
  const models::runtime::PromptPiece prompt = piece.take();
  const auto ids = table.get("prompt.ids").view.as<std::int64_t>();
  EXPECT_EQ(prompt.tokens, std::vector<std::int32_t>(ids.begin(), ids.end()));
  const auto expected = table.get("prompt.rows", prompt.embeddings.shape()).view.as<float>();
  for (std::size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(prompt.embeddings.as<float>()[i], expected[i], 1e-4F) << i;
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
