#include "sinks/redis/entry_id.h"

#include <gtest/gtest.h>

#include <limits>

namespace vedette::sinks::redis {
namespace {

TEST(EntryIdClock, FollowsTheTimeAndCountsWithinAMillisecond) {
  EntryIdClock clock;
  EXPECT_EQ(clock.next(100).text(), "100-0");
  EXPECT_EQ(clock.next(100).text(), "100-1");
  EXPECT_EQ(clock.next(101).text(), "101-0");
}

TEST(EntryIdClock, NeverGoesBack) {
  EntryIdClock clock;
  clock.next(500);
  EXPECT_EQ(clock.next(3).text(), "500-1");
  clock.observe({900, 7});
  EXPECT_EQ(clock.next(600).text(), "900-8");
  clock.observe({1, 1});
  EXPECT_EQ(clock.next(600).text(), "900-9");
}

TEST(EntryIdClock, CarriesOverAFullSequence) {
  EntryIdClock clock;
  clock.observe({5, std::numeric_limits<std::uint64_t>::max()});
  EXPECT_EQ(clock.next(1).text(), "6-0");
}

TEST(EntryIdClock, NeverMakesTheForbiddenZero) {
  EntryIdClock clock;
  EXPECT_EQ(clock.next(0).text(), "0-1");
  EXPECT_EQ(clock.next(-5).text(), "0-2");
}

TEST(EntryId, IsReadWholeOrNotAtAll) {
  EXPECT_EQ(parse_entry_id("12-3"), (EntryId{12, 3}));
  EXPECT_EQ(parse_entry_id("18446744073709551615-18446744073709551615"),
            (EntryId{std::numeric_limits<std::uint64_t>::max(), std::numeric_limits<std::uint64_t>::max()}));
  for (const char* bad : {"", "1", "1-", "-1", "1-2x", "a-1", "1 -2", "18446744073709551616-0"}) {
    EXPECT_EQ(parse_entry_id(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace vedette::sinks::redis
