#include "daemon/narration/stream_prompt.h"

#include <gtest/gtest.h>

#include "tests/daemon/narration/support.h"
#include "tests/support/byte_tokenizer.h"
#include "tests/support/fake_engine.h"

namespace vedette::daemon::narration {
namespace {

models::text::PromptLayout layout() {
  models::text::PromptLayout layout;
  layout.system = "You see.";
  layout.pictures = 2;
  layout.seconds = 20;
  return layout;
}

models::tensor::Tensor rows(std::int64_t rows, float value) {
  auto made = models::tensor::Tensor::zeros(models::tensor::DType::kF32, {rows, 2});
  for (float& one : made.as<float>()) one = value;
  return made;
}

PictureRows tokens(std::int64_t count, float value) {
  return {rows(count, value), {}};
}

class StreamPromptTest : public testing::Test {
 protected:
  void fact(FactKind kind, std::int64_t from_ms, std::int64_t to_ms, const std::string& text,
            std::uint32_t epoch = 0) {
    Fact fact;
    fact.kind = kind;
    fact.start = {epoch, milliseconds(from_ms)};
    fact.end = milliseconds(to_ms);
    fact.t_start_ms = from_ms;
    fact.t_end_ms = to_ms;
    fact.label = kind == FactKind::kMoved ? "moves" : kind == FactKind::kSeen ? "sees" : "sound_silent";
    fact.text = text;
    fact.open = to_ms == 0;
    timeline_.add(std::move(fact));
  }
  std::string text_of(std::span<const std::int32_t> tokens) const {
    return tests::readable(tokenizer_, tokens);
  }
  // What the newest session got, head first, and then forgot.
  std::string session() const {
    const auto newest = engine_.sessions().back();
    std::string text = text_of(newest->options.head.tokens);
    for (const auto& piece : newest->pieces) text += text_of(piece.tokens);
    return text;
  }

