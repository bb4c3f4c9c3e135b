#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vedette::sinks {

enum class Kind : std::uint8_t { kCaption, kTranscript, kSound, kMotion, kAlert, kCoverage, kStatus };
constexpr std::size_t kKinds = 7;
enum class RecordState : std::uint8_t { kOpen, kUpdate, kClose, kWithdraw };

const char* to_string(Kind kind);          // "caption", "transcript", ...
const char* to_string(RecordState state);  // "open", "update", "close", "withdraw"

// True for `[a-z0-9_-]{1,64}`.
bool is_stream_id(std::string_view text);

// One thing that was seen, heard or measured; a value. The same id with a higher rev replaces the lower one.
// Redis contract version 1, docs/redis.md.
struct Record {
  std::string id;  // <stream>-<epoch start ms, base 36>-<counter>
  std::uint32_t rev = 0;
  std::string stream;
  Kind kind = Kind::kStatus;
  RecordState state = RecordState::kClose;
  std::int64_t t_start_ms = 0, t_end_ms = 0;  // UTC
  std::string clock;                          // "rtcp", "receive", "file"
  std::int64_t clock_error_ms = 0;
  std::int64_t published_ms = 0;  // UTC; stamped by the publisher when it accepts the record
  std::string text;
  std::optional<double> score;
  std::string rule, model, prompt_hash;
  std::vector<std::string> evidence;  // paths of frames and clips
  std::string details;  // further JSON object, "" for none: words with times, measured value, ...
};

// The whole record as one JSON object, with "schema": 1. Empty optional fields are left out.
nlohmann::json to_json(const Record& record);

// As to_json, as one line of UTF-8; what is not UTF-8 in the texts is replaced by U+FFFD.
std::string to_json_line(const Record& record);

// The fields of a stream entry, flat ones first, `json` last.
using Fields = std::vector<std::pair<std::string, std::string>>;
Fields to_fields(const Record& record);

// Makes the ids of one stream's epoch: `<stream>-<epoch start ms, base 36>-<counter>`. Thread-safe.
class RecordIds {
 public:
  RecordIds(std::string_view stream, std::int64_t epoch_start_ms);
  // From now on those of another epoch, which is told apart from the one before though it begin in the same
  // millisecond.
  void enter(std::string_view stream, std::int64_t epoch_start_ms);
  std::string next();

 private:
  std::mutex mutex_;
  std::string prefix_;
  std::int64_t epoch_start_ms_ = -1;
  std::uint64_t counter_ = 0;
};

}  // namespace vedette::sinks
