#include "models/text/prompt_layout.h"

#include <gmock/gmock.h>

#include "tests/support/temporary_folder.h"
#include "tests/support/thrown_message.h"

namespace vedette::models::text {
namespace {

using testing::HasSubstr;

TEST(PromptLayout, FillsPatterns) {
  EXPECT_EQ(fill("[heard {from}-{to}] \"{text}\"\n", {{"from", "1.0"}, {"to", ""}, {"text", "{from} a"}}),
            "[heard 1.0-] \"{from} a\"\n");
  EXPECT_EQ(fill("{}{x}{", {{"", "y"}}), "{}{x}{");
}

TEST(PromptLayout, AFolderWithoutOneHasTheDefaultThatNarratesNothing) {
  const test::TemporaryFolder folder;
  EXPECT_FALSE(PromptLayout::load(folder.path()).narrates);
  folder.write("prompt_layout.json",
               R"({"narrates": true, "seen": "<{t}> {text}\n", "classes": ["car", "bus"], "pictures": 4})");
  const PromptLayout layout = PromptLayout::load(folder.path());
  EXPECT_TRUE(layout.narrates);
  EXPECT_FALSE(layout.answers);
  EXPECT_TRUE(PromptLayout::parse(R"({"answers": true})", "it").answers);
  EXPECT_EQ(layout.seen, "<{t}> {text}\n");
  EXPECT_EQ(layout.heard, PromptLayout().heard);
  EXPECT_EQ(layout.classes, (std::vector<std::string>{"car", "bus"}));
  EXPECT_EQ(layout.pictures, 4);
}

TEST(PromptLayout, RefusesWhatIsNone) {
  const auto message = [](const char* json) {
    return test::thrown_message([&] { PromptLayout::parse(json, "f.json"); });
  };
  EXPECT_THAT(message("["), HasSubstr("f.json: expected a JSON object"));
  EXPECT_THAT(message(R"({"sistem": ""})"), HasSubstr("f.json: unknown key \"sistem\""));
  EXPECT_THAT(message(R"({"system": 1})"), HasSubstr("f.json: system: expected a text"));
  EXPECT_THAT(message(R"({"frame": "[t={t}]"})"),
              HasSubstr("frame: expected a text with {frame} in it once"));
  EXPECT_THAT(message(R"({"check": "{text} {text}"})"), HasSubstr("check: expected"));
  EXPECT_THAT(message(R"({"yes": []})"), HasSubstr("yes: expected a list of words"));
  EXPECT_THAT(message(R"({"no": [""]})"), HasSubstr("no: expected a list of words"));
  EXPECT_THAT(message(R"({"classes": {"vehicle": "car"}})"), HasSubstr("classes: expected a list"));
  EXPECT_THAT(message(R"({"sounded": "{sound} {text} {sound}"})"),
              HasSubstr("sounded: expected {sound} at most"));
  EXPECT_THAT(message(R"({"sounds": 0})"), HasSubstr("sounds: expected a whole number from 1"));
  EXPECT_THAT(message(R"({"pictures": 0})"), HasSubstr("pictures: expected a whole number from 1"));
  EXPECT_THAT(message(R"({"seconds": 2.5})"), HasSubstr("seconds: expected a whole number from 1"));
  EXPECT_THAT(message(R"({"narrates": "yes"})"), HasSubstr("narrates: expected true or false"));
  EXPECT_THAT(message(R"({"answers": 1})"), HasSubstr("answers: expected true or false"));
}

}  // namespace
}  // namespace vedette::models::text
