#include "daemon/narration/transcripts.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace vedette::daemon::narration {

using sinks::Record;
using sinks::RecordState;
using std::chrono::nanoseconds;

namespace {

nlohmann::json to_json(const TimedWord& word, const base::ClockMap& clock) {
  const auto first = word.text.find_first_not_of(' ');
  return {{"word", first == std::string::npos ? word.text : word.text.substr(first)},
          {"t_start_ms", clock.utc_ms(word.start)},
          {"t_end_ms", clock.utc_ms(word.end)},
          {"probability", static_cast<int>(word.probability * 1000.0F + 0.5F) / 1000.0}};
}

std::int64_t ceil_ms(nanoseconds t) {
  return std::chrono::ceil<std::chrono::milliseconds>(t).count();
}

}  // namespace

std::string word_details(const std::vector<TimedWord>& words, std::size_t committed,
                         const base::ClockMap& clock) {
  nlohmann::json details = {{"words", nlohmann::json::array()}, {"committed_words", committed}};
  for (const TimedWord& word : words) details["words"].push_back(to_json(word, clock));
  return details.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::optional<double> mean_probability(const std::vector<TimedWord>& words) {
  if (words.empty()) return std::nullopt;
  double sum = 0.0;
  for (const TimedWord& word : words) sum += static_cast<double>(word.probability);
  return sum / static_cast<double>(words.size());
}

Transcripts::Transcripts(std::string stream, std::string model, sinks::RecordIds& ids,
                         const TranscriptOptions& options)
    : stream_(std::move(stream)), model_(std::move(model)), ids_(ids), options_(options) {}

std::vector<Record> Transcripts::take(const std::vector<TimedWord>& committed,
                                      const std::vector<TimedWord>& tentative, nanoseconds now, bool settle) {
  std::vector<Record> records;
  for (std::size_t i = 0; i < committed.size(); ++i) {
    words_.push_back(committed[i]);
    const TimedWord* next = i + 1 < committed.size() ? &committed[i + 1]
                            : tentative.empty()      ? nullptr
                                                     : &tentative.front();
    if (closes_behind(committed[i], next)) close(records);
  }
  if (!words_.empty()) {
    const nanoseconds follower = tentative.empty() ? now : tentative.front().start;
    const bool paused = follower - words_.back().end >= options_.pause;
    const bool waited =
        options_.longest_wait.count() > 0 && now - words_.front().end >= options_.longest_wait;
    if (settle || paused || waited) close(records);
  }
  if (words_.empty() && tentative.empty()) {
    if (!id_.empty()) withdraw(records);
    return records;
  }
  const std::string text = std::to_string(words_.size()) + joined(words_) + joined(tentative);
  if (text != published_) {
    published_ = text;
    records.push_back(make(id_.empty() ? RecordState::kOpen : RecordState::kUpdate, tentative));
  }
  return records;
}

bool Transcripts::closes_behind(const TimedWord& word, const TimedWord* next) const {
  if (ends_sentence(word.text)) return true;
  if (next != nullptr && next->start - word.end >= options_.pause) return true;
  return word.end - words_.front().start >= options_.longest;
}

// What was tentative was not said after all.
void Transcripts::withdraw(std::vector<Record>& records) {
  shown_.state = RecordState::kWithdraw;
  ++shown_.rev;
  records.push_back(shown_);
  published_.clear();
  id_.clear();
}

void Transcripts::close(std::vector<Record>& records) {
  records.push_back(make(RecordState::kClose, {}));
  words_.clear();
  published_.clear();
  id_.clear();
}

Record Transcripts::make(RecordState state, const std::vector<TimedWord>& tentative) {
  if (id_.empty()) {
    id_ = ids_.next();
    rev_ = 0;
  } else {
    ++rev_;
  }
  std::vector<TimedWord> all = words_;
  all.insert(all.end(), tentative.begin(), tentative.end());
  Record record;
  record.id = id_;
  record.rev = rev_;
  record.stream = stream_;
  record.kind = sinks::Kind::kTranscript;
  record.state = state;
  record.t_start_ms = clock_.utc_ms(all.front().start);
  record.t_end_ms = clock_.utc_ms(all.back().end);
  record.clock = base::to_string(clock_.source);
  record.clock_error_ms = ceil_ms(clock_.error);
  record.text = joined(all);
  record.score = mean_probability(all);
  record.model = model_;
  record.details = word_details(all, words_.size(), clock_);
  shown_ = record;
  return record;
}

}  // namespace vedette::daemon::narration
