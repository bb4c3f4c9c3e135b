#include "models/text/tokenizer.h"

#include <gmock/gmock.h>

#include <array>

#include "tests/models/text/tiny_tokenizer.h"

namespace vedette::models::text {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Tokenizer, MergesByRankThenFromTheLeft) {
  const Tokenizer tokenizer = tiny_tokenizer();
  EXPECT_THAT(tokenizer.encode("abc"), ElementsAre(10));  // b c first, then a bc: not ab c
  EXPECT_THAT(tokenizer.encode("ab"), ElementsAre(8));
  EXPECT_THAT(tokenizer.encode("aaa"), ElementsAre(13, 0));
  EXPECT_THAT(tokenizer.encode("aaaa"), ElementsAre(13, 13));
  EXPECT_THAT(tokenizer.encode("abbc"), ElementsAre(8, 9));
  EXPECT_THAT(tokenizer.encode(""), IsEmpty());
}

TEST(Tokenizer, CutsWordsBeforeItMerges) {
  const Tokenizer tokenizer = tiny_tokenizer();
  EXPECT_THAT(tokenizer.encode("a a"), ElementsAre(0, 11));
  EXPECT_THAT(tokenizer.encode("a  a"), ElementsAre(0, 3, 11));
  EXPECT_THAT(tokenizer.encode("a 1"), ElementsAre(0, 3, 5));
  EXPECT_THAT(tokenizer.encode("11"), ElementsAre(5, 5));  // digits stand alone, whatever the merges say
  EXPECT_THAT(tokenizer.encode("a\n"), ElementsAre(0, 4));
}

TEST(Tokenizer, BytesOutsideTheVocabularyVanishAndTheirNeighboursMeet) {
  const Tokenizer tokenizer = tiny_tokenizer();
  EXPECT_THAT(tokenizer.encode("zz"), IsEmpty());
  EXPECT_THAT(tokenizer.encode("azb"), ElementsAre(8));
  EXPECT_THAT(tokenizer.encode(std::string_view("a\0b", 3)),
              ElementsAre(0, 1));  // NUL is no letter: it ends the word
}

TEST(Tokenizer, InvalidUtf8ReadsAsTheReplacementCharacter) {
  const Tokenizer tokenizer = tiny_tokenizer();
  EXPECT_THAT(tokenizer.encode("a\xC3"),
              ElementsAre(0));  // a lone lead byte is not the vocabulary's byte of the same value
  EXPECT_THAT(tokenizer.encode("\xC3\xA9"), ElementsAre(12));
}

TEST(Tokenizer, AddedTokensAreFoundOnlyWhereTheyAreTrusted) {
  const Tokenizer tokenizer = tiny_tokenizer();
  EXPECT_THAT(tokenizer.encode("a<|end|>b", true), ElementsAre(0, 20, 1));
  EXPECT_THAT(tokenizer.encode("a<|end|>xb", true), ElementsAre(0, 21, 1));  // the longest
  EXPECT_THAT(tokenizer.encode("<tool>", true), ElementsAre(22));
  EXPECT_THAT(tokenizer.encode("a <strip>  b", true), ElementsAre(0, 23, 1));
  EXPECT_THAT(tokenizer.encode("a<|end|>b"), ElementsAre(0, 1));
  EXPECT_THAT(tokenizer.encode("<tool>"), IsEmpty());
}

TEST(Tokenizer, PartsAreOneText) {
  const Tokenizer tokenizer = tiny_tokenizer();
  const std::array<TextPart, 4> parts{
      {{"<|end|>a", true}, {"b<|end|>", false}, {"c", true}, {"<|end|>", true}}};
  EXPECT_THAT(tokenizer.encode(parts), ElementsAre(20, 8, 2, 20));
  const std::array<TextPart, 2> cut{
      {{"<|e", true}, {"nd|>", false}}};  // a name that only outside text completes
  EXPECT_THAT(tokenizer.encode(cut), IsEmpty());
  const std::array<TextPart, 2> whole{{{"<|e", true}, {"nd|>", true}}};
  EXPECT_THAT(tokenizer.encode(whole), ElementsAre(20));
}

TEST(Tokenizer, Decodes) {
  const Tokenizer tokenizer = tiny_tokenizer();
  EXPECT_EQ(tokenizer.decode(std::array<TokenId, 4>{10, 11, 12, 20}), "abc aé");
  EXPECT_EQ(tokenizer.decode(std::array<TokenId, 2>{0, 20}, false), "a<|end|>");
  EXPECT_EQ(tokenizer.decode(std::array<TokenId, 2>{6, 0}),
            "\xEF\xBF\xBD"
            "a");
  EXPECT_EQ(tokenizer.decode(std::array<TokenId, 3>{-1, 15, 1000}), "");
}

TEST(Tokenizer, LooksUpTokens) {
  const Tokenizer tokenizer = tiny_tokenizer();
  EXPECT_EQ(tokenizer.size(), 24);
  EXPECT_EQ(tokenizer.find("<|end|>"), 20);
  EXPECT_EQ(tokenizer.find("nothing"), std::nullopt);
  EXPECT_EQ(tokenizer.spelling(11), "\u0120a");
  EXPECT_EQ(tokenizer.bytes(11), " a");
  EXPECT_TRUE(tokenizer.is_special(20));
  EXPECT_FALSE(tokenizer.is_special(22));
  EXPECT_FALSE(tokenizer.is_special(1000));
}

TEST(Tokenizer, LongWordsTakeTimeThatGrowsWithTheirLength) {
  const Tokenizer tokenizer = tiny_tokenizer();
  const std::string word(200'000, 'a');
  EXPECT_EQ(tokenizer.encode(word).size(), 100'000U);
}

}  // namespace
}  // namespace vedette::models::text
