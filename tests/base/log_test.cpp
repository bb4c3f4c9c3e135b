#include "base/log.h"

#include <gtest/gtest.h>

namespace vedette::base {
namespace {

TEST(MaskSecrets, HidesThePasswordOfEveryUrl) {
  EXPECT_EQ(mask_secrets("cannot open rtsp://bob:p@ss@10.0.0.7/x and redis://:hunter2@host:1"),
            "cannot open rtsp://bob:***@10.0.0.7/x and redis://:***@host:1");
}

TEST(MaskSecrets, LeavesTheRestAlone) {
  for (const char* text : {"", "rtsp://host:554/a@b", "rtsp://user@host/", "a://", "no url: at all@here"}) {
    EXPECT_EQ(mask_secrets(text), text);
  }
}

}  // namespace
}  // namespace vedette::base
