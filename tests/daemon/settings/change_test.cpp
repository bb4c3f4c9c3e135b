#include "daemon/settings/change.h"

#include <gmock/gmock.h>

namespace vedette::daemon::settings {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Settings read(const std::string& text) {
  return parse(text, "x.yaml", [](const std::string&) { return std::nullopt; });
}

// Ids of the streams that change when one configuration takes the place of another.
std::vector<std::string> changed(const std::string& before, const std::string& after) {
  return compare(read(before).streams, read(after).streams).changed;
}

TEST(SettingsChange, StreamsAreNewChangedGoneOrAsBefore) {
  const auto before =
      read("streams: {a: {source: 'test://'}, b: {source: 'test://'}, c: {source: 'test://'}}");
  const auto after =
      read("streams: {d: {source: 'test://'}, b: {source: 'test://tone'}, a: {source: 'test://'}}");
  const StreamChanges changes = compare(before.streams, after.streams);
  EXPECT_THAT(changes.added, ElementsAre("d"));
  EXPECT_THAT(changes.changed, ElementsAre("b"));
  EXPECT_THAT(changes.removed, ElementsAre("c"));
  EXPECT_EQ(changes.kept, 1U);
  EXPECT_EQ(changes.summary(), "1 new (d), 1 changed (b), 1 gone (c), 1 as before");
}

TEST(SettingsChange, EverySettingOfAStreamCounts) {
  const std::string plain = "streams: {a: {source: 'rtsp://h/x'}}";
  for (const char* other :
       {"transport: udp", "caption: {prompt: \"Why?\"}", "caption: {every: 9s}", "alerts: [{when: it burns}]",
        "health: {silent_after: 9s}", "health: {black_after: 9s}", "health: {faulty_after: 9s}",
        "health: {bitrate_zero_after: 9s}", "retry: {first: 2s}", "sound: {enabled: false}",
        "sound: {hop: 2s}", "video: {rate: 2 fps}", "video: {key_frames: true}"}) {
    const std::string text = std::string("streams: {a: {source: 'rtsp://h/x', ") + other + "}}";
    EXPECT_THAT(changed(plain, text), ElementsAre("a")) << other;
    EXPECT_THAT(changed(text, text), IsEmpty()) << other;
    EXPECT_THAT(changed(plain, std::string("defaults: {") + other + "}\n" + plain), ElementsAre("a"))
        << other;
  }
  EXPECT_THAT(changed("streams: {a: {source: 'test://', alerts: [{when: x}]}}",
                      "streams: {a: {source: 'test://', alerts: [{when: x, cooldown: 1s}]}}"),
              ElementsAre("a"));
}

TEST(SettingsChange, WhatIsFixedIsNamed) {
  const std::string streams = "streams: {a: {source: 'test://'}}\n";
  const auto keys = [&](const std::string& more) {
    return keys_for_restart(read(streams), read(streams + more));
  };
  EXPECT_THAT(keys("retention: 1h\nlog: debug\nevidence: {quota: 1 GB}"), IsEmpty());
  EXPECT_THAT(keys("redis: redis://127.0.0.1:7000/0"), ElementsAre("redis"));
  EXPECT_THAT(keys("http: off"), ElementsAre("http"));
  EXPECT_THAT(keys("evidence: {path: /pictures}"), ElementsAre("evidence.path"));
  EXPECT_THAT(
      keys("models: {hear: a, see: b, think: c, search_path: [/x], precision: f32, device: cpu, threads: "
           "3, kv_memory: 64 MB, tiles: 0}"),
      ElementsAre("models.hear", "models.see", "models.think", "models.search_path", "models.precision",
                  "models.device", "models.threads", "models.kv_memory", "models.tiles"));
}

}  // namespace
}  // namespace vedette::daemon::settings
