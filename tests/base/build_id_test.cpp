#include "base/build_id.h"

#include <gmock/gmock.h>

#include "base/build_id_here.h"

namespace vedette::base {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(BuildId, IsThatOfEveryBinaryOfOneBuild) {
  EXPECT_EQ(build_id(), kBuildIdHere);
  EXPECT_THAT(std::string(build_id()), StartsWith(std::string(kVersion) + "+"));
  EXPECT_EQ(build_mismatch(kBuildIdHere, "libgstvedette.so"), "");
}

TEST(BuildId, NamesBothSidesOfAMismatch) {
  const std::string message = build_mismatch("0.0.9+older", "libgstvedette.so");
  EXPECT_THAT(message, HasSubstr("libgstvedette.so is of build 0.0.9+older"));
  EXPECT_THAT(message, HasSubstr(std::string(build_id())));
}

}  // namespace
}  // namespace vedette::base
