#include "signals/bitrate_health.h"

#include <gmock/gmock.h>

#include "tests/signals/recorder.h"

namespace vedette::signals {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(BitrateHealth, ReportsAConnectedStreamThatSendsNothing) {
  Recorder recorder;
  BitrateHealth health(BitrateHealthOptions{}, recorder.sink());
  auto run = [&, second = 0](int seconds, std::uint64_t bytes) mutable {
    for (int n = 0; n < seconds; ++n) {
      health.add_bytes(bytes);
      health.tick(at(std::chrono::seconds(second++)));
    }
  };
  run(5, 125'000);
  EXPECT_DOUBLE_EQ(health.bits_per_second(), 1e6);
  run(4, 0);
  EXPECT_THAT(recorder.events, IsEmpty());
  run(4, 0);
  run(3, 125'000);
  EXPECT_THAT(recorder.lines(), ElementsAre("bitrate_zero on 4000 ms", "bitrate_zero off 12000 ms"));
}

TEST(BitrateHealth, CountsNothingAcrossEpochs) {
  Recorder recorder;
  BitrateHealth health(BitrateHealthOptions{}, recorder.sink());
  for (std::uint32_t epoch = 0; epoch < 5; ++epoch) {
    for (int second = 0; second < 5; ++second) health.tick(at(std::chrono::seconds(second), epoch));
  }
  EXPECT_THAT(recorder.events, IsEmpty());
}

}  // namespace
}  // namespace vedette::signals
