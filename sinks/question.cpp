#include "sinks/question.h"

#include <nlohmann/json.hpp>

namespace vedette::sinks {

const char* to_string(AnswerState state) {
  switch (state) {
    case AnswerState::kPartial: return "partial";
    case AnswerState::kFinal: return "final";
    case AnswerState::kError: return "error";
  }
  return "error";
}

Fields to_fields(const Answer& answer, std::int64_t published_ms) {
  nlohmann::json json = {
      {"schema", 1},
      {"id", answer.id},
      {"stream", answer.stream},
      {"state", to_string(answer.state)},
      {"seq", answer.seq},
      {"text", answer.text},
      {"published_ms", published_ms},
      {"from_ms", answer.from_ms},
      {"to_ms", answer.to_ms},
      {"evidence", answer.evidence},
  };
  if (!answer.frames.empty()) json["frames"] = answer.frames;
  if (!answer.reason.empty()) json["reason"] = answer.reason;
  if (!answer.model.empty()) json["model"] = answer.model;
  Fields fields = {
      {"schema", "1"},
      {"id", answer.id},
      {"stream", answer.stream},
      {"state", to_string(answer.state)},
      {"seq", std::to_string(answer.seq)},
      {"text", answer.text},
      {"published_ms", std::to_string(published_ms)},
  };
  if (!answer.reason.empty()) fields.emplace_back("reason", answer.reason);
  fields.emplace_back("json", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  return fields;
}

}  // namespace vedette::sinks
