#include "sinks/record.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace vedette::sinks {

namespace {

constexpr int kSchema = 1;  // version of the Redis contract

std::string dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

const char* to_string(Kind kind) {
  switch (kind) {
    case Kind::kCaption: return "caption";
    case Kind::kTranscript: return "transcript";
    case Kind::kSound: return "sound";
    case Kind::kMotion: return "motion";
    case Kind::kAlert: return "alert";
    case Kind::kCoverage: return "coverage";
    case Kind::kStatus: return "status";
  }
  return "status";
}

const char* to_string(RecordState state) {
  switch (state) {
    case RecordState::kOpen: return "open";
    case RecordState::kUpdate: return "update";
    case RecordState::kClose: return "close";
    case RecordState::kWithdraw: return "withdraw";
  }
  return "close";
}

bool is_stream_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

nlohmann::json to_json(const Record& record) {
  nlohmann::json json = {
      {"schema", kSchema},
      {"id", record.id},
      {"rev", record.rev},
      {"stream", record.stream},
      {"kind", to_string(record.kind)},
      {"state", to_string(record.state)},
      {"t_start_ms", record.t_start_ms},
      {"t_end_ms", record.t_end_ms},
      {"clock", record.clock},
      {"clock_error_ms", record.clock_error_ms},
      {"published_ms", record.published_ms},
      {"text", record.text},
  };
  if (record.score) json["score"] = *record.score;
  if (!record.rule.empty()) json["rule"] = record.rule;
  if (!record.model.empty()) json["model"] = record.model;
  if (!record.prompt_hash.empty()) json["prompt_hash"] = record.prompt_hash;
  if (!record.evidence.empty()) json["evidence"] = record.evidence;
  if (!record.details.empty()) {
    auto details = nlohmann::json::parse(record.details, nullptr, /*allow_exceptions=*/false);
    json["details"] = details.is_discarded() ? nlohmann::json(record.details) : std::move(details);
  }
  return json;
}

std::string to_json_line(const Record& record) {
  return dump(to_json(record));
}

Fields to_fields(const Record& record) {
  Fields fields = {
      {"schema", std::to_string(kSchema)},
      {"id", record.id},
      {"rev", std::to_string(record.rev)},
      {"stream", record.stream},
      {"kind", to_string(record.kind)},
      {"state", to_string(record.state)},
      {"t_start_ms", std::to_string(record.t_start_ms)},
      {"t_end_ms", std::to_string(record.t_end_ms)},
      {"clock", record.clock},
      {"clock_error_ms", std::to_string(record.clock_error_ms)},
      {"published_ms", std::to_string(record.published_ms)},
      {"text", record.text},
  };
  if (record.score) fields.emplace_back("score", dump(nlohmann::json(*record.score)));
  if (!record.rule.empty()) fields.emplace_back("rule", record.rule);
  if (!record.model.empty()) fields.emplace_back("model", record.model);
  if (!record.prompt_hash.empty()) fields.emplace_back("prompt_hash", record.prompt_hash);
  fields.emplace_back("json", to_json_line(record));
  return fields;
}

RecordIds::RecordIds(std::string_view stream, std::int64_t epoch_start_ms) {
  enter(stream, epoch_start_ms);
}

void RecordIds::enter(std::string_view stream, std::int64_t epoch_start_ms) {
  char digits[16];
  const std::lock_guard lock(mutex_);
  epoch_start_ms_ = epoch_start_ms_ == epoch_start_ms ? epoch_start_ms + 1 : epoch_start_ms;
  const auto end = std::to_chars(digits, digits + sizeof digits, epoch_start_ms_, 36).ptr;
  prefix_.assign(stream).append(1, '-').append(digits, end).append(1, '-');
  counter_ = 0;
}

std::string RecordIds::next() {
  const std::lock_guard lock(mutex_);
  return prefix_ + std::to_string(++counter_);
}

}  // namespace vedette::sinks
