#include <gmock/gmock.h>

#include "sinks/redis/coverage_queue.h"
#include "sinks/redis/reader.h"
#include "tests/sinks/redis/publisher_fixture.h"

namespace vedette::sinks::redis {
namespace {

using testing::ElementsAre;
using testing::SizeIs;
using tests::eventually;
using tests::RedisClient;
using tests::RedisServer;

constexpr std::int64_t kDay = 1'700'006'400;  // 2023-11-15T00:00:00Z
constexpr const char* kAudio = "vedette:{gate}:coverage:audio:2023-11-15";

MATCHER_P3(IsPiece, modality, first, letters, "") {
  return arg.modality == modality && arg.first == first && arg.letters == letters;
}

TEST(CoverageQueue, GivesWhatLiesInOneDay) {
  CoverageQueue queue;
  queue.add("audio", kDay - 2, "ab");
  queue.add("audio", kDay, "cd");
  queue.add("video", kDay, "v");
  queue.add("audio", kDay + 9, "e");
  auto pieces = queue.next();
  ASSERT_THAT(pieces, ElementsAre(IsPiece("audio", kDay - 2, "ab"), IsPiece("video", kDay, "v")));
  for (const auto& piece : pieces) queue.written(piece);
  pieces = queue.next();
  ASSERT_THAT(pieces, ElementsAre(IsPiece("audio", kDay, "cd")));
  queue.add("audio", kDay + 10, "f");
  queue.written(pieces[0]);
  queue.written(pieces[0]);  // a second time: nothing
  pieces = queue.next();
  ASSERT_THAT(pieces, ElementsAre(IsPiece("audio", kDay + 9, "ef")));
  queue.written(pieces[0]);
  EXPECT_TRUE(queue.empty());
}

TEST(CoverageQueue, ALetterStandsAtItsSecondInTheStringOfItsDay) {
  const CoveragePlace last = coverage_place("gate", "audio", kDay - 1),
                      first = coverage_place("gate", "audio", kDay);
  EXPECT_EQ(last.key, "vedette:{gate}:coverage:audio:2023-11-14");
  EXPECT_EQ(last.offset, 86399);
  EXPECT_EQ(first.key, kAudio);
  EXPECT_EQ(first.offset, 0);
}

TEST(CoverageQueue, WhatIsRefusedIsLost) {
  CoverageQueue queue;
  queue.add("audio", kDay, "abc");
  const auto pieces = queue.next();
  queue.refused(pieces[0]);
  queue.refused(pieces[0]);  // a second time: nothing
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.lost(), 3U);
}

TEST(CoverageQueue, KeepsTheNewestHours) {
  CoverageQueue queue;
  for (std::int64_t i = 0; i < 10'000; ++i) queue.add("audio", kDay + 10 * i, "abcdefghij");
  EXPECT_EQ(queue.lost(), 100'000U - 6 * 3600);
  const auto before = queue.next();
  queue.add("audio", kDay + 100'000, std::string(5000, 'x'));
  queue.written(before[0]);  // of which a part was dropped meanwhile
  std::size_t rest = 0;
  for (auto pieces = queue.next(); !pieces.empty(); pieces = queue.next()) {
    ASSERT_THAT(pieces, SizeIs(1));
    rest += pieces[0].letters.size();
    queue.written(pieces[0]);
  }
  EXPECT_LE(rest, 6U * 3600);
  EXPECT_GT(rest, 5000U);
}

TEST(RedisCoverage, LettersStandAtTheirSecondOfTheDay) {
  RedisServer server;
  RedisClient client(server.url());
  PublisherOptions options = quick(server.url());
  options.retention = std::chrono::hours(1);
  RedisPublisher publisher(options);
  publisher.set_streams({"gate"});
  ASSERT_TRUE(owns(publisher));
  publisher.publish_coverage("gate", "audio", kDay - 1, "naaag");
  publisher.publish_coverage("gate", "audio", kDay + 7, "x");
  publisher.publish_coverage("gate", "audio", kDay + 1, "s");  // a clock that was set back
  publisher.publish_coverage("nobody", "audio", kDay, "a");
  Reader reader(parse_url(server.url()));
  const std::string expected("asag\0\0\0x", 8);
  EXPECT_TRUE(eventually([&] { return reader.range(kAudio, 0, 9) == expected; }))
      << reader.range(kAudio, 0, 9);
  EXPECT_EQ(reader.range("vedette:{gate}:coverage:audio:2023-11-14", 86399, 86399), "n");
  EXPECT_EQ(reader.range("vedette:{gate}:coverage:video:2023-11-15", 0, 9), "");
  const int keep_ms = std::stoi(client.run({"PTTL", kAudio}));
  EXPECT_GT(keep_ms, 0);
  EXPECT_LE(keep_ms, 3'600'000);
}

TEST(RedisCoverage, AnOutageCostsNone) {
  RedisServer server;
  RedisPublisher publisher(quick(server.url()));
  publisher.set_streams({"gate"});
  ASSERT_TRUE(owns(publisher));
  server.pause();
  publisher.publish_coverage("gate", "audio", kDay, "aa");
  publisher.publish_coverage("gate", "audio", kDay + 2, "gg");
  server.resume();
  Reader reader(parse_url(server.url()));
  EXPECT_TRUE(eventually([&] { return reader.range(kAudio, 0, 9) == "aagg"; }));
  publisher.publish_coverage("gate", "audio", kDay + 4, "x");
  publisher.stop();  // writes what waits
  EXPECT_EQ(reader.range(kAudio, 0, 9), "aaggx");
  EXPECT_EQ(stats_of(publisher).coverage_lost, 0U);
}

TEST(RedisCoverage, OnlyTheOwnerWrites) {
  RedisServer server;
  RedisClient client(server.url());
  PublisherOptions options = quick(server.url(), "sleeper");
  options.lease_renewal = std::chrono::hours(1);  // it does not notice by itself
  options.lease = std::chrono::hours(1);
  RedisPublisher publisher(options);
  publisher.set_streams({"gate"});
  ASSERT_TRUE(owns(publisher));
  client.run({"SET", "vedette:{gate}:owner", "other", "PX", "60000"});
  publisher.publish_coverage("gate", "audio", kDay, "a");
  EXPECT_TRUE(eventually([&] { return publisher.owner("gate") == "other"; }));
  EXPECT_EQ(client.run({"EXISTS", kAudio}), "0");
}

TEST(RedisCoverage, AKeyOfAnotherTypeCostsOnlyItself) {
  RedisServer server;
  RedisClient client(server.url());
  client.run({"LPUSH", kAudio, "x"});
  RedisPublisher publisher(quick(server.url()));
  publisher.set_streams({"gate"});
  publisher.publish_coverage("gate", "audio", kDay, "a");
  publisher.publish_coverage("gate", "video", kDay, "v");
  EXPECT_EQ(publisher.publish(a_record(1)), PublishOutcome::kAccepted);
  EXPECT_TRUE(eventually([&] { return stats_of(publisher).written == 1; }));
  Reader reader(parse_url(server.url()));
  EXPECT_TRUE(
      eventually([&] { return reader.range("vedette:{gate}:coverage:video:2023-11-15", 0, 9) == "v"; }));
}

}  // namespace
}  // namespace vedette::sinks::redis
