#include "models/weights/ctranslate2.h"

#include <gmock/gmock.h>

#include "tests/models/weights/model_files.h"
#include "tests/support/exact_bytes.h"
#include "tests/support/thrown_message.h"

namespace vedette::models::weights {
namespace {

using test::ExactBytes;
using test::thrown_message;
using testing::ElementsAre;
using testing::HasSubstr;

std::string message(const std::string& file) {
  return thrown_message([&] { parse_ctranslate2(ExactBytes(file).span(), "model.bin"); });
}

TEST(CTranslate2, ReadsVariablesAndAliases) {
  const std::string file = tiny_whisper().build();
  const ExactBytes bytes(file);
  const Ct2Model model = parse_ctranslate2(bytes.span(), "model.bin");
  EXPECT_EQ(model.spec, "WhisperSpec");
  EXPECT_EQ(model.revision, 3U);
  EXPECT_EQ(model.aliases.at("decoder/projection/weight"), "decoder/embeddings/weight");
  const Ct2Variable& conv = model.variables.at("encoder/conv1/weight");
  EXPECT_THAT(conv.extents, ElementsAre(2, 4, 3));
  EXPECT_EQ(conv.bytes.size(), 96U);
}

TEST(CTranslate2, EveryTruncationAndLeftoverIsAnError) {
  const std::string file = tiny_whisper().build();
  for (std::size_t size = 0; size < file.size(); size += size < 2000 ? 1 : 61) {
    ASSERT_NE(message(file.substr(0, size)), "nothing was thrown") << size;
  }
  EXPECT_THAT(message(file + "x"), HasSubstr("expected the end of the file, received 1 more bytes"));
}

TEST(CTranslate2, RefusesHostileFields) {
  const auto with = [](auto change) {
    Ct2Builder file;
    change(file);
    return message(file.build());
  };
  EXPECT_THAT(with([](auto& f) { f.version = 3; }),
              HasSubstr("expected CTranslate2 binary version 4, 5 or 6, received 3"));
  EXPECT_THAT(with([](auto& f) { f.variable_count = 0xFFFFFFFF; }),
              HasSubstr("number of variables of 4294967295"));
  EXPECT_THAT(with([](auto& f) { f.alias_count = 0xFFFFFFFF; }),
              HasSubstr("number of aliases of 4294967295"));
  EXPECT_THAT(with([](auto& f) {
                f.variable("v", {1, 1, 1, 1, 1, 1}, 1, "x");
              }),
              HasSubstr("variable v: expected at most 5 axes, received 6"));
  EXPECT_THAT(with([](auto& f) {
                f.variable("v", {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, 1, "x");
              }),
              HasSubstr("variable v: an extent of"));
  EXPECT_THAT(with([](auto& f) { f.variable("v", {1}, 9, "x"); }),
              HasSubstr("variable v: expected a type from 0 to 5, received 9"));
  EXPECT_THAT(with([](auto& f) { f.variable("v", {2}, kCt2F32, "four"); }),
              HasSubstr("variable v: its shape and type need 8 bytes, received a size of 4"));
  EXPECT_THAT(with([](auto& f) { f.variable("v", {1}, 1, "x").variable("v", {1}, 1, "x"); }),
              HasSubstr("variable v stands twice"));
  EXPECT_THAT(with([](auto& f) { f.alias("a", "gone"); }), HasSubstr("alias a: there is no variable gone"));
  EXPECT_THAT(with([](auto& f) { f.variable("v", {1}, 1, "x").alias("v", "v"); }),
              HasSubstr("alias v stands twice"));
}

}  // namespace
}  // namespace vedette::models::weights
