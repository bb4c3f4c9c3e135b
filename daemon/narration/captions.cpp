#include "daemon/narration/captions.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace vedette::daemon::narration {

using sinks::Record;
using sinks::RecordState;
using std::chrono::nanoseconds;

namespace {

// Letters and digits in lower case, single spaces between.
std::string plain(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool kept = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      (static_cast<unsigned char>(c) & 0x80U) != 0;
    if (kept) {
      result += upper ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!result.empty() && result.back() != ' ') {
      result += ' ';
    }
  }
  while (result.ends_with(' ')) result.pop_back();
  return result;
}

}  // namespace

const char* to_string(CaptionSource source) {
  switch (source) {
    case CaptionSource::kFacts: return "facts";
    case CaptionSource::kModel: return "model";
    case CaptionSource::kOverruled: return "overruled";
  }
  return "facts";
}

bool Captions::says(const std::string& text) const {
  return open_ && plain(text) == said_;
}

Record Captions::step(RecordState state) {
  Record& record = *open_;
  record.state = state;
  if (state != RecordState::kOpen) ++record.rev;
  record.t_start_ms = clock_.utc_ms(began_);
  record.t_end_ms = std::max(record.t_start_ms, clock_.utc_ms(holds_));
  told_ = holds_;
  return record;
}

std::vector<Record> Captions::say(nanoseconds t, const Caption& caption) {
  if (says(caption.text)) return still(t);
  std::vector<Record> records = end(t);
  Record record;
  record.id = ids_.next();
  record.stream = stream_;
  record.kind = sinks::Kind::kCaption;
  record.clock = base::to_string(clock_.source);
  record.clock_error_ms = std::chrono::ceil<std::chrono::milliseconds>(clock_.error).count();
  record.text = caption.text;
  record.model = caption.model;
  record.prompt_hash = caption.prompt_hash;
  record.details = nlohmann::json{{"source", to_string(caption.source)}}.dump();
  open_ = std::move(record);
  said_ = plain(caption.text);
  began_ = holds_ = t;
  records.push_back(step(RecordState::kOpen));
  return records;
}

std::vector<Record> Captions::still(nanoseconds t) {
  if (!open_) return {};
  holds_ = std::max(holds_, t);
  if (holds_ - told_ < options_.extend_every) return {};
  return {step(RecordState::kUpdate)};
}

std::vector<Record> Captions::end(nanoseconds t) {
  if (!open_) return {};
  holds_ = std::max(holds_, t);
  std::vector<Record> records = {step(RecordState::kClose)};
  open_.reset();
  return records;
}

}  // namespace vedette::daemon::narration
