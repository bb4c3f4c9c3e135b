#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "daemon/doctor/access.h"
#include "daemon/doctor/checks.h"
#include "tests/support/redis_server.h"
#include "tests/support/temporary_folder.h"

namespace vedette::daemon::doctor {
namespace {

namespace fs = std::filesystem;
using sinks::redis::Error;
using sinks::redis::ErrorClass;
using sinks::redis::Examination;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t kMB = 1'000'000;

Examination good_redis() {
  Examination found;
  found.version = "7.0.15";
  found.used_bytes = 10 * kMB;
  found.most_bytes = 1000 * kMB;
  found.policy = "noeviction";
  found.append_only = found.saves = true;
  return found;
}

std::vector<Level> levels(const Findings& findings) {
  std::vector<Level> found;
  for (const Finding& finding : findings) found.push_back(finding.level);
  return found;
}

TEST(JudgeRedis, AGoodOneIsOk) {
  const Findings findings = judge_redis("127.0.0.1:6379/0", good_redis());
  ASSERT_THAT(levels(findings), ElementsAre(Level::kOk));
  EXPECT_EQ(findings[0].text, "127.0.0.1:6379/0 is there and can be written, version 7.0.15");
}

TEST(JudgeRedis, EveryDefectIsToldWithWhatToDo) {
  const auto change = [](auto&& edit) {
    Examination found = good_redis();
    edit(found);
    return judge_redis("r", found).back();
  };
  const Finding away = change([](Examination& r) {
    r.unreachable = Error{ErrorClass::kConnection, "refused"};
  });
  EXPECT_EQ(away.level, Level::kProblem);
  EXPECT_THAT(away.text, HasSubstr("refused"));
  const Finding password = change([](Examination& r) { r.unreachable = Error{ErrorClass::kAuth, "NOAUTH"}; });
  EXPECT_THAT(password.todo, HasSubstr("password"));
  const Finding replica = change([](Examination& r) {
    r.write_refused = Error{ErrorClass::kReadOnly, "READONLY"};
  });
  EXPECT_EQ(replica.level, Level::kProblem);
  EXPECT_THAT(replica.todo, HasSubstr("primary"));
  EXPECT_EQ(change([](Examination& r) { r.version = "6.2.1"; }).level, Level::kProblem);
  EXPECT_THAT(change([](Examination& r) { r.most_bytes = 0; }).todo, HasSubstr("maxmemory"));
  EXPECT_THAT(change([](Examination& r) { r.policy = "allkeys-lru"; }).todo, HasSubstr("noeviction"));
  EXPECT_THAT(change([](Examination& r) { r.used_bytes = 950 * kMB; }).text,
              HasSubstr("nearly full: 950 MB of 1.0 GB"));
  EXPECT_THAT(change([](Examination& r) { r.append_only = false; }).text,
              HasSubstr("since its last snapshot"));
  EXPECT_THAT(change([](Examination& r) { r.append_only = r.saves = false; }).text,
              HasSubstr("nothing on disk"));
  EXPECT_THAT(change([](Examination& r) { r.last_save_failed = true; }).text, HasSubstr("last save failed"));
}

TEST(JudgeRedis, OfOneThatDoesNotSayMoreNothingMoreIsSaid) {
  EXPECT_THAT(levels(judge_redis("r", Examination())), ElementsAre(Level::kOk));
}

TEST(JudgeRoom, TheQuotaMustFitBesideWhatIsThere) {
  EXPECT_EQ(judge_room("/e", 200 * kMB, 50 * kMB, 1000 * kMB).level, Level::kOk);
  EXPECT_EQ(judge_room("/e", 200 * kMB, 50 * kMB, 200 * kMB).level, Level::kWarning);  // 100 MB stay free
  EXPECT_EQ(judge_room("/e", 200 * kMB, 200 * kMB, 150 * kMB).level, Level::kOk);  // nothing more is wanted
  EXPECT_EQ(judge_room("/e", 200 * kMB, 300 * kMB, 50 * kMB).level, Level::kWarning);
  EXPECT_EQ(judge_room("/e", 200 * kMB, 50 * kMB, 2500 * kMB).text,
            "/e: 50 MB of 200 MB used, 2.5 GB free on the disk");
}

TEST(JudgeMemory, GrowsWithStreamsAndModels) {
  const std::uint64_t one = estimate_memory(300 * kMB, 256 * kMB, 1);
  EXPECT_EQ(estimate_memory(300 * kMB, 256 * kMB, 11) - one, 600 * kMB);
  EXPECT_EQ(estimate_memory(400 * kMB, 256 * kMB, 1) - one, 100 * kMB);
  EXPECT_EQ(judge_memory(800 * kMB, 4000 * kMB, 2).level, Level::kOk);
  EXPECT_EQ(judge_memory(800 * kMB, 900 * kMB, 2).level, Level::kWarning);
  EXPECT_EQ(judge_memory(800 * kMB, 700 * kMB, 2).level, Level::kProblem);
}

TEST(JudgeStream, AFailureIsAProblemAndAdviceAWarning) {
  settings::StreamSettings stream;
  stream.id = "gate";
  probe::ProbeReport report;
  report.source = "rtsp://guard:***@10.0.0.7/";
  report.failure = {"auth", "Unauthorized"};
  Findings findings = judge_stream(stream, report);
  ASSERT_THAT(levels(findings), ElementsAre(Level::kProblem));
  EXPECT_EQ(findings[0].subject, "stream gate");
  EXPECT_EQ(findings[0].text, "rtsp://guard:***@10.0.0.7/: auth: Unauthorized");
  EXPECT_NE(findings[0].todo, "");
  report.failure = {};
  report.sound = probe::SoundReport{"AAC", 16000, 1, 32e3, -30.0};
  findings = judge_stream(stream, report);
  EXPECT_THAT(levels(findings), ElementsAre(Level::kOk, Level::kWarning));  // no picture
}

TEST(MayRead, FollowsTheModeBitsOfEveryFolderAbove) {
  const test::TemporaryFolder folder;
  const fs::path inner = folder.path() / "inner", file = inner / "file";
  fs::create_directory(inner);
  std::ofstream(file) << "x";
  const auto mode = [](const fs::path& path, unsigned bits) {
    fs::permissions(path, static_cast<fs::perms>(bits));
  };
  mode(folder.path(), 0755);
  mode(inner, 0755);
  mode(file, 0644);
  const unsigned me = geteuid(), mine = getegid(), other = me + 1, others = mine + 1;
  EXPECT_TRUE(may_read(file, other, others));
  mode(file, 0640);
  EXPECT_FALSE(may_read(file, other, others));
  EXPECT_TRUE(may_read(file, other, mine));
  EXPECT_TRUE(may_read(file, me, others));
  mode(file, 0644);
  mode(inner, 0750);
  EXPECT_FALSE(may_read(file, other, others));
  EXPECT_FALSE(may_read(inner, other, others));
  EXPECT_FALSE(may_read(inner / "none", me, mine));
}

TEST(ExamineRedis, ARealOneTellsWhatItIs) {
  const tests::RedisServer server;
  sinks::redis::Url url;
  url.port = server.port();
  const Examination found = sinks::redis::examine(url);
  EXPECT_FALSE(found.unreachable);
  EXPECT_FALSE(found.write_refused);
  EXPECT_THAT(found.version, testing::MatchesRegex("[0-9]+\\.[0-9.]+"));
  EXPECT_EQ(found.policy, "noeviction");
  EXPECT_GT(found.used_bytes, 0U);
}

}  // namespace
}  // namespace vedette::daemon::doctor
