#include "sinks/redis/url.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace vedette::sinks::redis {
namespace {

TEST(RedisUrl, ReadsHostPortAndDatabase) {
  const Url url = parse_url("redis://10.0.0.7:7000/3");
  EXPECT_EQ(url.host, "10.0.0.7");
  EXPECT_EQ(url.port, 7000);
  EXPECT_EQ(url.database, 3);
  EXPECT_EQ(url.shown(), "10.0.0.7:7000/3");
}

TEST(RedisUrl, HasDefaults) {
  const Url url = parse_url("redis://db.local");
  EXPECT_EQ(url.host, "db.local");
  EXPECT_EQ(url.port, 6379);
  EXPECT_EQ(url.database, 0);
  EXPECT_TRUE(url.password.empty());
}

TEST(RedisUrl, ReadsEncodedCredentialsAndDoesNotShowThem) {
  const Url url = parse_url("redis://bob:p%40s%2Fs@h:1/0");
  EXPECT_EQ(url.user, "bob");
  EXPECT_EQ(url.password, "p@s/s");
  EXPECT_EQ(url.shown().find("p@s"), std::string::npos);
  EXPECT_EQ(parse_url("redis://:x@h").password, "x");
}

TEST(RedisUrl, ReadsIpv6AndUnixSockets) {
  EXPECT_EQ(parse_url("redis://[::1]:7/1").host, "::1");
  EXPECT_EQ(parse_url("redis://[::1]:7/1").port, 7);
  const Url url = parse_url("unix://:pw@/run/redis.sock?db=2");
  EXPECT_EQ(url.unix_path, "/run/redis.sock");
  EXPECT_EQ(url.database, 2);
  EXPECT_EQ(url.password, "pw");
}

TEST(RedisUrl, SaysWhatIsWrong) {
  const auto message = [](const char* text) -> std::string {
    try {
      parse_url(text);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_NE(message("http://h").find("begins neither"), std::string::npos);
  EXPECT_NE(message("").find("begins neither"), std::string::npos);
  EXPECT_NE(message("rediss://h").find("TLS"), std::string::npos);
  EXPECT_NE(message("redis://").find("no host"), std::string::npos);
  EXPECT_NE(message("redis://h:99999").find("1 to 65535, not \"99999\""), std::string::npos);
  EXPECT_NE(message("redis://h/x").find("db must be a number"), std::string::npos);
  EXPECT_NE(message("redis://[::1").find("[ without ]"), std::string::npos);
  EXPECT_NE(message("redis://a:%4@h").find("hexadecimal"), std::string::npos);
  EXPECT_NE(message("unix://relative").find("begin with /"), std::string::npos);
  EXPECT_EQ(message("redis://bob:secret@h:x").find("secret"), std::string::npos);
}

}  // namespace
}  // namespace vedette::sinks::redis
