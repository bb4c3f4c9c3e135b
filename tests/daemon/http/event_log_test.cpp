#include "daemon/http/event_log.h"

#include <gmock/gmock.h>

#include <thread>

namespace vedette::daemon::http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Outcome = EventLog::Listener::Outcome;

std::string id_of(const std::string& text) {
  const std::size_t at = text.rfind("id: ") + 4;
  return text.substr(at, text.find('\n', at) - at);
}

TEST(EventLog, TellsWhatComesFromNowOn) {
  EventLog log;
  log.add("record", "before");
  bool resumed = true;
  const auto listener = log.listen("", resumed);
  EXPECT_FALSE(resumed);
  std::string text;
  EXPECT_EQ(listener->next(0ms, text), Outcome::kNothing);
  log.add("record", "{\"a\":1}");
  log.add("state", "{}");
  EXPECT_EQ(listener->next(0ms, text), Outcome::kEvents);
  EXPECT_THAT(text, StartsWith("id: "));
  EXPECT_THAT(text, HasSubstr("\nevent: record\ndata: {\"a\":1}\n\nid: "));
  EXPECT_THAT(text, HasSubstr("\nevent: state\ndata: {}\n\n"));
  EXPECT_THAT(text, Not(HasSubstr("before")));
}

TEST(EventLog, ALineBreakInDataBeginsNoFieldOfItsOwn) {
  EventLog log;
  bool resumed = false;
  const auto listener = log.listen("", resumed);
  log.add("record", "a\nevent: state\r\ndata: b");
  std::string text;
  listener->next(0ms, text);
  EXPECT_THAT(text, HasSubstr("\ndata: a event: state  data: b\n\n"));
}

TEST(EventLog, GoesOnBehindTheEventThatAReaderHadLast) {
  EventLog log, other;
  bool resumed = false;
  std::string text;
  {
    const auto listener = log.listen("", resumed);
    log.add("record", "one");
    listener->next(0ms, text);
  }
  log.add("record", "two");
  other.add("record", "one");
  const std::string last = id_of(text);
  text.clear();
  EXPECT_EQ(log.listen(last, resumed)->next(0ms, text), Outcome::kEvents);
  EXPECT_TRUE(resumed);
  EXPECT_THAT(text, HasSubstr("data: two"));
  EXPECT_THAT(text, Not(HasSubstr("data: one")));
  for (const std::string& id : {last + "0", last + "x", last.substr(0, last.size() - 1), std::string("-1"),
                                last.substr(0, last.find('-') + 1) + "99999999999999999999"}) {
    log.listen(id, resumed);
    EXPECT_FALSE(resumed) << id;
  }
  other.listen(last, resumed);
  EXPECT_FALSE(resumed) << "an id of another process";
}

TEST(EventLog, ASlowReaderIsToldThatItMissedSomething) {
  EventLog log({.events = 4, .bytes = 1000});
  bool resumed = false;
  const auto listener = log.listen("", resumed);
  for (int i = 0; i < 10; ++i) log.add("record", std::to_string(i));
  std::string text;
  EXPECT_EQ(listener->next(0ms, text), Outcome::kLost);
  EXPECT_EQ(log.stats().lost, 6U);
  EXPECT_EQ(listener->next(0ms, text), Outcome::kNothing) << "what is told anew holds the rest";
  log.add("record", std::string(600, 'x'));
  log.add("record", std::string(600, 'y'));
  EXPECT_EQ(listener->next(0ms, text), Outcome::kLost) << "the bytes are bounded too";
}

TEST(EventLog, GivesABoundedNumberOfBytesAtOnce) {
  EventLog log({.batch_bytes = 300});
  bool resumed = false;
  const auto listener = log.listen("", resumed);
  for (int i = 0; i < 3; ++i) log.add("record", std::string(200, static_cast<char>('a' + i)));
  for (int i = 0; i < 3; ++i) {
    std::string text;
    EXPECT_EQ(listener->next(0ms, text), Outcome::kEvents);
    EXPECT_THAT(text, HasSubstr(std::string(200, static_cast<char>('a' + i))));
    EXPECT_LT(text.size(), 300U);
  }
}

TEST(EventLog, BoundsThoseWhoListenAndLetsThemGo) {
  EventLog log({.listeners = 2});
  bool resumed = false;
  auto one = log.listen("", resumed);
  const auto two = log.listen("", resumed);
  EXPECT_EQ(log.listen("", resumed), nullptr);
  EXPECT_EQ(log.stats().refused, 1U);
  one.reset();
  EXPECT_NE(log.listen("", resumed), nullptr);
  EXPECT_EQ(log.stats().listeners, 1U);
  std::thread waiting([&] {
    std::string text;
    EXPECT_EQ(two->next(60s, text), Outcome::kClosed);
  });
  log.close();
  waiting.join();
  EXPECT_EQ(log.listen("", resumed), nullptr);
}

}  // namespace
}  // namespace vedette::daemon::http
