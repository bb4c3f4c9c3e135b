#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "models/audio/speech_options.h"
#include "models/audio/transcript.h"
#include "models/runtime/statistics.h"
#include "models/tensor/tensor.h"

namespace vedette::models::runtime {

// Highest first. Under load the engine runs the higher one's steps and sheds the lowest.
enum class Priority : std::uint8_t { kQuestion, kAlert, kTranscript, kCaption };

enum class FinishReason : std::uint8_t { kStop, kLength, kCancelled, kShed, kError };

// A stretch of prompt: tokens, and rows of embeddings among them (pictures, sounds).
struct PromptPiece {
  std::vector<std::int32_t> tokens;  // language::kEmbeddingRow where the next row of `embeddings` stands
  tensor::Tensor embeddings;         // [rows, hidden]; empty when there is none
};

// The growing prompt of one stream, whose KV stays in the engine: what is new is appended, and a request that
// names the session runs as a fork of it, which sees what was appended before the request was submitted.
// Freed with its last handle. Thread-safe; nothing blocks.
class PromptSession {
 public:
  virtual ~PromptSession() = default;
  // Runs through the model when its turn comes: as a caption does, or sooner, when a request needs it. What
  // goes past the session's limit evicts the oldest pages behind the head, a quarter of them at a time.
  // Throws: std::invalid_argument for a token outside the vocabulary, embeddings of another shape than the
  // tokens call for, or a piece that is longer than the session.
  virtual void append(PromptPiece piece) = 0;
  // How many tokens, in the order in which they were appended, have been forgotten so far.
  virtual std::int64_t forgotten_tokens() const { return 0; }
};

struct SessionOptions {
  PromptPiece head;        // the system prompt: never evicted
  int most_tokens = 1024;  // of head and appended pieces together; older pages are evicted
};

// Text generation by the resident LLM.
struct TextRequest {
  std::shared_ptr<PromptSession> session;  // what the prompt continues; null: nothing
  std::vector<std::int32_t> prompt;        // token ids, chat template already applied
  tensor::Tensor embeddings;  // [rows, hidden] for language::kEmbeddingRow in the prompt; may be empty
  int max_new_tokens = 128;
  float temperature = 0.0F;  // 0: greedy
  float top_p = 1.0F;        // 1: all
  std::uint64_t seed = 0;
  Priority priority = Priority::kQuestion;
};

struct TextResult {
  FinishReason reason = FinishReason::kStop;
  std::string text;                  // everything that was generated
  std::vector<std::int32_t> tokens;  // the same, without the end token
  int prompt_tokens = 0;
  int generated_tokens = 0;
  std::exception_ptr error;  // with kError
};

// Speech recognition of one encoded window by the resident Whisper decoder.
struct SpeechRequest {
  tensor::Tensor features;                   // [frames, hidden], as AudioEncoding gives
  std::chrono::nanoseconds audio_length{0};  // true length of the window, before padding
  std::string previous_text;                 // words committed before the window: context ("" for none)
  audio::SpeechOptions options;
  Priority priority = Priority::kTranscript;
};

struct SpeechResult {
  FinishReason reason = FinishReason::kStop;
  audio::Transcript transcript;
  std::exception_ptr error;  // with kError
};

// How likely the LLM continues the prompt with each of some tokens; nothing is generated.
struct ScoreRequest {
  std::shared_ptr<PromptSession> session;  // as in TextRequest, like the next two
  std::vector<std::int32_t> prompt;
  tensor::Tensor embeddings;
  // Each choice is a set of first tokens that mean it ("yes", " Yes", ...).
  std::vector<std::vector<std::int32_t>> choices;
  Priority priority = Priority::kAlert;
};

struct ScoreResult {
  FinishReason reason = FinishReason::kStop;
  std::vector<float> probabilities;  // [choices]: of each choice among all of them; their sum is 1
  std::exception_ptr error;          // with kError
};

// Callbacks run on the engine's thread, must not block, and none comes after the finished one.
struct TextCallbacks {
  std::function<void(std::string_view piece)> on_text;  // whole characters only; may be empty
  std::function<void(TextResult)> on_finished;
};
using SpeechCallback = std::function<void(SpeechResult)>;
using ScoreCallback = std::function<void(ScoreResult)>;

// Keeps a submitted request cancellable; dropping it does not cancel. The finished callback still comes, with
// kCancelled.
class RequestHandle {
 public:
  virtual ~RequestHandle() = default;
  virtual void cancel() = 0;
};

// The one place where models run step by step: one step at a time, batched across streams, highest priority
// first. Thread-safe. The waiting line is bounded; what does not fit finishes with kShed. Narration's tests
// have a fake.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::shared_ptr<RequestHandle> submit(TextRequest request, TextCallbacks callbacks) = 0;
  virtual std::shared_ptr<RequestHandle> submit(SpeechRequest request, SpeechCallback done) = 0;
  virtual std::shared_ptr<RequestHandle> submit(ScoreRequest request, ScoreCallback done) = 0;
  // Null when there is no language model. Throws: std::invalid_argument as PromptSession::append, and when
  // head and most_tokens do not fit the model.
  virtual std::shared_ptr<PromptSession> open_session(SessionOptions options) = 0;
  virtual EngineStatistics statistics() const { return {}; }
};

}  // namespace vedette::models::runtime
