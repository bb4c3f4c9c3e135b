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

}  // namespace
}  // namespace vedette::daemon::narration
