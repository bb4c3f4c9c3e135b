// What the command does with a wrong command line.
#include <gmock/gmock.h>

#include "tests/cli/vedette.h"

namespace vedette::test {
namespace {

using testing::HasSubstr;

TEST(Command, HelpAndVersionAreNoErrors) {
  const auto help = vedette({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, HasSubstr("models"));
  EXPECT_THAT(help.out, HasSubstr("check"));
  EXPECT_EQ(vedette({"--version"}).out.rfind("vedette ", 0), 0U);
  EXPECT_EQ(vedette({"models", "tokenize", "--help"}).code, 0);
}

TEST(Command, AGpuThatCannotBeUsedEndsWithThree) {
  const auto done =
      vedette({"caption", "/usr/share/codec2/wav/hts1a.wav", "--model", "/tmp", "--device", "cuda"});
  EXPECT_EQ(done.code, 3);
  EXPECT_THAT(done.err, HasSubstr("device cuda: "));
}

TEST(Command, WrongUsageEndsWithTwo) {
  const std::vector<std::vector<std::string>> wrong{
      {},
      {"nonsense"},
      {"models"},
      {"models", "nonsense"},
      {"models", "inspect"},
      {"models", "inspect", "a", "--nonsense"},
      {"models", "eval", "a", "--inputs", "/nowhere", "--outputs", "b"},
      {"models", "bench", "a", "--dtype", "f64"},
      {"caption", "a.wav", "--device", "gpu"},
      {"caption", "a.wav", "--start-time", "yesterday"},
      {"models", "bench", "a", "--repeats", "0"}};
  for (const auto& arguments : wrong) {
    const auto result = vedette(arguments);
    EXPECT_EQ(result.code, 2) << testing::PrintToString(arguments);
    EXPECT_NE(result.err, "");
    EXPECT_EQ(result.out, "");
  }
}

}  // namespace
}  // namespace vedette::test
