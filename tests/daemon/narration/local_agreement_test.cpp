#include "daemon/narration/local_agreement.h"

#include <gtest/gtest.h>

#include "tests/daemon/narration/support.h"

namespace vedette::daemon::narration {
namespace {

LocalAgreementOptions plain() {
  LocalAgreementOptions options;
  options.follow_up = nanoseconds(0);
  return options;
}

TEST(LocalAgreement, CommitsWhatTwoPassesShare) {
  LocalAgreement agreement(plain());
  EXPECT_TRUE(
      agreement.pass(words("And 0.1-0.3 so, 0.4-0.8 my 0.9-1.0"), seconds(0), seconds(1), false).empty());
  EXPECT_EQ(joined(agreement.tentative()), "And so,");  // "my" touches the window's end
  const auto committed = agreement.pass(words("and 0.1-0.3 so 0.4-0.8 mayor 0.9-1.2 fell 1.3-1.5"),
                                        seconds(0), seconds(2), false);
  EXPECT_EQ(joined(committed), "and so");
  EXPECT_EQ(joined(agreement.tentative()), "mayor fell");
  EXPECT_EQ(agreement.committed_end(), milliseconds(800));
}

TEST(LocalAgreement, WaitsForSoundBehindAWord) {
  LocalAgreementOptions options;
  options.follow_up = milliseconds(500);
  LocalAgreement agreement(options);
  const auto heard = words("ask 0.0-0.3 not 1.1-1.6");
  agreement.pass(heard, seconds(0), milliseconds(1700), false);
  EXPECT_EQ(joined(agreement.pass(heard, seconds(0), seconds(2), false)), "ask");
  EXPECT_EQ(joined(agreement.tentative()), "not");
  EXPECT_EQ(joined(agreement.pass(heard, seconds(0), milliseconds(2100), false)), "not");
}

TEST(LocalAgreement, NeverTakesBackWhatIsCommitted) {
  LocalAgreement agreement(plain());
  agreement.pass(words("ask 0.0-0.3 not 0.4-0.8"), seconds(0), seconds(1), false);
  agreement.pass(words("ask 0.0-0.3 not 0.4-0.8 what 0.9-1.1"), seconds(0), seconds(2), false);
  // A wrong revision of the committed words, with what follows them right.
  const auto committed = agreement.pass(words("and 0.0-0.3 knot 0.4-0.8 what 0.9-1.1 you 1.2-1.4"),
                                        seconds(0), seconds(3), false);
  EXPECT_EQ(joined(committed), "what");
}

TEST(LocalAgreement, DropsCommittedWordsWhoseTimesMoved) {
  LocalAgreement agreement(plain());
  agreement.pass(words("ask 0.0-0.3 not 0.4-0.8"), seconds(0), seconds(1), false);
  agreement.pass(words("ask 0.0-0.3 not 0.4-0.8 what 0.9-1.1"), seconds(0), seconds(2), false);
  agreement.pass(words("ask 0.3-0.7 not 0.8-1.1 what 1.2-1.3 you 1.4-1.6"), seconds(0), seconds(3), false);
  EXPECT_EQ(joined(agreement.tentative()),
            "you");  // "what" was agreed on by two passes, "ask not" not repeated
}

TEST(LocalAgreement, LosesNoWordBehindACommittedOneWhoseEndWasTooLate) {
  LocalAgreement agreement;
  agreement.pass(words("The 5.2-5.9"), seconds(5), seconds(6), false);
  agreement.pass(words("The 5.2-6.4 driver 6.5-6.8"), seconds(5), seconds(7), false);
  const auto committed = agreement.pass(words("The 5.3-5.6 driver 5.7-6.2 needs 6.3-6.9 a 7.0-7.1"),
                                        seconds(5), seconds(8), false);
  EXPECT_EQ(joined(committed), "driver");
  EXPECT_EQ(joined(agreement.tentative()), "needs a");
}

TEST(LocalAgreement, KeepsAWordThatIsSaidTwice) {
  LocalAgreement agreement(plain());
  agreement.pass(words("no 0.0-0.3"), seconds(0), seconds(1), false);
  EXPECT_EQ(joined(agreement.pass(words("no 0.0-0.3 no 0.9-1.2"), seconds(0), seconds(2), false)), "no");
  EXPECT_EQ(
      joined(agreement.pass(words("no 0.0-0.3 no 0.9-1.2 never 2.0-2.4"), seconds(0), seconds(3), false)),
      "no");
}

TEST(LocalAgreement, OneEmptyPassWithdrawsNothing) {
  LocalAgreement agreement(plain());
  agreement.pass(words("ask 0.0-0.3 not 0.4-0.8"), seconds(0), seconds(1), false);
  EXPECT_TRUE(agreement.pass({}, seconds(0), seconds(2), false).empty());
  EXPECT_EQ(joined(agreement.tentative()), "ask not");
  EXPECT_EQ(joined(agreement.pass(words("ask 0.0-0.3 not 0.4-0.8"), seconds(0), seconds(3), false)),
            "ask not");
}

TEST(LocalAgreement, TwoEmptyPassesDo) {
  LocalAgreement agreement(plain());
  agreement.pass(words("you 0.0-0.3"), seconds(0), seconds(1), false);
  agreement.pass({}, seconds(0), seconds(2), false);
  agreement.pass({}, seconds(0), seconds(3), false);
  EXPECT_TRUE(agreement.tentative().empty());
  EXPECT_TRUE(agreement.settle(seconds(4)).empty());
}

TEST(LocalAgreement, SettlesTheRestInSilenceAndAtTheEnd) {
  LocalAgreement agreement(plain());
  agreement.pass(words("ask 0.0-0.3 not 0.4-1.0"), seconds(0), seconds(1), false);
  EXPECT_EQ(joined(agreement.settle(seconds(3))), "ask not");  // the tail that was not shown as well
  EXPECT_EQ(agreement.cut(), seconds(0));                      // what was said is context for what comes
  EXPECT_EQ(joined(agreement.pass(words("what 3.1-3.4"), seconds(3), seconds(4), true)), "what");
}

TEST(LocalAgreement, LetsNoiseWithoutWordsGoInSilence) {
  LocalAgreement agreement(plain());
  agreement.pass({}, seconds(0), seconds(3), false);
  EXPECT_TRUE(agreement.settle(seconds(4)).empty());
  EXPECT_EQ(agreement.cut(), seconds(3));  // a second of it leads in what may come
}

TEST(LocalAgreement, CommitsWhatTheWindowLeftBehind) {
  LocalAgreement agreement(plain());
  agreement.pass(words("ask 0.0-0.3 not 0.4-0.8 what 4.0-4.4"), seconds(0), seconds(5), false);
  EXPECT_EQ(joined(agreement.pass(words("wot 4.0-4.4 you 4.5-4.8"), seconds(4), seconds(6), false)),
            "ask not");
}

TEST(LocalAgreement, CommitsAfterAWhileWhatPassesDisagreeAbout) {
  LocalAgreementOptions options = plain();
  options.certain_after = milliseconds(1500);
  LocalAgreement agreement(options);
  agreement.pass(words("van 0.1-0.5 stopped 0.6-1.0"), seconds(0), seconds(2), false);
  EXPECT_TRUE(agreement.pass(words("man 0.1-0.6 stopped 0.6-1.0"), seconds(0), seconds(2), false).empty());
  EXPECT_EQ(joined(agreement.pass(words("fan 0.1-0.5 topped 1.6-1.9"), seconds(0), seconds(3), false)),
            "fan");
  EXPECT_EQ(joined(agreement.tentative()), "topped");
}

TEST(LocalAgreement, CommitsNothingThatIsHeardForTheFirstTime) {
  LocalAgreementOptions options = plain();
  options.certain_after = milliseconds(1500);
  LocalAgreement agreement(options);
  EXPECT_TRUE(agreement.pass(words("and 0.1-0.5 so 0.6-1.0"), seconds(0), seconds(4), false).empty());
}

TEST(LocalAgreement, TakesNoCommittedWordForANewOneBecauseItIsHeardDifferently) {
  LocalAgreement agreement(plain());
  agreement.pass(words("the 0.1-0.3 blue 0.4-0.8 moor 0.9-1.3"), seconds(0), seconds(2), false);
  agreement.pass(words("the 0.1-0.3 blue 0.4-0.8 moor 0.9-1.3"), seconds(0), seconds(3), false);
  // In the silence behind it its end may be anywhere.
  agreement.pass(words("the 0.1-0.3 blue 0.4-0.8 mower 0.9-3.6"), seconds(0), seconds(4), false);
  EXPECT_TRUE(agreement.tentative().empty());
  const auto again = words("the 0.1-0.3 new 0.4-0.8 mower 0.9-3.6 Please 4.1-4.4 leave 4.5-4.7");
  agreement.pass(again, seconds(0), seconds(5), false);
  EXPECT_EQ(joined(agreement.tentative()), "Please leave");
}

TEST(LocalAgreement, CutsBehindASentenceAndKeepsTheNextAsContext) {
  LocalAgreementOptions options = plain();
  options.kept = seconds(2);
  LocalAgreement agreement(options);
  std::string text = "Ask 0.0-0.3 what 0.4-1.2 you 1.3-1.6 can. 1.7-2.5 Now 2.7-2.9 go 3.0-3.2 ";
  agreement.pass(words(text), seconds(0), seconds(4), false);
  agreement.pass(words(text), seconds(0), seconds(4), false);
  EXPECT_EQ(agreement.cut(), seconds(0));  // less than `kept` is committed behind "can."
  text += "and 3.4-3.8 see 4.0-4.6";
  agreement.pass(words(text), seconds(0), seconds(5), false);
  agreement.pass(words(text), seconds(0), seconds(6), false);
  EXPECT_EQ(agreement.cut(), milliseconds(2500) + milliseconds(100));  // midway to "Now"
}

TEST(LocalAgreement, CutsALongWindowBehindTheLastSentence) {
  LocalAgreementOptions options = plain();
  options.long_window = seconds(4);
  LocalAgreement agreement(options);
  const auto heard = words("Ask 0.0-0.9 me. 1.0-1.8 Now 2.7-2.9 go 3.0-3.2");
  agreement.pass(heard, seconds(0), seconds(4), false);
  agreement.pass(heard, seconds(0), seconds(4), false);
  EXPECT_EQ(agreement.cut(), seconds(0));
  agreement.pass(words("Ask 0.0-0.9 me. 1.0-1.8 Now 2.7-2.9 go 3.0-3.2 on 4.5-4.9"), seconds(0), seconds(5),
                 false);
  EXPECT_EQ(agreement.cut(), milliseconds(3200) + milliseconds(200));  // a pause follows "go"
}

TEST(LocalAgreement, CutsALongWindowAnywhere) {
  LocalAgreement agreement(plain());
  std::string text;
  for (int i = 0; i < 16; ++i)
    text += "w" + std::to_string(i) + " " + std::to_string(i) + ".0-" + std::to_string(i) + ".9 ";
  agreement.pass(words(text), seconds(0), seconds(16), false);
  agreement.pass(words(text + "tail 16.0-16.9"), seconds(0), seconds(17), false);
  EXPECT_EQ(agreement.cut(), milliseconds(10900) + milliseconds(50));  // 5 s of committed words stay
}

}  // namespace
}  // namespace vedette::daemon::narration
