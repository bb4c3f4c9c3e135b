#include "daemon/evidence/picture_file.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace vedette::daemon::evidence {
namespace {

TEST(PictureFile, IsKnownByItsPath) {
  const auto file = picture_file("/var/lib/vedette/evidence/gate/1700000000123.jpg");
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->stream, "gate");
  EXPECT_EQ(file->written_ms, 1'700'000'000'123);
  for (const char* path :
       {"", "17.jpg", "/gate/", "/gate/x.jpg", "/gate/.jpg", "/gate/17.png", "/gate/17.jpg.unfinished",
        "/Gate/17.jpg", "/../17.jpg", "/gate/-17.jpg", "/gate/99999999999999999999.jpg"})
    EXPECT_FALSE(picture_file(path).has_value()) << path;
}

TEST(PictureFile, IsReadFromItsFolderOnly) {
  const test::TemporaryFolder folder;
  folder.write("evidence/gate/17.jpg", "picture");
  folder.write("gate/17.jpg", "outside");
  std::filesystem::create_directories(folder.path() / "evidence" / "gate" / "18.jpg");
  const auto evidence = folder.path() / "evidence";
  EXPECT_EQ(read_picture(evidence, "gate", 17), "picture");
  EXPECT_EQ(read_picture(evidence, "gate", 18), "") << "a folder";
  EXPECT_EQ(read_picture(evidence, "gate", 19), "");
  EXPECT_EQ(read_picture(evidence, "../gate", 17), "");
  EXPECT_EQ(read_picture(evidence, "", 17), "");
  EXPECT_EQ(read_picture("", "gate", 17), "") << "no pictures are kept";
}

}  // namespace
}  // namespace vedette::daemon::evidence
