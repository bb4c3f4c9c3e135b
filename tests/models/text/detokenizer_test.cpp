#include <gtest/gtest.h>

#include "models/text/tokenizer.h"
#include "tests/models/text/tiny_tokenizer.h"

namespace vedette::models::text {
namespace {

TEST(Detokenizer, GivesWholeCharactersOnly) {
  const Tokenizer tokenizer = tiny_tokenizer();
  Detokenizer text(tokenizer);
  EXPECT_EQ(text.push(0), "a");
  EXPECT_EQ(text.push(6), "");  // the first byte of "é"
  EXPECT_EQ(text.push(7), "é");
  EXPECT_EQ(text.push(20), "");  // special
  EXPECT_EQ(text.push(6), "");
  EXPECT_EQ(text.push(0),
            "\xEF\xBF\xBD"
            "a");  // what was begun cannot be finished any more
  EXPECT_EQ(text.push(6), "");
  EXPECT_EQ(text.finish(), "\xEF\xBF\xBD");
  EXPECT_EQ(text.finish(), "");
}

TEST(Detokenizer, ShowsSpecialTokensWhenAsked) {
  const Tokenizer tokenizer = tiny_tokenizer();
  Detokenizer text(tokenizer, false);
  EXPECT_EQ(text.push(20), "<|end|>");
}

}  // namespace
}  // namespace vedette::models::text
