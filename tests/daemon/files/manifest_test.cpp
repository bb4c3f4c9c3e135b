#include "daemon/files/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace vedette::daemon::files {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Manifest, GivesItemsAndNamesWhatIsWrongWithOthers) {
  std::istringstream in(
      R"({"file":"a.mp4","from_ms":7000,"to_ms":8000,"slot":"colour","question":"What colour is it?","expect":["red"]}

not json
{"file":"a.mp4","from_ms":8000,"to_ms":8000,"slot":"s","question":"q","expect":["x"]}
{"file":"a.mp4","from_ms":0,"to_ms":"late","slot":"s","question":"q","expect":["x"]}
{"file":"a.mp4","from_ms":0,"to_ms":9,"slot":"s","question":"q","expect":"x"}
{"from_ms":0,"to_ms":9,"slot":"s","question":"q","expect":["x"]}
{"file":"a.mp4","from_ms":0,"to_ms":9,"slot":"s","question":"q","reject":["y"]}
{"file":"a.mp4","from_ms":0,"to_ms":9,"slot":"s","question":"q"}
)");
  const Manifest manifest = read_manifest(in, "m.jsonl", "/clips");
  ASSERT_EQ(manifest.items.size(), 2u);
  EXPECT_THAT(manifest.items[1].expect, IsEmpty());
  EXPECT_THAT(manifest.items[1].reject, ElementsAre("y"));
  const EvalItem& item = manifest.items[0];
  EXPECT_EQ(item.line, 1);
  EXPECT_EQ(item.file, "/clips/a.mp4");
  EXPECT_EQ(item.from, std::chrono::seconds(7));
  EXPECT_EQ(item.to, std::chrono::seconds(8));
  EXPECT_EQ(item.slot, "colour");
  EXPECT_THAT(item.expect, ElementsAre("red"));
  EXPECT_THAT(manifest.problems,
              ElementsAre("m.jsonl:3: expected a JSON object",
                          "m.jsonl:4: to_ms: expected more than from_ms, received 8000",
                          "m.jsonl:5: to_ms: expected milliseconds, at least 0, received \"late\"",
                          "m.jsonl:6: expect: expected a list of texts, received \"x\"",
                          "m.jsonl:7: file: expected a text of 1 to 2048 bytes, received nothing",
                          "m.jsonl:9: expect: expected a list of texts, received nothing"));
}

TEST(Manifest, AnswersAreComparedByWholeWords) {
  EXPECT_TRUE(says("A Red thing, on the left.", "red"));
  EXPECT_TRUE(says("It went left to right!", "left to right"));
  EXPECT_TRUE(says("Yes.", "yes"));
  EXPECT_FALSE(says("It is tired.", "red"));
  EXPECT_FALSE(says("nobody", "no"));
  EXPECT_FALSE(says("", "no"));
  EXPECT_FALSE(says("anything", "."));
  EXPECT_FALSE(says("person, left, 0.9", "0"));
  EXPECT_TRUE(says("There are 2. None moves.", "2"));
}

TEST(Manifest, AnAnswerIsRightThatSaysWhatIsExpectedAndNothingRejected) {
  EvalItem item;
  item.expect = {"moved", "left to right"};
  item.reject = {"nothing moved", "right to left"};
  EXPECT_TRUE(item.is_right("One thing moved."));
  EXPECT_FALSE(item.is_right("Nothing moved."));
  EXPECT_FALSE(item.is_right("One thing, left to right; one thing, right to left."));
  EXPECT_FALSE(item.is_right("A person."));
  item.expect.clear();
  EXPECT_TRUE(item.is_right("A person."));
  EXPECT_FALSE(item.is_right("It went right to left."));
}

}  // namespace
}  // namespace vedette::daemon::files
