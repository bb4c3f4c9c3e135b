#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/narration/stream_sight.h"
#include "daemon/narration/timeline.h"
#include "models/runtime/engine.h"
#include "models/text/chat_template.h"
#include "models/text/tokenizer.h"
#include "sinks/question.h"

namespace vedette::daemon::narration {

struct AnswerOptions {
  std::chrono::milliseconds span = std::chrono::minutes(5);  // asked about when the question names no time
  int most_timeline_tokens = 768;                            // what is older is left out
  int most_new_tokens = 80;
  std::chrono::milliseconds partial_every{250};  // partial answers come no closer together than this
  std::size_t most_running = 8;                  // more at once get an error answer
  std::string think_model;                       // name of the LLM, as answers carry it
  // How prompts are written for a model that was taught to read facts (its layout answers), or pictures among
  // them too (it narrates); null, or another model: as text. Where it does not narrate, plain questions are
  // answered from the facts without it. Must outlive the answers.
  const PromptWriter* writer = nullptr;
};

struct AnswerStats {
  std::uint64_t asked = 0;
  std::uint64_t unheard = 0;    // answered without the model: nothing was heard or seen in the span
  std::uint64_t plain = 0;      // answered without the model: the facts say it plainly
  std::uint64_t answered = 0;   // by the model
  std::uint64_t failed = 0;     // error answers
  std::uint64_t cancelled = 0;  // nobody waited any more
};

// Answers questions from a stream's timeline, and its pictures where the model reads them, by the resident
// LLM. When nothing was heard or seen in the span, it says so and does not ask the model; nor does it where
// that was not taught to read facts and they answer plainly. Thread-safe; ask() does not block. What it is
// made with must outlive it and its answers.
class Answers {
 public:
  Answers(models::runtime::Engine& engine, const models::text::Tokenizer& tokenizer,
          const models::text::ChatTemplate& chat, int context_tokens, const AnswerOptions& options = {});
  ~Answers();

  // `now_ms`: UTC where the span of a question that names no time ends (StreamNarration::known_until_ms).
  // `sight`: what the stream shows; may be null.
  void ask(const sinks::Question& question, const Timeline& timeline, std::int64_t now_ms,
           sinks::AnswerCallback callback, const std::shared_ptr<StreamSight>& sight = nullptr);
  AnswerStats stats() const;

 private:
  struct Job;
  struct Shared;
  struct Material;

  bool narrates() const;      // the model reads facts, pictures and sounds
  bool reads_layout() const;  // facts at least, as the layout writes them
  bool admit(const std::shared_ptr<Job>& job);
  void answer_without_model(const sinks::Question& question, const Material& material,
                            const StreamSight* sight, sinks::Answer& answer);
  Material gather(const sinks::Question& question, const Timeline& timeline, const sinks::Answer& answer,
                  StreamSight* sight) const;
  models::runtime::TextRequest request_for(const sinks::Question& question, const Material& material,
                                           const sinks::Answer& answer, StreamSight* sight) const;

  const AnswerOptions options_;
  models::runtime::Engine& engine_;
  const models::text::Tokenizer& tokenizer_;
  const models::text::ChatTemplate& chat_;
  const int context_tokens_;
  const std::shared_ptr<Shared> shared_;  // counters and open jobs, which callbacks of the engine outlive
};

// The conversation that an LLM is given that was taught nothing of timelines: a system message, and the
// timeline with the question as the user's turn. `words_only`: there is nothing but words in it.
std::vector<models::text::ChatMessage> question_prompt(std::string_view timeline, std::string_view question,
                                                       bool words_only = true);

// The text of the answer when nothing was heard, nor seen in a stream that `looks`: what was measured in the
// span, if anything was.
std::string unheard_answer(const std::vector<Fact>& facts, std::int64_t from_ms, std::int64_t to_ms,
                           bool looks = false);

}  // namespace vedette::daemon::narration
