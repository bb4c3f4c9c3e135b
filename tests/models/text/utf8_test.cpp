#include "models/text/utf8.h"

#include <gtest/gtest.h>

namespace vedette::models::text {
namespace {

#define R "\xEF\xBF\xBD"

std::string valid(std::string_view text) {
  std::string out;
  append_valid_utf8(text, false, out);
  return out;
}

TEST(Utf8, KeepsWhatIsValid) {
  for (const char* text :
       {"", "a", "é", "\u20ac", "\U0001f600", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF"})
    EXPECT_EQ(valid(text), text);
}

TEST(Utf8, ReplacesMaximalSubparts) {  // the examples of Unicode 15, tables 3-8 to 3-11
  EXPECT_EQ(valid("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), R R R R R R R R "A");
  EXPECT_EQ(valid("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), R R R R R R R R "A");
  EXPECT_EQ(valid("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"), R R R R R "A" R R "B");
  EXPECT_EQ(valid("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), R R R R "A");
}

TEST(Utf8, KeepsAnUnfinishedCharacterBack) {
  std::string out;
  EXPECT_EQ(append_valid_utf8("a\xF0\x9F\x98", true, out), 1U);
  EXPECT_EQ(out, "a");
  EXPECT_EQ(valid("a\xF0\x9F\x98"), "a" R);
}

TEST(Utf8, WritesEveryScalarValueAsItReadsIt) {
  for (std::int32_t codepoint = 0; codepoint <= 0x10FFFF; codepoint += codepoint < 0x3000 ? 1 : 251) {
    if (codepoint >= 0xD800 && codepoint <= 0xDFFF) continue;
    std::string text;
    append_utf8(codepoint, text);
    const Utf8Unit unit = next_utf8(text);
    ASSERT_EQ(unit.kind, Utf8Unit::Kind::kCharacter) << codepoint;
    ASSERT_EQ(unit.length, text.size());
    ASSERT_EQ(unit.codepoint, codepoint);
  }
}

#undef R

}  // namespace
}  // namespace vedette::models::text
