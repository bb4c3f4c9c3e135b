#include "daemon/settings/units.h"

#include <gtest/gtest.h>

namespace vedette::daemon::settings {
namespace {

using namespace std::chrono_literals;

TEST(Units, Durations) {
  EXPECT_EQ(parse_duration("200ms"), 200ms);
  EXPECT_EQ(parse_duration("5 s"), 5s);
  EXPECT_EQ(parse_duration("1.5min"), 90s);
  EXPECT_EQ(parse_duration("2h"), 2h);
  EXPECT_EQ(parse_duration("7d"), 168h);
  EXPECT_EQ(parse_duration("0"), 0s);
  for (const char* text :
       {"", "5", "s", "-5s", "5 m", "5 S", "1h30min", "nan s", "inf s", "1e99d", "0x5s", "5s5"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Units, Sizes) {
  EXPECT_EQ(parse_size("200 MB"), 200'000'000U);
  EXPECT_EQ(parse_size("64KiB"), 65536U);
  EXPECT_EQ(parse_size("1.5 GB"), 1'500'000'000U);
  EXPECT_EQ(parse_size("100 B"), 100U);
  for (const char* text : {"", "200", "MB", "-1 MB", "200 mb", "9999999999 GB"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(Units, Rates) {
  EXPECT_EQ(parse_rate("1 fps"), 1.0);
  EXPECT_EQ(parse_rate("0.5fps"), 0.5);
  for (const char* text : {"", "1", "fps", "-1 fps", "1 hz"})
    EXPECT_EQ(parse_rate(text), std::nullopt) << text;
}

TEST(Units, Utc) {
  EXPECT_EQ(parse_utc("1970-01-01T00:00:00Z"), 0s);
  EXPECT_EQ(parse_utc("2026-03-01T12:00:00Z"), 1772366400s);
  EXPECT_EQ(parse_utc("2026-03-01 12:00:00.25Z"), 1772366400s + 250ms);
  for (const char* text :
       {"", "2026-03-01", "2026-03-01T12:00:00", "2026-02-30T12:00:00Z", "2026-03-01T25:00:00Z",
        "2026-03-01T12:00:00.Z", "2026-03-01T12:00:00.1234567890123Z", "+026-03-01T12:00:00Z"}) {
    EXPECT_EQ(parse_utc(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace vedette::daemon::settings
