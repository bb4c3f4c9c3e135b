#include "base/log.h"

#include <gtest/gtest.h>

namespace vedette::base {
namespace {

TEST(MaskSecrets, HidesThePasswordOfEveryUrl) {
  EXPECT_EQ(mask_secrets("cannot open rtsp://bob:p@ss@10.0.0.7/x and redis://:hunter2@host:1"),
            "cannot open rtsp://bob:***@10.0.0.7/x and redis://:***@host:1");
}

TEST(MaskSecrets, HidesSecretsOfAQuery) {
  EXPECT_EQ(
      mask_secrets(
          "no 'srt://h:1?mode=caller&passphrase=hunter2hunter2&latency=5' and https://h/a.m3u8?Token=x#f"),
      "no 'srt://h:1?mode=caller&passphrase=***&latency=5' and https://h/a.m3u8?Token=***#f");
  EXPECT_EQ(mask_secrets("rtsp://u:p@h/a?key="), "rtsp://u:***@h/a?key=***");
}

TEST(MaskSecrets, LeavesTheRestAlone) {
  for (const char* text : {"srt://h:1?mode=caller", "key=5", "a ? b = c", "monkey=1&latency=2", "",
                           "rtsp://host:554/a@b", "rtsp://user@host/", "a://", "no url: at all@here"}) {
    EXPECT_EQ(mask_secrets(text), text);
  }
}

}  // namespace
}  // namespace vedette::base
