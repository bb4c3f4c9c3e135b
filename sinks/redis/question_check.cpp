#include "sinks/redis/question_check.h"

#include <utf8proc.h>

#include <algorithm>
#include <charconv>

namespace vedette::sinks::redis {

namespace {

constexpr std::int64_t kLatestMs = 253'402'300'799'999;  // the end of the year 9999

bool printable(std::string_view text) {
  return !text.empty() && text.size() <= kQuestionIdBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool is_utf8(std::string_view text) {
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t code = 0;
    const utf8proc_ssize_t taken = utf8proc_iterate(at, left, &code);
    if (taken <= 0) return false;
    at += taken;
    left -= taken;
  }
  return true;
}

bool blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// True when the field is absent or a time.
bool read_time(const std::string_view* field, std::optional<std::int64_t>& out) {
  if (field == nullptr) return true;
  std::int64_t value = 0;
  const char* end = field->data() + field->size();
  const auto [stop, error] = std::from_chars(field->data(), end, value);
  if (error != std::errc{} || stop != end || value < 0 || value > kLatestMs) return false;
  out = value;
  return true;
}

}  // namespace

CheckedQuestion check_question(std::string_view entry_id, const std::vector<std::string_view>& fields,
                               std::int64_t now_ms, std::int64_t age_ms) {
  const auto find = [&](std::string_view name) -> const std::string_view* {
    for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
      if (fields[i] == name) return &fields[i + 1];
    }
    return nullptr;
  };
  const std::string_view* id = find("id");
  const std::string_view* stream = find("stream");
  const std::string_view* text = find("text");
  const std::string_view* client = find("client");

  CheckedQuestion checked;
  Question& question = checked.question;
  question.entry_id = entry_id;
  question.received_ms = now_ms;
  question.id = entry_id;
  const auto refuse = [&](const char* reason) {
    checked.reason = reason;
    return checked;
  };
  if (stream != nullptr && is_stream_id(*stream)) question.stream = *stream;
  if (id == nullptr || !printable(*id)) {
    return refuse(
        "id must be 1 to 64 printable ASCII characters; this answer carries the request's entry id instead");
  }
  question.id = *id;
  if (stream == nullptr) return refuse("there is no field stream");
  if (question.stream.empty()) return refuse("stream must be an id: 1 to 64 of a-z, 0-9, _ and -");
  if (text == nullptr || blank(*text)) return refuse("text is empty");
  if (text->size() > kQuestionTextBytes) return refuse("text is longer than 2048 bytes");
  if (!is_utf8(*text) || text->find('\0') != std::string_view::npos) return refuse("text is not UTF-8");
  if (client != nullptr && !printable(*client))
    return refuse("client must be 1 to 64 printable ASCII characters");
  if (!read_time(find("from_ms"), question.from_ms))
    return refuse("from_ms must be milliseconds of UTC since 1970");
  if (!read_time(find("to_ms"), question.to_ms))
    return refuse("to_ms must be milliseconds of UTC since 1970");
  if (question.from_ms && question.to_ms && *question.from_ms > *question.to_ms) {
    return refuse("from_ms is later than to_ms");
  }
  if (age_ms > kQuestionAgeMs) return refuse("the question is older than 60 s");
  question.text = *text;
  if (client != nullptr) question.client = *client;
  return checked;
}

}  // namespace vedette::sinks::redis
