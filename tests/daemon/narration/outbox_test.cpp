#include "daemon/narration/outbox.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/pictures.h"
#include "tests/support/recording_publisher.h"
#include "tests/support/temporary_folder.h"

namespace vedette::daemon::narration {
namespace {

using sinks::Record;
using sinks::RecordState;

Record record(const std::string& id, RecordState state = RecordState::kClose) {
  Record made;
  made.id = id;
  made.stream = "gate";
  made.state = state;
  return made;
}

class OutboxTest : public testing::Test {
 protected:
  evidence::EvidenceOptions options() const {
    evidence::EvidenceOptions options;
    options.folder = folder_.path() / "evidence";
    return options;
  }
  static models::runtime::ImageFrame picture() { return tests::plain_picture(16, 16, 1, 2, 3); }
  std::vector<Record> wait_for(std::size_t count) const {
    while (publisher_.records().size() < count) std::this_thread::yield();
    return publisher_.records();
  }

  const test::TemporaryFolder folder_;
  tests::RecordingPublisher publisher_;
};

TEST_F(OutboxTest, RecordsWaitForTheirPictureInOrder) {
  evidence::EvidenceStore store(options());
  std::string told;
  Outbox outbox(publisher_, &store, [&](const std::string& id, const std::string&) { told += id; });
  outbox.push(record("a", RecordState::kOpen), picture());
  outbox.push(record("b"));
  outbox.push(record("a", RecordState::kClose));
  outbox.push(record("a", RecordState::kOpen));  // another life of the id: the picture is not its own
  const auto found = wait_for(4);
  EXPECT_EQ(found[0].id + found[1].id + found[2].id, "aba");
  ASSERT_EQ(found[0].evidence.size(), 1u);
  EXPECT_TRUE(std::filesystem::exists(found[0].evidence[0]));
  EXPECT_TRUE(found[1].evidence.empty());
  EXPECT_EQ(found[2].evidence, found[0].evidence);
  EXPECT_TRUE(found[3].evidence.empty());
  store.stop();
  EXPECT_EQ(told, "a");
}

TEST_F(OutboxTest, WithoutAStoreOrWithABrokenOneRecordsGoOutAllTheSame) {
  Outbox plain(publisher_, nullptr);
  plain.push(record("a"), picture());
  EXPECT_EQ(publisher_.records().size(), 1u);
  evidence::EvidenceOptions broken = options();
  broken.folder = folder_.write("file", "x") / "below";
  evidence::EvidenceStore store(broken);
  Outbox outbox(publisher_, &store);
  outbox.push(record("b"), picture());
  outbox.push(record("c"));
  const auto found = wait_for(3);
  EXPECT_EQ(found[1].id + found[2].id, "bc");
  EXPECT_TRUE(found[1].evidence.empty());
  EXPECT_EQ(outbox.stats().without, 1u);
}

TEST_F(OutboxTest, TheEndDoesNotWaitForTheDisk) {
  evidence::EvidenceStore store(options());
  {
    Outbox outbox(publisher_, &store);
    for (int i = 0; i < 20; ++i) outbox.push(record(std::to_string(i)), picture());
  }
  const auto found = publisher_.records();
  ASSERT_EQ(found.size(), 20u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(found[static_cast<std::size_t>(i)].id, std::to_string(i));
}

}  // namespace
}  // namespace vedette::daemon::narration
