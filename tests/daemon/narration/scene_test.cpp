#include "daemon/narration/scene.h"

#include <gtest/gtest.h>

namespace vedette::daemon::narration {
namespace {

using models::runtime::Sighting;

Scene seeing(std::vector<Sighting> sightings) {
  Scene scene;
  scene.sightings = std::move(sightings);
  scene.has_heads = true;
  return scene;
}

TEST(Scene, NamesWhatIsSureAndNothingElse) {
  EXPECT_EQ(sentence_of(seeing({{"person", "middle", 0.8F}})), "A person in the middle.");
  EXPECT_EQ(
      sentence_of(seeing({{"red vehicle", "left", 0.9F}, {"person", "right", 0.7F}, {"animal", "", 0.65F}})),
      "A red vehicle on the left, a person on the right and an animal.");
  EXPECT_EQ(sentence_of(seeing({{"person", "left", 0.9F}, {"person", "left", 0.8F}})),
            "Two people on the left.");
  EXPECT_EQ(sentence_of(seeing({{"person", "left", 0.4F}})), "Something on the left.");
  EXPECT_EQ(sentence_of(seeing({{"person", "left", 0.3F}, {"nothing", "", 0.9F}})), "Nothing stands out.");
  EXPECT_EQ(sentence_of(Scene{}), "Nothing moves.");
}

TEST(Scene, TellsWhatIsMeasured) {
  Scene scene = seeing({});
  scene.moves = {"one thing, right to left, enters"};
  EXPECT_EQ(sentence_of(scene), "Something moves: one thing, right to left, enters.");
  scene.sightings = {{"person", "middle", 0.8F}};
  scene.sounds = {"dog"};
  EXPECT_EQ(sentence_of(scene),
            "A person in the middle. Moving: one thing, right to left, enters. There is the sound of dog.");
  scene.moves.clear();
  scene.view = {"the camera shakes"};
  EXPECT_EQ(sentence_of(scene), "A person in the middle. The camera shakes. There is the sound of dog.");
  scene.conditions = {"sound_clipped", "picture_frozen"};
  EXPECT_EQ(sentence_of(seeing({})), "Nothing stands out.");
  EXPECT_TRUE(sentence_of(scene).starts_with("The picture is frozen. A person"));
  scene.conditions = {"picture_black"};
  EXPECT_EQ(sentence_of(scene), "The picture is black.");
  scene.conditions = {"picture_noisy", "picture_blurred"};
  EXPECT_TRUE(sentence_of(scene).starts_with("The picture is noisy. A person"));
  scene.conditions = {"picture_covered"};
  EXPECT_EQ(sentence_of(scene), "The camera is covered.");
  scene.conditions = {"picture_absent"};
  EXPECT_EQ(sentence_of(scene), "There is no picture.");
}

TEST(Scene, WritesSightingsAsTheTimelineShowsThem) {
  EXPECT_EQ(sighting_text({{"person", "middle", 0.83F}, {"vehicle", "left", 0.4F}}),
            "person, middle, 0.8; something, left, 0.4");
  EXPECT_EQ(sighting_text({{"person", "middle", 0.2F}}), "nothing, 0.8");
  EXPECT_EQ(sighting_text({{"nothing", "", 0.9F}}), "nothing, 0.9");
  EXPECT_EQ(sighting_text({}), "nothing, 1.0");
  EXPECT_EQ(names_of({{"person", "left", 0.9F}, {"animal", "left", 0.7F}}),
            names_of({{"animal", "left", 0.95F}, {"person", "left", 0.7F}}));
  EXPECT_NE(names_of({{"person", "left", 0.9F}}), names_of({{"person", "right", 0.9F}}));
  EXPECT_NE(names_of({{"person", "left", 0.9F}}), names_of({}));
}

TEST(Scene, DoubtsOnlyWhatIsNotTold) {
  const std::vector<Sighting> likely{{"person", "", 0.4F, true}, {"vehicle", "", 0.6F, true}};
  EXPECT_EQ(doubt_text({{"something", "left", 0.8F}}, likely), "; perhaps person; perhaps vehicle");
  EXPECT_EQ(doubt_text({{"red vehicle", "left", 0.8F}, {"person", "left", 0.4F}}, likely),
            "; perhaps person");
  EXPECT_EQ(doubt_text({{"nothing", "", 0.9F}}, likely), "");
  EXPECT_EQ(doubt_text({{"something", "left", 0.8F}}, {}), "");
}

TEST(Scene, KnowsWhatACaptionInvents) {
  const std::vector<std::string> classes{"person", "vehicle", "dog"};
  const std::vector<std::string> facts{"red vehicle, left, 0.9", "two things, left to right"};
  EXPECT_TRUE(names_unknown("A person walks by.", classes, facts));
  EXPECT_TRUE(names_unknown("People walk by.", classes, facts));
  EXPECT_FALSE(names_unknown("A VEHICLE drives.", classes, facts));
  EXPECT_FALSE(names_unknown("Two vehicles drive.", classes, facts));
  EXPECT_FALSE(names_unknown("A personal matter.", classes, facts));
  EXPECT_FALSE(names_unknown("Something moves.", classes, facts));
  EXPECT_FALSE(names_unknown("A person.", {}, {}));
}

}  // namespace
}  // namespace vedette::daemon::narration
