#include "models/text/tokenizer_file.h"

#include <gmock/gmock.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "tests/models/text/tiny_tokenizer.h"
#include "tests/support/thrown_message.h"

namespace vedette::models::text {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

// What is said of the tiny tokenizer after a change.
std::string message(const std::function<void(json&)>& change) {
  json root = json::parse(kTinyTokenizer);
  change(root);
  return test::thrown_message([&] { Tokenizer::parse(root.dump(), "t.json"); });
}

TEST(TokenizerFile, SaysWhatIsMalformed) {
  const auto parse = [](std::string_view text) {
    return test::thrown_message([&] { Tokenizer::parse(text, "t.json"); });
  };
  EXPECT_EQ(parse(""), "t.json: expected a JSON object");
  EXPECT_EQ(parse("[1, 2"), "t.json: expected a JSON object");
  EXPECT_EQ(parse("{}"), "t.json: pre_tokenizer: expected an object, received null");
  EXPECT_EQ(parse(std::string(100000, '[')), "t.json: expected a JSON object");
}

TEST(TokenizerFile, SaysWhichKeyOfTheModelIsWrong) {
  EXPECT_THAT(message([](json& r) { r["model"]["type"] = "Unigram"; }),
              HasSubstr("t.json: model: type: expected BPE, received Unigram"));
  EXPECT_THAT(message([](json& r) { r["model"]["vocab"]["d"] = -1; }),
              HasSubstr("vocab: d: expected a token id up to 4194304, received -1"));
  EXPECT_THAT(message([](json& r) { r["model"]["vocab"]["d"] = 4000000000U; }),
              HasSubstr("vocab: d: expected a token id"));
  EXPECT_THAT(message([](json& r) { r["model"]["vocab"]["d"] = 0; }), HasSubstr("id 0 stands for"));
  EXPECT_THAT(message([](json& r) { r["model"]["vocab"] = json::array({1}); }),
              HasSubstr("vocab: expected an object, received [1]"));
  EXPECT_THAT(message([](json& r) { r["model"]["merges"][0] = "a b c"; }),
              HasSubstr("merges: entry 0: expected \"a b\""));
  EXPECT_THAT(message([](json& r) {
                r["model"]["merges"][1] = json::array({"a", 5});
              }),
              HasSubstr("merges: entry 1: expected"));
  EXPECT_THAT(message([](json& r) { r["model"]["merges"][2] = "a q"; }),
              HasSubstr("merges: entry 2: \"q\" is not in the vocabulary"));
  EXPECT_THAT(message([](json& r) { r["model"]["merges"][2] = "a 1"; }),
              HasSubstr("\"a1\" is not in the vocabulary"));
  EXPECT_THAT(message([](json& r) { r["model"]["unk_token"] = "?"; }),
              HasSubstr("unk_token: \"?\" is not in the vocabulary"));
  EXPECT_THAT(message([](json& r) { r["model"]["dropout"] = 0.1; }),
              HasSubstr("dropout: expected none, received 0.1"));
  EXPECT_THAT(message([](json& r) { r["model"]["byte_fallback"] = true; }), HasSubstr("byte_fallback"));
}

TEST(TokenizerFile, RefusesWhatItWouldHaveToGuessAbout) {
  EXPECT_THAT(message([](json& r) {
                r["pre_tokenizer"] = {{"type", "Metaspace"}};
              }),
              HasSubstr("pre_tokenizer: expected ByteLevel"));
  EXPECT_THAT(message([](json& r) { r["pre_tokenizer"]["pretokenizers"].erase(1); }),
              HasSubstr("ByteLevel once and last"));
  EXPECT_THAT(message([](json& r) {
                r["decoder"] = {{"type", "WordPiece"}};
              }),
              HasSubstr("decoder: expected ByteLevel"));
  EXPECT_THAT(message([](json& r) {
                r["normalizer"] = {{"type", "Lowercase"}};
              }),
              HasSubstr("normalizer: expected null, NFC"));
  EXPECT_THAT(message([](json& r) { r["added_tokens"][0]["single_word"] = true; }),
              HasSubstr("single_word: expected false"));
  EXPECT_THAT(message([](json& r) { r["added_tokens"][0]["content"] = ""; }),
              HasSubstr("token 20 has no spelling"));
  EXPECT_THAT(message([](json& r) { r["added_tokens"][0]["id"] = 21; }), HasSubstr("id 21 stands for"));
  EXPECT_THAT(message([](json& r) {
                r["pre_tokenizer"]["pretokenizers"][0] = {
                    {"type", "Split"}, {"pattern", {{"Regex", "(("}}}, {"behavior", "Isolated"}};
              }),
              HasSubstr("t.json: pre_tokenizer: pattern: at character"));
}

std::vector<TokenId> encode_with(const std::function<void(json&)>& change, std::string_view text) {
  json root = json::parse(kTinyTokenizer);
  change(root);
  return Tokenizer::parse(root.dump(), "t.json").encode(text);
}

TEST(TokenizerFile, TakesTheOtherRules) {
  const auto split_on = [](json pattern, const char* behaviour) {
    return [=](json& r) {
      r["pre_tokenizer"]["pretokenizers"][0] = {
          {"type", "Split"}, {"pattern", pattern}, {"behavior", behaviour}};
    };
  };
  EXPECT_THAT(encode_with(split_on({{"String", "b"}}, "Isolated"), "abc"), ElementsAre(0, 1, 2));
  EXPECT_THAT(encode_with(split_on({{"String", "b"}}, "Removed"), "abc"), ElementsAre(0, 2));
  EXPECT_THAT(encode_with(split_on({{"Regex", "[bc]+"}}, "Isolated"), "abc"), ElementsAre(0, 9));
  EXPECT_THAT(encode_with(split_on({{"Regex", "x*"}}, "Isolated"), "abc"),
              ElementsAre(10));  // empty matches cut nothing
  EXPECT_THAT(encode_with(
                  [](json& r) {
                    r["normalizer"] = {{"type", "NFC"}};
                    r["added_tokens"] = json::array();
                  },
                  "e\u0301"),
              ElementsAre(12));
  EXPECT_THAT(encode_with(
                  [](json& r) {
                    r["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", true}};
                  },
                  "a"),
              ElementsAre(11));
  EXPECT_THAT(
      encode_with(
          [](json& r) {
            r["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
          },
          "11"),
      ElementsAre(14));
  EXPECT_THAT(encode_with([](json& r) { r["model"]["unk_token"] = "c"; }, "zz"), ElementsAre(2, 2));
  EXPECT_THAT(encode_with(
                  [](json& r) {
                    r["model"]["unk_token"] = "c";
                    r["model"]["fuse_unk"] = true;
                  },
                  "zza"),
              ElementsAre(2, 0));
  EXPECT_THAT(encode_with(
                  [](json& r) {
                    r["model"]["ignore_merges"] = true;
                    r["model"]["merges"] = json::array();
                  },
                  "abc"),
              ElementsAre(10));
}

}  // namespace
}  // namespace vedette::models::text
