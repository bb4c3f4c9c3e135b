#include "models/audio/speech_gates.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <new>
#include <string>
#include <vector>

namespace vedette::models::audio {

struct CompressionGauge::Stream {
  z_stream z{};
  Stream() {
    // As zlib.compress does, so that the published threshold means the same.
    if (deflateInit(&z, Z_DEFAULT_COMPRESSION) != Z_OK) throw std::bad_alloc();
  }
  ~Stream() { deflateEnd(&z); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
};

CompressionGauge::CompressionGauge() : stream_(std::make_unique<Stream>()) {}
CompressionGauge::~CompressionGauge() = default;
CompressionGauge::CompressionGauge(CompressionGauge&&) noexcept = default;
CompressionGauge& CompressionGauge::operator=(CompressionGauge&&) noexcept = default;

float CompressionGauge::ratio(std::string_view text) {
  if (text.empty()) return 0.0F;
  z_stream& z = stream_->z;
  deflateReset(&z);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  std::array<Bytef, 1024> out;
  int state = Z_OK;
  while (state == Z_OK) {
    z.next_out = out.data();
    z.avail_out = static_cast<uInt>(out.size());
    state = deflate(&z, Z_FINISH);
  }
  return static_cast<float>(text.size()) / static_cast<float>(z.total_out);
}

namespace {

constexpr int kHeldLetters = 4;        // "AHHHH": one letter this often in a row,
constexpr std::size_t kFewWords = 3;   // in a text of no more words
constexpr std::size_t kMaxWords = 8;   // longest phrase looked for
constexpr std::size_t kMinRounds = 5;  // how often it must come round

// The text in lower case, words only, one space between.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || std::isalnum(byte) || c == '\'') {
      words.back() += static_cast<char>(std::tolower(byte));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

bool holds_a_letter(std::string_view text) {
  int run = 1;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool same =
        std::isalpha(byte) && std::tolower(byte) == std::tolower(static_cast<unsigned char>(text[i - 1]));
    run = same ? run + 1 : 1;
    if (run >= kHeldLetters) return true;
  }
  return false;
}

}  // namespace

bool repeats_itself(std::string_view text) {
  const std::vector<std::string> words = words_of(text);
  if (words.size() <= kFewWords && holds_a_letter(text)) return true;
  for (std::size_t length = 1; length <= std::min(kMaxWords, words.size() / 2); ++length) {
    std::size_t same = 0;  // words in a row that equal the one `length` before
    for (std::size_t i = length; i < words.size(); ++i) {
      same = words[i] == words[i - length] ? same + 1 : 0;
      if (same >= length * (kMinRounds - 1) && 2 * (same + length) >= words.size()) return true;
    }
  }
  return false;
}

namespace {

constexpr float kLikelyWords = -0.5F;  // mean log-probability that outweighs a no-speech probability near 1

bool no_speech(const SpeechOptions& options, const Transcript& transcript) {
  const float silence = transcript.no_speech_probability, words = transcript.mean_log_probability;
  if (silence > options.max_no_speech_probability && words < options.min_log_probability) return true;
  return silence > options.certain_no_speech_probability && words < kLikelyWords;
}

}  // namespace

Verdict judge(const SpeechOptions& options, const Transcript& attempt, std::string_view text) {
  if (no_speech(options, attempt)) return Verdict::kNoSpeech;
  const bool unlikely = attempt.mean_log_probability < options.min_log_probability;
  const bool circles = attempt.compression_ratio > options.max_compression_ratio || repeats_itself(text);
  return unlikely || circles ? Verdict::kRetry : Verdict::kKeep;
}

void reject_if_no_speech(const SpeechOptions& options, std::string_view text, Transcript& transcript) {
  const auto reject = [&](const char* reason) {
    transcript.rejected = true;
    transcript.reject_reason = reason;
  };
  const bool only_marks = !text.empty() && words_of(text).empty();
  if (only_marks || no_speech(options, transcript)) return reject("no_speech");
  if (transcript.compression_ratio > options.max_compression_ratio) return reject("compression");
  if (repeats_itself(text)) return reject("repetition");
  if (transcript.mean_log_probability < options.min_log_probability) return reject("low_probability");
}

}  // namespace vedette::models::audio