  models::text::Tokenizer tokenizer_ = tests::byte_tokenizer();
  models::text::ChatTemplate chat_ = tests::chatml();
  PromptWriter writer_{tokenizer_, chat_, layout()};
  tests::FakeEngine engine_;
  Timeline timeline_;
  StreamPrompt prompt_{engine_, writer_, timeline_};
};

constexpr const char* kHead = "<|im_start|>system\nYou see.<|im_end|>\n<|im_start|>user\n";
constexpr const char* kTail = "<|im_end|>\n<|im_start|>assistant\n";

TEST_F(StreamPromptTest, GrowsByWhatIsNew) {
  fact(FactKind::kHeard, 10'200, 13'400, "Come.");
  prompt_.see(12'000, tokens(3, 1.0F));
  ASSERT_NE(prompt_.bring_up(14'000), nullptr);
  EXPECT_EQ(session(), std::string(kHead) + "[heard 0.0-3.2] \"Come.\"\n[t=1.8]###\n");
  prompt_.bring_up(15'000);
  EXPECT_EQ(engine_.sessions()[0]->pieces.size(), 1u);  // nothing new, nothing appended
  fact(FactKind::kMoved, 12'000, 14'500, "one thing, right to left");
  fact(FactKind::kCaption, 12'000, 14'500, "not for prompts");
  prompt_.see(15'000, tokens(3, 2.0F));
  prompt_.see(16'000, tokens(3, 3.0F));  // of two new pictures the newest
  prompt_.bring_up(16'000);
  EXPECT_EQ(
      session(),
      std::string(kHead) +
          "[heard 0.0-3.2] \"Come.\"\n[t=1.8]###\n[moves 1.8-4.3] one thing, right to left\n[t=5.8]###\n");
  const auto& rows = engine_.sessions()[0]->pieces[1].embeddings;
  EXPECT_EQ(rows.shape(), (models::tensor::Shape{3, 2}));
  EXPECT_EQ(rows.as<float>()[0], 3.0F);
  EXPECT_EQ(prompt_.since_ms(), 10'200);
  EXPECT_EQ(prompt_.pictures(15'000, 16'000).size(), 2u);
}

TEST_F(StreamPromptTest, AsksBehindWhatGoesOn) {
  prompt_.see(12'000, tokens(1, 1.0F));
  prompt_.bring_up(12'000);
  fact(FactKind::kSeen, 9'000, 0, "person, middle, 0.8");
  fact(FactKind::kCondition, 13'000, 0, "");
  EXPECT_EQ(text_of(prompt_.question("What happens?").tokens),
            std::string("[sees 0.0] person, middle, 0.8\n[sound_silent 1.0-]\n\nWhat happens?") + kTail);
  EXPECT_EQ(text_of(prompt_.check("a person is visible").tokens),
            std::string(
                "[sees 0.0] person, middle, 0.8\n[sound_silent 1.0-]\n\nIs it true that a person is visible? "
                "Answer yes or no.") +
                kTail);
  // Names of special tokens in what is asked are plain text.
  EXPECT_TRUE(text_of(prompt_.question("<|im_end|>").tokens).ends_with(std::string("<|im_end|>") + kTail));
  const auto asked = prompt_.question("<|im_end|>").tokens;
  EXPECT_EQ(std::ranges::count(asked, *tokenizer_.find("<|im_end|>")), 1);
}

TEST_F(StreamPromptTest, BeginsAnewBeforeItHoldsMoreThanTheModelKnows) {
  for (int i = 0; i < 3; ++i) {
    prompt_.see(10'000 + i * 5000, tokens(1, 1.0F));
    prompt_.bring_up(10'000 + i * 5000);
  }
  ASSERT_EQ(engine_.sessions().size(), 2u);  // a third picture is one too many
  EXPECT_EQ(session(), std::string(kHead) + "[t=0.0]#\n");
  fact(FactKind::kMoved, 21'000, 22'000, "one thing");
  fact(FactKind::kMoved, 38'000, 39'000, "two things");
  prompt_.bring_up(42'000);  // and so is half a minute
  ASSERT_EQ(engine_.sessions().size(), 3u);
  EXPECT_EQ(session(), std::string(kHead) + "[moves 0.0-1.0] two things\n");
}

TEST_F(StreamPromptTest, ASoundsRowsStandInItsLine) {
  const auto sound = [&](const std::string& id, std::int64_t from_ms, std::int64_t to_ms) {
    Fact fact;
    fact.kind = FactKind::kSounded;
    fact.t_start_ms = from_ms;
    fact.t_end_ms = to_ms;
    fact.open = to_ms == 0;
    fact.label = "sound";
    fact.text = "dog";
    fact.record_id = id;
    timeline_.add(std::move(fact));
  };
  prompt_.see(10'000, tokens(1, 1.0F));
  prompt_.hear("a", rows(2, 5.0F));
  prompt_.hear("b", rows(3, 6.0F));
  sound("a", 10'000, 12'000);
  sound("b", 13'000, 0);
  sound("c", 14'000, 14'500);  // of which nothing is kept
  prompt_.bring_up(15'000);
  EXPECT_EQ(session(), std::string(kHead) + "[t=0.0]#\n[sound 0-2] dog##\n[sound 4-5] dog\n");
  const auto& held = engine_.sessions()[0]->pieces[0].embeddings;
  ASSERT_EQ(held.shape(), (models::tensor::Shape{3, 2}));
  EXPECT_EQ(held.as<float>()[0], 1.0F);
  EXPECT_EQ(held.as<float>()[2], 5.0F);
  // What goes on is told behind, rows and all.
  const models::runtime::PromptPiece asked = prompt_.check("a dog barks");
  EXPECT_TRUE(text_of(asked.tokens).starts_with("[sound 3-] dog###\n\nIs it true"));
  ASSERT_EQ(asked.embeddings.shape(), (models::tensor::Shape{3, 2}));
  EXPECT_EQ(asked.embeddings.as<float>()[0], 6.0F);
  EXPECT_EQ(prompt_.sounds(timeline_.between(0, 20'000)).size(), 2u);
  prompt_.enter(1);
  EXPECT_TRUE(prompt_.sounds(timeline_.between(0, 20'000)).empty());
}

// A model that was taught with two sounds gets the rows of two; of the third it is told by name.
TEST_F(StreamPromptTest, OfMoreSoundsThanItWasTaughtWithItIsToldTheNames) {
  auto few = layout();
  few.sounds = 2;
  const PromptWriter writer(tokenizer_, chat_, few);
  StreamPrompt prompt(engine_, writer, timeline_);
  for (const char* id : {"a", "b", "c"}) {
    prompt.hear(id, rows(1, 1.0F));
    Fact fact;
    fact.kind = FactKind::kSounded;
    fact.t_start_ms = fact.t_end_ms = 10'000;
    fact.text = id;
    fact.record_id = id;
    timeline_.add(std::move(fact));
  }
  prompt.bring_up(10'000);
  EXPECT_EQ(session(), std::string(kHead) + "[sound 0-0] a#\n[sound 0-0] b#\n[sound 0-0] c\n");
  const KeptSounds newest = prompt.sounds(timeline_.between(0, 20'000));
  EXPECT_EQ(newest.size(), 2u);
  EXPECT_TRUE(newest.contains("c"));
}

TEST_F(StreamPromptTest, TilesStandBetweenTheirMarks) {
  const PromptWriter writer(tokenizer_, chat_, layout(), models::text::ImageMarkup::kIdefics3);
  PieceWriter piece(writer);
  piece.picture(1000, std::make_shared<const PictureRows>(PictureRows{rows(6, 1.0F), {1, 2}}));
  EXPECT_EQ(text_of(piece.take().tokens),
            "[t=1.0]<fake_token_around_image><row_1_col_1>##<fake_token_around_image><row_1_col_2>##\n\n"
            "<fake_token_around_image><global-img>##<fake_token_around_image>\n");
  const auto odd = std::make_shared<const PictureRows>(PictureRows{rows(4, 1.0F), {1, 2}});
  EXPECT_THROW(piece.picture(1000, odd), std::invalid_argument);
}

TEST_F(StreamPromptTest, AnEpochStartsEmpty) {
  fact(FactKind::kMoved, 8'000, 9'000, "one thing");
  prompt_.see(9'000, tokens(1, 1.0F));
  prompt_.bring_up(9'000);
  prompt_.enter(1);
  EXPECT_TRUE(prompt_.pictures(0, 100'000).empty());
  fact(FactKind::kMoved, 9'000, 9'500, "late, of the epoch before");
  fact(FactKind::kMoved, 9'600, 9'900, "two things", 1);
  prompt_.bring_up(10'000);
  EXPECT_EQ(session(), std::string(kHead) + "[moves 0.0-0.3] two things\n");
}

TEST_F(StreamPromptTest, ANewSessionHoldsNoMoreThanHalfItsRoom) {
  for (int i = 0; i < 200; ++i) fact(FactKind::kMoved, 10'000 + i, 10'001 + i, "thing " + std::to_string(i));
  prompt_.bring_up(11'000);
  const auto newest = engine_.sessions().back();
  ASSERT_EQ(newest->pieces.size(), 1u);
  EXPECT_LE(newest->pieces[0].tokens.size(), 512u);
  EXPECT_GT(newest->pieces[0].tokens.size(), 400u);
  EXPECT_TRUE(session().ends_with("thing 199\n"));
}

TEST_F(StreamPromptTest, TheWholeIsWhatTheTemplateMakes) {
  fact(FactKind::kHeard, 10'000, 11'000, "Who is there?");
  fact(FactKind::kMoved, 10'500, 12'000, "one thing");
  prompt_.bring_up(12'000);
  std::vector<std::int32_t> pieces = engine_.sessions()[0]->options.head.tokens;
  for (const auto& piece : engine_.sessions()[0]->pieces)
    pieces.insert(pieces.end(), piece.tokens.begin(), piece.tokens.end());
  const auto suffix = prompt_.question("What moved?").tokens;
  pieces.insert(pieces.end(), suffix.begin(), suffix.end());
  const std::vector<models::text::ChatMessage> messages{
      {"system", "You see."},
      {"user", "[heard 0.0-1.0] \"Who is there?\"\n[moves 0.5-2.0] one thing\n\nWhat moved?"}};
  EXPECT_EQ(pieces, chat_.encode(tokenizer_, messages, true));
  EXPECT_EQ(writer_.yes_no()[0].size(), 3u);  // Y, y and the space, each once
  EXPECT_NE(writer_.hash("a"), writer_.hash("b"));
}

}  // namespace
}  // namespace vedette::daemon::narration
