#include "daemon/evidence/evidence_store.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <future>

#include "tests/support/pictures.h"
#include "tests/support/temporary_folder.h"

namespace vedette::daemon::evidence {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class EvidenceStoreTest : public testing::Test {
 protected:
  EvidenceStoreTest() {
    options_.folder = folder_.path() / "evidence";
    options_.retry = std::chrono::milliseconds(0);
  }

  std::string keep(EvidenceStore& store, const std::string& stream = "gate",
                   models::runtime::ImageFrame picture = tests::plain_picture(64, 48, 10, 200, 30)) {
    std::promise<std::string> path;
    store.keep(stream, std::move(picture), [&](std::string done) { path.set_value(std::move(done)); });
    return path.get_future().get();
  }
  std::vector<std::string> files() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(options_.folder)) {
      if (entry.is_regular_file() && entry.path().filename() != ".lock")
        found.push_back(entry.path().string());
    }
    std::ranges::sort(found);
    return found;
  }

  const test::TemporaryFolder folder_;
  EvidenceOptions options_;
};

TEST_F(EvidenceStoreTest, WritesPicturesThatRecordsReferTo) {
  EvidenceStore store(options_);
  const std::string first = keep(store), second = keep(store), other = keep(store, "mic");
  EXPECT_TRUE(first.starts_with((options_.folder / "gate").string() + "/"));
  EXPECT_LT(first, second);
  EXPECT_TRUE(other.starts_with((options_.folder / "mic").string() + "/"));
  EXPECT_EQ(files(), (std::vector<std::string>{first, second, other}));
  char magic[2] = {};
  std::ifstream(first, std::ios::binary).read(magic, 2);
  EXPECT_EQ(std::string(magic, 2), "\xff\xd8");
  const EvidenceStats stats = store.stats();
  EXPECT_EQ(stats.written, 3u);
  EXPECT_EQ(stats.held, 3u);
  EXPECT_EQ(stats.bytes, fs::file_size(first) + fs::file_size(second) + fs::file_size(other));
}

TEST_F(EvidenceStoreTest, TheOldestGoFirst) {
  std::string first;
  {
    EvidenceStore store(options_);
    first = keep(store);
  }
  options_.quota_bytes = 3 * fs::file_size(first) + 10;
  EvidenceStore store(options_);
  std::vector<std::string> paths;
  for (int i = 0; i < 5; ++i) paths.push_back(keep(store, i % 2 == 0 ? "gate" : "yard"));
  auto left = std::vector<std::string>{paths.end() - 3, paths.end()};
  std::ranges::sort(left);
  EXPECT_EQ(files(), left);
  EXPECT_EQ(store.stats().deleted, 3u);  // the first, of the store before, among them
  EXPECT_LE(store.stats().bytes, options_.quota_bytes);
}

TEST_F(EvidenceStoreTest, LearnsWhatIsThereAndLeavesOthersAlone) {
  std::vector<std::string> paths;
  {
    EvidenceStore store(options_);
    for (int i = 0; i < 3; ++i) paths.push_back(keep(store));
  }
  const auto put = [&](const std::string& name) { return folder_.write("evidence/" + name, "x").string(); };
  const std::string unfinished = put("gate/99.jpg.unfinished"), theirs = put("gate/holiday.jpg"),
                    loose = put("1.jpg"), strange = put("NoStream/2.jpg");
  EvidenceStore store(options_);
  const std::string next = keep(store);
  EXPECT_GT(next, paths.back());
  EXPECT_EQ(store.stats().held, 4u);
  EXPECT_FALSE(fs::exists(unfinished));
  for (const auto& path : {theirs, loose, strange}) EXPECT_TRUE(fs::exists(path)) << path;
}

TEST_F(EvidenceStoreTest, AFullDiskCostsThePictureOnly) {
  EvidenceStore store(options_);
  ASSERT_NE(keep(store), "");
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{100, before.rlim_max};  // no file may grow past 100 bytes: write(2) fails
  setrlimit(RLIMIT_FSIZE, &small);
  const std::string failed = keep(store);
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(failed, "");
  EXPECT_EQ(store.stats().failed, 1u);
  EXPECT_THAT(store.stats().problem, HasSubstr("cannot write"));
  EXPECT_EQ(files().size(), 1u);
  EXPECT_NE(keep(store), "");
  EXPECT_EQ(store.stats().problem, "");
}

TEST_F(EvidenceStoreTest, TroubleIsNotTriedAgainAtOnce) {
  options_.folder = folder_.write("file", "x") / "below";
  options_.retry = std::chrono::hours(1);
  EvidenceStore store(options_);
  EXPECT_EQ(keep(store), "");
  EXPECT_EQ(keep(store), "");
  const EvidenceStats stats = store.stats();
  EXPECT_EQ(stats.refused + stats.failed, 2u);
  EXPECT_GE(stats.refused, 1u);
  EXPECT_THAT(stats.problem, HasSubstr("cannot make"));
}

TEST_F(EvidenceStoreTest, TwoDaemonsDoNotShareAFolder) {
  EvidenceStore store(options_);
  ASSERT_NE(keep(store), "");
  EvidenceStore second(options_);
  EXPECT_EQ(keep(second), "");
  EXPECT_THAT(second.stats().problem, HasSubstr("another vedetted uses it"));
}

TEST_F(EvidenceStoreTest, ABrokenPictureOrNameIsRefusedAlone) {
  EvidenceStore store(options_);
  auto broken = tests::plain_picture(8, 8, 1, 2, 3);
  broken.view.height = 9;
  EXPECT_EQ(keep(store, "gate", broken), "");
  EXPECT_EQ(keep(store, "gate", {}), "");
  EXPECT_EQ(keep(store, "../gate"), "");
  EXPECT_NE(keep(store), "");
  EXPECT_EQ(store.stats().problem, "");
  store.stop();
  EXPECT_EQ(keep(store), "");
}

}  // namespace
}  // namespace vedette::daemon::evidence
