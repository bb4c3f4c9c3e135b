#include "daemon/http/question_desk.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/time.h"
#include "daemon/http/live_board.h"
#include "daemon/http/secrets.h"
#include "sinks/redis/question_check.h"

namespace vedette::daemon::http {

namespace {

struct Asked {
  std::string id, stream, client;
  bool open = true;
  QuestionDesk::Clock::time_point deadline;
  std::uint32_t seq = 0;
  std::string newest;  // step of the answer, as JSON
};

// The fields of a request as Redis's questions have them, "" where one is of another kind than it should be.
std::optional<std::vector<std::string>> fields_of(const nlohmann::json& json, std::string& error) {
  std::vector<std::string> fields;
  for (const auto& [key, value] : json.items()) {
    const bool time = key == "from_ms" || key == "to_ms";
    if (!time && key != "stream" && key != "text") {
      error = "unknown member " + key.substr(0, 64) + ": expected stream, text, from_ms and to_ms";
    } else if (time ? !value.is_number_unsigned() : !value.is_string()) {
      error = key + (time ? " must be milliseconds of UTC since 1970, a whole number" : " must be a string");
    } else {
      fields.push_back(key);
      fields.push_back(time ? std::to_string(value.get<std::uint64_t>()) : value.get<std::string>());
    }
    if (!error.empty()) return std::nullopt;
  }
  return fields;
}

}  // namespace

struct QuestionDesk::Table {
  explicit Table(EventLog& log) : events(&log) {}

  std::mutex mutex;
  EventLog* events;  // null: the desk is gone
  std::deque<Asked> asked;

  bool answer(const std::string& id, sinks::Answer answer) {
    const std::lock_guard lock(mutex);
    const auto found = std::ranges::find(asked, id, &Asked::id);
    if (events == nullptr || found == asked.end() || !found->open) return false;
    tell(*found, std::move(answer));
    return true;
  }
  // Requires that mutex is held.
  void tell(Asked& one, sinks::Answer answer) const {
    answer.id = one.id;
    answer.stream = one.stream;
    answer.seq = one.seq++;
    one.open = answer.state == sinks::AnswerState::kPartial;
    one.newest = to_line(to_json(answer));
    events->add("answer", one.newest);
  }
};

QuestionDesk::QuestionDesk(EventLog& events, sinks::QuestionHandler handler, DeskLimits limits,
                           std::function<Clock::time_point()> now)
    : handler_(std::move(handler)),
      limits_(limits),
      now_(std::move(now)),
      table_(std::make_shared<Table>(events)) {}

QuestionDesk::~QuestionDesk() {
  const std::lock_guard lock(table_->mutex);
  table_->events = nullptr;
}

QuestionDesk::Reply QuestionDesk::ask(const std::string& body, const std::string& client) {
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return {400, "", "expected a JSON object with stream and text"};
  Reply reply;
  auto fields = fields_of(json, reply.error);
  if (!fields) return {400, "", reply.error};
  reply.id = "q-" + random_word(8);
  fields->insert(fields->end(), {"id", reply.id, "client", client});
  const std::vector<std::string_view> views(fields->begin(), fields->end());
  const auto checked = sinks::redis::check_question(reply.id, views, base::utc_now_ms(), 0);
  if (!checked.reason.empty()) return {400, "", checked.reason};
  expire();
  {
    const std::lock_guard lock(table_->mutex);
    auto& asked = table_->asked;
    const auto count = [&](auto matches) { return std::ranges::count_if(asked, matches); };
    if (count([](const Asked& one) { return one.open; }) >= static_cast<std::ptrdiff_t>(limits_.open))
      return {429, "", "busy: too many questions are open; ask again later"};
    if (count([&](const Asked& one) { return one.open && one.client == client; }) >=
        static_cast<std::ptrdiff_t>(limits_.open_per_client))
      return {429, "", "too many questions of this client are open"};
    while (asked.size() >= limits_.kept) {
      const auto oldest = std::ranges::find(asked, false, &Asked::open);
      if (oldest == asked.end()) break;
      asked.erase(oldest);
    }
    asked.push_back({reply.id, checked.question.stream, client, true, now_() + limits_.answer_within, 0, ""});
    sinks::Answer begun;
    begun.id = reply.id;
    begun.stream = checked.question.stream;
    asked.back().newest = to_line(to_json(begun));
  }
  handler_(checked.question, [table = table_, id = reply.id](sinks::Answer answer) {
    return table->answer(id, std::move(answer));
  });
  return reply;
}

std::string QuestionDesk::answer(const std::string& id) {
  expire();
  const std::lock_guard lock(table_->mutex);
  const auto found = std::ranges::find(table_->asked, id, &Asked::id);
  return found != table_->asked.end() ? found->newest : std::string();
}

void QuestionDesk::expire() {
  const std::lock_guard lock(table_->mutex);
  for (Asked& one : table_->asked) {
    if (!one.open || now_() < one.deadline) continue;
    sinks::Answer late;
    late.state = sinks::AnswerState::kError;
    late.reason = "no answer in time";
    table_->tell(one, std::move(late));
  }
}

}  // namespace vedette::daemon::http
