#include "daemon/http/live_board.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/evidence/picture_file.h"

namespace vedette::daemon::http {

namespace {

constexpr std::size_t kMostStreams = 512;  // twice what a configuration may hold: it can be changed
// Of each kind, as sinks::Kind has them: caption, transcript, sound, motion, alert, coverage, status (open
// ones only).
constexpr std::array<std::size_t, sinks::kKinds> kKept{3, 8, 2, 2, 8, 0, 16};

struct KeptRecord {
  std::string id;
  std::uint32_t rev = 0;
  std::uint64_t order = 0;
  nlohmann::json json;
};

struct Stream {
  std::string state = "starting", reason, shed_reason;
  std::int64_t next_try_ms = 0, since_ms = 0;
  std::uint64_t touched = 0;
  std::array<std::deque<KeptRecord>, sinks::kKinds> kept;
};

nlohmann::json state_of(const std::string& id, const Stream& stream) {
  return {{"id", id},
          {"state", stream.state},
          {"reason", stream.reason},
          {"shed_reason", stream.shed_reason},
          {"next_try_ms", stream.next_try_ms},
          {"since_ms", stream.since_ms}};
}

void note(Stream& stream, const sinks::Record& record, const nlohmann::json& json, std::uint64_t order) {
  const auto kind = static_cast<std::size_t>(record.kind);
  auto& kept = stream.kept[kind];
  const auto known = std::ranges::find(kept, record.id, &KeptRecord::id);
  const bool over = record.kind == sinks::Kind::kStatus && record.state == sinks::RecordState::kClose;
  if (record.state == sinks::RecordState::kWithdraw || over) {
    if (known != kept.end()) kept.erase(known);
    return;
  }
  if (known != kept.end()) {
    if (record.rev >= known->rev) *known = {record.id, record.rev, known->order, json};
    return;
  }
  kept.push_back({record.id, record.rev, order, json});
  if (kept.size() > kKept[kind]) kept.pop_front();
}

}  // namespace

struct LiveBoard::Inside {
  mutable std::mutex mutex;
  std::map<std::string, Stream> streams;
  std::uint64_t news = 0;

  // In the place of the one that has been silent for longest, when there are too many.
  Stream& touch(const std::string& id) {
    if (streams.size() >= kMostStreams && !streams.contains(id)) {
      streams.erase(
          std::ranges::min_element(streams, {}, [](const auto& entry) { return entry.second.touched; }));
    }
    Stream& stream = streams[id];
    stream.touched = ++news;
    return stream;
  }
};

LiveBoard::LiveBoard(sinks::Publisher& next, EventLog& events, std::function<std::int64_t()> now_ms)
    : next_(next), events_(events), now_ms_(std::move(now_ms)), inside_(std::make_unique<Inside>()) {}

LiveBoard::~LiveBoard() = default;

sinks::PublishOutcome LiveBoard::publish(sinks::Record record) {
  nlohmann::json json = sinks::to_json(record);
  json["published_ms"] = now_ms_();
  json.erase("evidence");
  if (auto pictures = picture_addresses(record.evidence); !pictures.empty())
    json["pictures"] = std::move(pictures);
  {
    // Told under the lock, so that what is kept and what is told last are the same.
    const std::lock_guard lock(inside_->mutex);
    note(inside_->touch(record.stream), record, json, inside_->news);
    events_.add("record", to_line(json));
  }
  return next_.publish(std::move(record));
}

void LiveBoard::publish_live(std::string_view stream, std::string_view text) {
  next_.publish_live(stream, text);
}

void LiveBoard::publish_state(sinks::StateUpdate update) {
  if (update.state || update.reason || update.next_try_ms || update.shed_reason) {
    const std::lock_guard lock(inside_->mutex);
    Stream& stream = inside_->touch(update.stream);
    // Attempts that fail one after the other, each with its own reason, are one time of trouble.
    const bool ran = stream.state == "running", runs = update.state ? *update.state == "running" : ran;
    const bool other_reason = runs && update.reason && *update.reason != stream.reason;
    if (ran != runs || other_reason || stream.since_ms == 0) stream.since_ms = now_ms_();
    if (update.state) stream.state = *update.state;
    if (update.reason) stream.reason = *update.reason;
    if (update.next_try_ms) stream.next_try_ms = *update.next_try_ms;
    if (update.shed_reason) stream.shed_reason = *update.shed_reason;
    events_.add("state", to_line(state_of(update.stream, stream)));
  }
  next_.publish_state(std::move(update));
}

nlohmann::json LiveBoard::show(const std::string& id, bool records) const {
  const std::lock_guard lock(inside_->mutex);
  const auto found = inside_->streams.find(id);
  static const Stream kUnknown;
  const Stream& stream = found != inside_->streams.end() ? found->second : kUnknown;
  nlohmann::json json = state_of(id, stream);
  if (!records) return json;
  std::vector<const KeptRecord*> all;
  for (const auto& kept : stream.kept) {
    for (const KeptRecord& record : kept) all.push_back(&record);
  }
  std::ranges::sort(all, {}, &KeptRecord::order);
  nlohmann::json& list = json["records"] = nlohmann::json::array();
  for (const KeptRecord* record : all) list.push_back(record->json);
  return json;
}

void LiveBoard::forget(const std::string& stream) {
  const std::lock_guard lock(inside_->mutex);
  inside_->streams.erase(stream);
}

std::vector<std::string> picture_addresses(const std::vector<std::string>& paths) {
  std::vector<std::string> addresses;
  for (const std::string& path : paths) {
    const auto file = evidence::picture_file(path);
    if (file)
      addresses.push_back("/evidence/" + file->stream + "/" + std::to_string(file->written_ms) + ".jpg");
  }
  return addresses;
}

nlohmann::json to_json(const sinks::Answer& answer) {
  nlohmann::json json = {
      {"id", answer.id},       {"stream", answer.stream},    {"state", to_string(answer.state)},
      {"seq", answer.seq},     {"text", answer.text},        {"from_ms", answer.from_ms},
      {"to_ms", answer.to_ms}, {"evidence", answer.evidence}};
  if (auto pictures = picture_addresses(answer.frames); !pictures.empty())
    json["pictures"] = std::move(pictures);
  if (!answer.reason.empty()) json["reason"] = answer.reason;
  if (!answer.model.empty()) json["model"] = answer.model;
  return json;
}

std::string to_line(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace vedette::daemon::http
