#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sinks/record.h"

namespace vedette::sinks {

// A question about one stream, already checked: the stream is known, the text is 1 to 2048 bytes of UTF-8,
// the span is in order. A value.
struct Question {
  std::string id;  // the asker's own, at most 64 printable characters
  std::string stream;
  std::string text;
  std::optional<std::int64_t> from_ms, to_ms;  // UTC; the span that is asked about, where the asker gave one
  std::string client;                          // who asks, "" where not said; limits what one client has open
  std::string entry_id;                        // of the request in Redis
  std::int64_t received_ms = 0;                // UTC
};

enum class AnswerState : std::uint8_t { kPartial, kFinal, kError };
const char* to_string(AnswerState state);  // "partial", "final", "error"

// One step of the answer to a question; a value. The narrator fills text, span and evidence; what takes the
// answer fills id, stream and seq.
struct Answer {
  std::string id;  // that of the question
  std::string stream;
  AnswerState state = AnswerState::kPartial;
  std::uint32_t seq = 0;                // counts the steps of one answer, from 0
  std::string text;                     // all text so far, not only what is new
  std::int64_t from_ms = 0, to_ms = 0;  // UTC; the span that the answer rests on, 0 where there is none
  std::vector<std::string> evidence;    // ids of the records that it rests on
  std::vector<std::string> frames;      // paths of the pictures behind them
  std::string reason;                   // with kError: what went wrong, for the asker
  std::string model;                    // that wrote it, "" for none
};

// The fields of an answer's entry, flat ones first, `json` last.
Fields to_fields(const Answer& answer, std::int64_t published_ms);

// Takes the steps of one answer: any number of partial ones, then exactly one final or error, after which it
// does nothing more. Thread-safe, does not block. False: nobody waits for the answer any more (it took too
// long or the service stops), so work on it may be cancelled.
using AnswerCallback = std::function<bool(Answer)>;

// Answers questions. Called from the intake's thread; must not block, and must not throw.
using QuestionHandler = std::function<void(Question, AnswerCallback)>;

}  // namespace vedette::sinks
