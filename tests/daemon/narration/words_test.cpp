#include "daemon/narration/words.h"

#include <gtest/gtest.h>

namespace vedette::daemon::narration {
namespace {

TEST(Words, AreComparedWithoutCaseAndPunctuation) {
  EXPECT_EQ(normalised(" \"Americans,"), "americans");
  EXPECT_EQ(normalised(" don't"), "don't");
  EXPECT_EQ(normalised(" 4.5%"), "4.5");
  EXPECT_EQ(normalised(" ..."), "");
  EXPECT_EQ(normalised(" \u00c9t\u00e9"), "\u00c9t\u00e9");
}

TEST(Words, KnowWhatEndsASentence) {
  EXPECT_TRUE(ends_sentence(" you."));
  EXPECT_TRUE(ends_sentence(" you?\""));
  EXPECT_TRUE(ends_sentence("\u3002"));
  EXPECT_FALSE(ends_sentence(" you,"));
  EXPECT_FALSE(ends_sentence(""));
  EXPECT_TRUE(ends_clause(" you,"));
  EXPECT_FALSE(ends_clause(" you"));
}

TEST(Words, AreJoinedWithoutOuterSpaces) {
  EXPECT_EQ(joined({{" And", {}, {}, 1.0F}, {" so,", {}, {}, 1.0F}}), "And so,");
  EXPECT_EQ(joined({}), "");
}

TEST(Words, OfATranscriptAreInTheStreamsTime) {
  using namespace std::chrono_literals;
  models::audio::Transcript transcript;
  models::audio::Segment timed;
  timed.text = " Ask not.";
  timed.words = {{" Ask", 1s, 2s, 0.5F}, {" not", 2s, 3s, 0.5F}, {".", 3s, 3s, 0.5F}};
  models::audio::Segment untimed;
  untimed.start = 4s;
  untimed.end = 6s;
  untimed.text = " Ask again.";
  transcript.segments = {timed, untimed};
  const auto words = words_of(transcript, 10s);
  ASSERT_EQ(words.size(), 3u);
  EXPECT_EQ(words[0].start, 11s);
  EXPECT_EQ(words[1].text, " not.");
  EXPECT_EQ(words[2].text, " Ask again.");
  EXPECT_EQ(words[2].end, 16s);
  EXPECT_EQ(joined(words), "Ask not. Ask again.");
  transcript.rejected = true;
  EXPECT_TRUE(words_of(transcript, 10s).empty());
}

}  // namespace
}  // namespace vedette::daemon::narration
