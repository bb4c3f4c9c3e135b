#include "sinks/redis/error.h"

#include <gtest/gtest.h>

#include "sinks/redis/backoff.h"

namespace vedette::sinks::redis {
namespace {

TEST(RedisError, IsClassifiedByItsFirstWord) {
  EXPECT_EQ(classify("OOM command not allowed when used memory > 'maxmemory'."), ErrorClass::kOutOfMemory);
  EXPECT_EQ(classify("-READONLY You can't write against a read only replica."), ErrorClass::kReadOnly);
  EXPECT_EQ(classify("NOAUTH Authentication required."), ErrorClass::kAuth);
  EXPECT_EQ(classify("ERR invalid password"), ErrorClass::kAuth);
  EXPECT_EQ(classify("WRONGTYPE Operation against a key"), ErrorClass::kWrongType);
  EXPECT_EQ(classify("LOADING Redis is loading the dataset in memory"), ErrorClass::kLoading);
  EXPECT_EQ(classify("MISCONF Redis is configured to save RDB snapshots"), ErrorClass::kMisconfigured);
  EXPECT_EQ(classify("NOGROUP No such key"), ErrorClass::kNoGroup);
  EXPECT_EQ(classify("ERR OOM is not the first word"), ErrorClass::kOther);
  EXPECT_EQ(classify(""), ErrorClass::kOther);
}

TEST(RedisError, OnlySomePassByThemselves) {
  EXPECT_TRUE(passes_by_itself(ErrorClass::kOutOfMemory));
  EXPECT_TRUE(passes_by_itself(ErrorClass::kReadOnly));
  EXPECT_FALSE(passes_by_itself(ErrorClass::kWrongType));
  EXPECT_FALSE(passes_by_itself(ErrorClass::kOther));
}

TEST(Backoff, DoublesUpToItsMostAndIsShortenedByAtMostHalf) {
  using std::chrono::milliseconds;
  Backoff backoff(milliseconds(100), milliseconds(500));
  for (const int whole : {100, 200, 400, 500, 500}) {
    const auto wait = backoff.next();
    EXPECT_GE(wait, milliseconds(whole / 2));
    EXPECT_LE(wait, milliseconds(whole));
  }
  backoff.reset();
  EXPECT_LE(backoff.next(), milliseconds(100));
}

}  // namespace
}  // namespace vedette::sinks::redis
