#include "daemon/narration/timeline.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/daemon/narration/support.h"

namespace vedette::daemon::narration {
namespace {

Fact heard(std::int64_t start_ms, std::int64_t end_ms, std::string text, std::string id) {
  Fact fact;
  fact.start = {0, milliseconds(start_ms)};
  fact.end = milliseconds(end_ms);
  fact.t_start_ms = start_ms;
  fact.t_end_ms = end_ms;
  fact.label = "heard";
  fact.text = std::move(text);
  fact.record_id = std::move(id);
  return fact;
}

Fact condition(std::int64_t start_ms, std::string label, std::string id) {
  Fact fact = heard(start_ms, start_ms, "", std::move(id));
  fact.kind = FactKind::kCondition;
  fact.label = std::move(label);
  fact.open = true;
  return fact;
}

TEST(Timeline, RendersTheOneLayout) {
  Timeline timeline;
  timeline.add(heard(10'200, 13'400, "The gate is open.", "a"));
  timeline.add(condition(20'000, "sound_silent", "b"));
  timeline.add(heard(40'000, 41'000, "Come", "c"));
  timeline.add(heard(41'100, 41'900, "here.", "d"));
  timeline.add(heard(42'000, 43'000, "Now.", "e"));
  timeline.close("sound_silent", seconds(31), 31'000);
  timeline.add(condition(50'000, "picture_black", "f"));
  const RenderedTimeline rendered = render(timeline.between(0, 100'000), {});
  EXPECT_EQ(rendered.text,
            "[heard 10.2-13.4] \"The gate is open.\"\n"
            "[sound_silent 20.0-31.0]\n"
            "[heard 40.0-41.9] \"Come here.\"\n"
            "[heard 42.0-43.0] \"Now.\"\n"
            "[picture_black 50.0-]\n");
  EXPECT_EQ(rendered.evidence, (std::vector<std::string>{"a", "b", "c", "d", "e", "f"}));
  EXPECT_TRUE(rendered.heard);
  EXPECT_EQ(rendered.from_ms, 10'200);
  EXPECT_EQ(rendered.to_ms, 50'000);
}

Fact of(FactKind kind, std::int64_t start_ms, std::int64_t end_ms, std::string text, std::string id = "") {
  Fact fact = heard(start_ms, end_ms, std::move(text), std::move(id));
  fact.kind = kind;
  fact.label = kind == FactKind::kMoved ? "moves" : "";
  return fact;
}

TEST(Timeline, AClockThatWasSetBackDoesNotMakeNewsOld) {
  constexpr std::int64_t kHourMs = 3'600'000;
  Timeline timeline;
  timeline.add(heard(2 * kHourMs, 2 * kHourMs + 1000, "Before.", "a"));
  timeline.add(condition(2 * kHourMs + 1000, "sound_silent", "b"));
  timeline.add(heard(kHourMs, kHourMs + 1000, "After.", "c"));
  timeline.add(heard(kHourMs + 2000, kHourMs + 3000, "Later.", "d"));
  std::vector<std::string> left;
  for (const Fact& fact : timeline.between(0, 3 * kHourMs)) left.push_back(fact.record_id);
  EXPECT_EQ(left, (std::vector<std::string>{"c", "d", "b"}));
  EXPECT_EQ(timeline.latest_ms(), kHourMs + 3000);
}

TEST(Timeline, RendersWhatIsSeenBesideWhatIsHeard) {
  Timeline timeline;
  timeline.add(heard(10'200, 13'400, "Come.", "a"));
  timeline.add(of(FactKind::kSounded, 10'400, 12'300, "dog", "b"));
  timeline.add(of(FactKind::kSeen, 12'000, 12'000, "person, middle, 0.8"));
  Fact moving = of(FactKind::kMoved, 12'000, 12'000, "one thing", "c");
  moving.open = true;
  timeline.add(moving);
  timeline.add(of(FactKind::kCaption, 12'000, 14'000, "A person comes.", "d"));
  const auto text = [&] { return render(timeline.between(0, 100'000), {}).text; };
  EXPECT_EQ(text(),
            "[heard 10.2-13.4] \"Come.\"\n[sound 10-13] dog\n[sees 12.0] person, middle, 0.8\n[moves 12.0-] "
            "one thing\n");
  timeline.settle("c", "one thing, right to left, enters", milliseconds(14'500), 14'500);
  EXPECT_EQ(text(),
            "[heard 10.2-13.4] \"Come.\"\n[sound 10-13] dog\n[sees 12.0] person, middle, 0.8\n"
            "[moves 12.0-14.5] one thing, right to left, enters\n");
  EXPECT_TRUE(render(timeline.between(13'500, 100'000), {}).seen);
  EXPECT_FALSE(render(timeline.between(13'500, 100'000), {}).heard);
  RenderOptions later;
  later.zero_ms = 13'000;
  EXPECT_EQ(render(timeline.between(13'500, 100'000), later).text,
            "[moves 0.0-1.5] one thing, right to left, enters\n");
}

TEST(Timeline, FactsAreToldOnceTheySettle) {
  Timeline timeline;
  timeline.add(of(FactKind::kMoved, 1000, 1000, "one thing", "m"));
  Fact open = of(FactKind::kMoved, 500, 500, "two things", "n");
  open.open = true;
  timeline.add(open);
  auto told = timeline.settled_after(0);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(timeline.open().size(), 1u);
  const std::uint64_t last = told.back().number;
  EXPECT_TRUE(timeline.settled_after(last).empty());
  timeline.settle("n", "two things, leave", milliseconds(3000), 3000);
  told = timeline.settled_after(last);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].text, "two things, leave");
  EXPECT_EQ(told[0].t_end_ms, 3000);
  EXPECT_TRUE(timeline.open().empty());
}

TEST(Timeline, SelectsASpan) {
  Timeline timeline;
  for (int i = 0; i < 10; ++i) timeline.add(heard(i * 1000, i * 1000 + 800, "w.", std::to_string(i)));
  timeline.add(condition(1500, "sound_clipped", "open"));
  const auto facts = timeline.between(2900, 5000);
  ASSERT_EQ(facts.size(), 4u);  // what is open touches every later span
  EXPECT_EQ(facts[0].record_id, "open");
  EXPECT_EQ(facts[1].record_id, "3");
  EXPECT_EQ(facts[3].record_id, "5");
}

TEST(Timeline, LeavesOutTheOldestBeyondTheBudget) {
  Timeline timeline;
  for (int i = 0; i < 5; ++i) timeline.add(heard(i * 10'000, i * 10'000 + 800, "Word.", std::to_string(i)));
  RenderOptions options;
  options.most_tokens = 50;
  options.count_tokens = [](std::string_view text) { return static_cast<int>(text.size()); };
  const RenderedTimeline rendered = render(timeline.between(0, 100'000), options);
  EXPECT_EQ(rendered.text, "[heard 40.0-40.8] \"Word.\"\n");
  EXPECT_EQ(rendered.evidence, std::vector<std::string>{"4"});
  EXPECT_EQ(rendered.from_ms, 40'000);
}

TEST(Timeline, ForgetsByTimeButNotWhatIsOpen) {
  TimelineOptions options;
  options.longest = seconds(60);
  Timeline timeline(options);
  timeline.add(condition(0, "sound_clipped", "open"));
  timeline.add(heard(0, 800, "old", "1"));
  timeline.add(heard(61'000, 61'500, "new", "2"));
  const auto facts = timeline.between(0, 100'000);
  ASSERT_EQ(facts.size(), 2u);
  EXPECT_EQ(facts[0].record_id, "open");
  EXPECT_EQ(facts[1].record_id, "2");
}

TEST(Timeline, StaysBelowItsBytes) {
  TimelineOptions options;
  options.most_bytes = 10'000;
  Timeline timeline(options);
  for (int i = 0; i < 1000; ++i) timeline.add(heard(i, i, std::string(100, 'x'), "id"));
  EXPECT_LE(timeline.bytes(), 10'000u);
  EXPECT_GT(timeline.bytes(), 5'000u);
  EXPECT_EQ(timeline.between(0, 2000).back().t_start_ms, 999);
}

TEST(Timeline, WordsOfTwoEpochsAreTwoLines) {
  Fact before = heard(1000, 1500, "Come", "a");
  Fact after = heard(1600, 1900, "here", "b");
  after.start.epoch = 1;
  EXPECT_EQ(render({before, after}, {}).text, "[heard 1.0-1.5] \"Come\"\n[heard 1.6-1.9] \"here\"\n");
}

}  // namespace
}  // namespace vedette::daemon::narration
