#include "daemon/files/caption_writer.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <ostream>

#include "daemon/narration/words.h"

namespace vedette::daemon::files {

using std::chrono::nanoseconds;

namespace {

// "00:01:02,345": hours have at least two digits.
std::string clock_time(nanoseconds time, char point) {
  const std::int64_t ms =
      std::max<std::int64_t>(std::chrono::round<std::chrono::milliseconds>(time).count(), 0);
  char text[48];
  std::snprintf(text, sizeof text, "%02lld:%02lld:%02lld%c%03lld", static_cast<long long>(ms / 3'600'000),
                static_cast<long long>(ms / 60'000 % 60), static_cast<long long>(ms / 1000 % 60), point,
                static_cast<long long>(ms % 1000));
  return text;
}

// "-->" ends a cue's times and '<', '&' open markup: neither may come from the words.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else
      result += c;
  }
  return result;
}

std::vector<narration::TimedWord> timed(const std::vector<models::audio::Word>& words) {
  std::vector<narration::TimedWord> result;
  for (const auto& word : words) result.push_back({word.text, word.start, word.end, word.probability});
  return result;
}

Caption part_of(const Caption& caption, std::size_t first, std::size_t count) {
  Caption part;
  const auto begin = caption.words.begin() + static_cast<std::ptrdiff_t>(first);
  part.words.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
  part.text = narration::joined(timed(part.words));
  part.start = first == 0 ? std::min(caption.start, part.words.front().start) : part.words.front().start;
  part.end = std::clamp(caption.end, part.start, part.words.back().end);
  return part;
}

// How many words from `first` on make one cue: what is left is cut into the fewest parts of about equal
// length that keep the limits, each at the end of a clause where one is near.
std::size_t cue_length(const Caption& caption, std::size_t first, const SubtitleLimits& limits) {
  const auto& words = caption.words;
  std::size_t characters = 0;
  for (std::size_t i = first; i < words.size(); ++i) characters += words[i].text.size();
  const nanoseconds whole = words.back().end - words[first].start;
  const std::size_t by_text = (characters + limits.most_characters - 1) / (limits.most_characters + 1);
  const auto by_time =
      static_cast<std::size_t>((whole.count() + limits.longest.count() - 1) / limits.longest.count());
  const std::size_t parts = std::max<std::size_t>({by_text, by_time, 1});
  if (parts == 1) return words.size() - first;
  const double budget = static_cast<double>(characters) / static_cast<double>(parts);
  std::size_t taken = 0;
  std::size_t best = 1;
  double best_cost = 1e9;
  for (std::size_t i = first; i + 1 < words.size(); ++i) {
    taken += words[i].text.size();
    const bool fits =
        taken <= limits.most_characters + 1 && words[i].end - words[first].start <= limits.longest;
    if (!fits && i > first) break;
    const bool clause = narration::ends_sentence(words[i].text) || narration::ends_clause(words[i].text);
    const double cost = std::abs(static_cast<double>(taken) - budget) / budget - (clause ? 0.4 : 0.0);
    if (cost >= best_cost) continue;
    best_cost = cost;
    best = i + 1 - first;
  }
  return best;
}

}  // namespace

std::optional<CaptionFormat> caption_format(std::string_view name) {
  if (name == "text") return CaptionFormat::kText;
  if (name == "jsonl") return CaptionFormat::kJsonLines;
  if (name == "srt") return CaptionFormat::kSrt;
  if (name == "vtt") return CaptionFormat::kVtt;
  return std::nullopt;
}

std::vector<Caption> split(const Caption& caption, const SubtitleLimits& limits) {
  if (caption.words.empty()) return {caption};
  std::vector<Caption> parts;
  for (std::size_t first = 0; first < caption.words.size();) {
    const std::size_t count = cue_length(caption, first, limits);
    parts.push_back(part_of(caption, first, count));
    first += count;
  }
  return parts;
}

Caption caption_of(const sinks::Record& record, nanoseconds utc_zero) {
  const auto in_file = [utc_zero](std::int64_t utc_ms) {
    return nanoseconds(std::chrono::milliseconds(utc_ms)) - utc_zero;
  };
  Caption caption{in_file(record.t_start_ms), in_file(record.t_end_ms), record.text, {}};
  const auto details = nlohmann::json::parse(record.details, nullptr, false);
  if (!details.is_object()) return caption;
  std::size_t at = 0;  // in the text, which knows where the spaces are
  for (const auto& word : details.value("words", nlohmann::json::array())) {
    std::string text = word.value("word", "");
    const std::size_t found = caption.text.find(text, at);
    if (found != std::string::npos) {
      at = found + text.size();
      if (found > 0 && caption.text[found - 1] == ' ') text.insert(text.begin(), ' ');
    }
    caption.words.push_back({std::move(text), in_file(word.value("t_start_ms", std::int64_t{0})),
                             in_file(word.value("t_end_ms", std::int64_t{0})),
                             word.value("probability", 0.0F)});
  }
  return caption;
}

CaptionWriter::CaptionWriter(std::ostream& out, CaptionFormat format, nanoseconds utc_zero)
    : out_(out), format_(format), utc_zero_(utc_zero) {
  if (format_ == CaptionFormat::kVtt) out_ << "WEBVTT\n\n" << std::flush;
}

void CaptionWriter::take(const sinks::Record& record) {
  const bool told = record.kind == sinks::Kind::kTranscript || record.kind == sinks::Kind::kCaption;
  if (!told) return;
  const bool withdrawn = record.state == sinks::RecordState::kWithdraw;
  if (record.state != sinks::RecordState::kClose && !withdrawn) {
    open_[record.id] = record.t_start_ms;
    return;
  }
  open_.erase(record.id);
  if (!withdrawn) waiting_.emplace(record.t_start_ms, record);
  std::int64_t first_open = std::numeric_limits<std::int64_t>::max();
  for (const auto& [id, t_start_ms] : open_) first_open = std::min(first_open, t_start_ms);
  write_until(first_open);
}

void CaptionWriter::finish() {
  write_until(std::numeric_limits<std::int64_t>::max());
}

void CaptionWriter::write_until(std::int64_t t_ms) {
  while (!waiting_.empty() && waiting_.begin()->first <= t_ms) {
    write(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
  }
}

void CaptionWriter::write(const sinks::Record& said) {
  sinks::Record record = said;
  const bool seen = record.kind == sinks::Kind::kCaption && format_ != CaptionFormat::kJsonLines;
  if (seen) record.text = "[" + record.text + "]";
  switch (format_) {
    case CaptionFormat::kText: out_ << record.text << "\n"; break;
    case CaptionFormat::kJsonLines: out_ << sinks::to_json_line(record) << "\n"; break;
    case CaptionFormat::kSrt:
    case CaptionFormat::kVtt:
      for (const Caption& cue : split(caption_of(record, utc_zero_))) write_cue(cue);
      break;
  }
  out_ << std::flush;
}

void CaptionWriter::write_cue(const Caption& caption) {
  const bool srt = format_ == CaptionFormat::kSrt;
  const char point = srt ? ',' : '.';
  if (srt) out_ << ++cues_ << "\n";
  out_ << clock_time(caption.start, point) << " --> " << clock_time(caption.end, point) << "\n";
  out_ << (srt ? caption.text : escaped(caption.text)) << "\n\n";
}

std::string stream_id_of(const std::filesystem::path& file) {
  std::string id;
  for (const char c : file.stem().string().substr(0, 64)) {
    const bool lower = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    id += lower ? c : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : '-';
  }
  return id.empty() ? "file" : id;
}

}  // namespace vedette::daemon::files
