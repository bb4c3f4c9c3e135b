#include "sinks/redis/questions.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/log.h"
#include "sinks/redis/question_check.h"
#include "sinks/redis/question_table.h"
#include "sinks/redis/scripts.h"

namespace vedette::sinks::redis {

namespace {

using base::log_limited;
using base::LogLevel;

constexpr const char* kKey = "vedette:questions";
constexpr const char* kGroup = "vedetted";
constexpr const char* kSubject = "questions";
constexpr std::size_t kPage = 64;  // requests per reply
constexpr std::chrono::seconds kUpkeepEvery{5}, kPendingEvery{1}, kTrimEvery{60};

}  // namespace

QuestionIntake::QuestionIntake(RedisPublisher& publisher, QuestionHandler handler, QuestionOptions options)
    : publisher_(publisher),
      handler_(std::move(handler)),
      options_(options),
      connection_(publisher.options().connection),
      backoff_(publisher.options().least_backoff, publisher.options().most_backoff),
      table_(std::make_shared<QuestionTable>(publisher, options)),
      thread_([this] { run(); }) {}

QuestionIntake::~QuestionIntake() {
  stop();
}

void QuestionIntake::stop() {
  table_->close();
  connection_.interrupt();
  if (thread_.joinable()) thread_.join();
}

QuestionStats QuestionIntake::stats() const {
  return table_->stats();
}

void QuestionIntake::run() {
  auto wait = options_.poll;
  while (table_->wait(wait)) {
    wait = options_.poll;
    if ((connection_.is_open() || connect()) && work()) {
      backoff_.reset();
      table_->count([](QuestionStats& stats) { stats.problem.clear(); });
    } else {
      wait = backoff_.next();
    }
    table_->expire(Clock::now());
  }
}

void QuestionIntake::trouble(const Error& error) {
  table_->count(
      [&](QuestionStats& stats) { stats.problem = std::string(to_string(error.error)) + ": " + error.text; });
  if (error.text != "stopped") log_limited(LogLevel::kWarning, kSubject, to_string(error.error), error.text);
}

// True when the reply is there and no error.
bool QuestionIntake::fine(const Reply& reply) {
  if (!reply) return trouble(connection_.error()), false;
  if (reply->type != REDIS_REPLY_ERROR) return true;
  const std::string text(text_of(reply.get()));
  if (classify(text) == ErrorClass::kNoGroup) {
    connection_.close();  // the key was deleted: connecting makes the group again
  } else {
    trouble({classify(text), std::string(kKey) + ": " + text});
  }
  return false;
}

bool QuestionIntake::connect() {
  if (const auto error = connection_.open(publisher_.options().url)) return trouble(*error), false;
  upkeep_due_ = pending_due_ = trim_due_ = {};
  if (!learn_time()) return false;
  // The group begins with what is young enough to be answered, not with the history of the stream.
  const std::string from = std::to_string(std::max<std::int64_t>(redis_now_ms() - kQuestionAgeMs, 0));
  const Reply made = connection_.command({"XGROUP", "CREATE", kKey, kGroup, from, "MKSTREAM"});
  return (made && text_of(made.get()).starts_with("BUSYGROUP")) || fine(made);
}

// The age of a request is by Redis's clock, which stamped it.
bool QuestionIntake::learn_time() {
  const Reply time = connection_.command({"TIME"});
  if (!fine(time)) return false;
  if (time->type != REDIS_REPLY_ARRAY || time->elements != 2) return true;
  std::int64_t seconds = 0;
  const std::string_view text = text_of(time->element[0]);
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  redis_ahead_ms_ = seconds * 1000 - publisher_.options().now_ms();
  return true;
}

std::int64_t QuestionIntake::redis_now_ms() const {
  return publisher_.options().now_ms() + redis_ahead_ms_;
}

bool QuestionIntake::work() {
  if (!acknowledge() || !upkeep()) return false;
  if (Clock::now() >= pending_due_) {
    pending_due_ = Clock::now() + kPendingEvery;
    std::size_t taken = kPage;
    for (std::string after = "0"; taken == kPage && has_room();) {
      if (!read(after, taken)) return false;
    }
  }
  for (std::size_t taken = kPage; taken == kPage && has_room();) {
    std::string after = ">";
    if (!acknowledge() || !read(after, taken)) return false;
  }
  return true;
}

bool QuestionIntake::has_room() const {
  return !publisher_full_ && table_->size() + kPage <= options_.unacknowledged;
}

bool QuestionIntake::acknowledge() {
  const std::vector<std::string> ids = table_->take_acknowledgements();
  publisher_full_ = publisher_full_ && ids.empty();
  if (ids.empty()) return true;
  std::vector<std::string_view> args = {"XACK", kKey, kGroup};
  args.insert(args.end(), ids.begin(), ids.end());
  connection_.append(args);
  if (!fine(connection_.receive())) {
    for (const std::string& id : ids) table_->forget(id);  // try again
    return false;
  }
  table_->acknowledged(ids);
  return true;
}

// Every few seconds: keeps what we hold ours, claims what silent daemons left, trims.
bool QuestionIntake::upkeep() {
  const auto now = Clock::now();
  if (now < upkeep_due_) return true;
  upkeep_due_ = now + kUpkeepEvery;
  publisher_full_ = false;
  if (!learn_time()) return false;
  const std::string& me = publisher_.options().boot_id;
  if (const auto ids = table_->held(); !ids.empty()) {
    std::vector<std::string_view> args = {"XCLAIM", kKey, kGroup, me, "0"};
    args.insert(args.end(), ids.begin(), ids.end());
    args.push_back("JUSTID");
    connection_.append(args);
    if (!fine(connection_.receive())) return false;
  }
  const std::string idle = std::to_string(options_.claim_after.count());
  const std::string page = std::to_string(kPage);
  if (!fine(connection_.command({"XAUTOCLAIM", kKey, kGroup, me, idle, "0", "COUNT", page, "JUSTID"})))
    return false;
  if (now < trim_due_) return true;
  trim_due_ = now + kTrimEvery;
  const std::string least = std::to_string(std::max<std::int64_t>(redis_now_ms() - options_.keep.count(), 0));
  const std::string most = std::to_string(options_.keep_entries);
  return fine(connection_.command({"XTRIM", kKey, "MINID", "~", least})) &&
         fine(connection_.command({"XTRIM", kKey, "MAXLEN", "~", most}));
}

// Reads a page of requests: new ones for ">", else our pending ones after that id, which then moves on.
bool QuestionIntake::read(std::string& after, std::size_t& taken) {
  const Reply reply =
      connection_.command({"EVAL", scripts::kRead, "1", kKey, kGroup, publisher_.options().boot_id,
                           std::to_string(kPage), after, std::to_string(kQuestionTextBytes + 1)});
  if (!fine(reply)) return false;
  taken = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
  for (std::size_t i = 0; i < taken; ++i) {
    const redisReply& entry = *reply->element[i];
    if (entry.type != REDIS_REPLY_ARRAY || entry.elements == 0) continue;
    if (!take(entry)) return false;
    if (after != ">") after = text_of(entry.element[0]);
  }
  return true;
}

// One request. False when the connection was lost.
bool QuestionIntake::take(const redisReply& entry) {
  const std::string entry_id(text_of(entry.element[0]));
  if (table_->holds(entry_id)) return true;
  if (entry.elements < 2 || entry.element[1]->type != REDIS_REPLY_ARRAY) {  // deleted or trimmed away
    table_->forget(entry_id);
    return true;
  }
  table_->count([](QuestionStats& stats) { ++stats.read; });
  std::vector<std::string_view> fields;
  for (std::size_t i = 0; i < entry.element[1]->elements; ++i)
    fields.push_back(text_of(entry.element[1]->element[i]));
  const auto id = parse_entry_id(entry_id);
  const std::int64_t age_ms = id ? redis_now_ms() - static_cast<std::int64_t>(id->ms) : 0;
  const CheckedQuestion checked = check_question(entry_id, fields, publisher_.options().now_ms(), age_ms);
  if (!checked.reason.empty()) {
    refuse(checked.question, checked.reason);
  } else if (publisher_.owner(checked.question.stream) != publisher_.options().boot_id) {
    return hand_over(checked.question);
  } else {
    accept(checked.question);
  }
  return true;
}

void QuestionIntake::accept(const Question& question) {
  using Verdict = QuestionTable::Verdict;
  switch (table_->open(question, Clock::now() + options_.answer_within)) {
    case Verdict::kOpened: return handler_(question, table_->callback(question));
    case Verdict::kTwice: return table_->forget(question.entry_id);  // the open one will be answered
    case Verdict::kBusy: return refuse(question, "busy: too many questions are open; ask again later");
    case Verdict::kClientBusy:
      return refuse(question, question.client.empty() ? "too many questions without a field client are open"
                                                      : "too many questions of this client are open");
  }
}

void QuestionIntake::refuse(const Question& question, std::string reason) {
  log_limited(LogLevel::kInfo, kSubject, "refused", "refused " + question.id + ": " + reason);
  if (!table_->refuse(question, std::move(reason))) publisher_full_ = true;
}

// A question about a stream that is not ours: goes to the daemon that has it, or waits for one. False when
// the connection was lost.
bool QuestionIntake::hand_over(const Question& question) {
  connection_.append({"SISMEMBER", "vedette:streams", question.stream});
  connection_.append({"GETRANGE", "vedette:{" + question.stream + "}:owner", "0", "127"});
  const Reply known = connection_.receive();
  const Reply owner = connection_.receive();
  if (!known || !owner) return trouble(connection_.error()), false;
  if (known->type == REDIS_REPLY_INTEGER && known->integer == 0) {
    refuse(question, "there is no stream " + question.stream);
    return true;
  }
  const std::string to(owner->type == REDIS_REPLY_STRING ? text_of(owner.get()) : "");
  const std::string& me = publisher_.options().boot_id;
  if (to.empty() || to == me)
    return true;  // stays pending with us: looked at again soon, until it is too old
  table_->count([](QuestionStats& stats) { ++stats.handed_over; });
  return fine(connection_.command({"XCLAIM", kKey, kGroup, to, "0", question.entry_id, "JUSTID"}));
}

}  // namespace vedette::sinks::redis
