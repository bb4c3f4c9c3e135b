#include "daemon/narration/answers.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <set>
#include <utility>

#include "base/time.h"
#include "daemon/narration/error_text.h"
#include "daemon/narration/repetition.h"

namespace vedette::daemon::narration {

using models::runtime::FinishReason;
using models::runtime::TextCallbacks;
using models::runtime::TextRequest;
using models::runtime::TextResult;
using models::text::ChatMessage;
using sinks::Answer;
using sinks::AnswerState;

namespace {

constexpr std::string_view kSystem =
    "You answer questions about what was heard in a recording. Use only the words in quotes. Answer in one "
    "short "
    "sentence and quote the words.";
constexpr int kPromptReserve = 160;  // tokens of the system message, the question's frame and the template

std::string utc_text(std::int64_t ms) {
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \n\t");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \n\t") - first + 1);
}

}  // namespace

std::vector<ChatMessage> question_prompt(std::string_view timeline, std::string_view question) {
  std::string user(timeline);
  user += "\n";
  user += question;
  return {{"system", std::string(kSystem)}, {"user", std::move(user)}};
}

std::string unheard_answer(const std::vector<Fact>& facts, std::int64_t from_ms, std::int64_t to_ms) {
  std::string text = "Nothing was heard between " + utc_text(from_ms) + " and " + utc_text(to_ms) + ".";
  std::set<std::string> labels;
  for (const Fact& fact : facts) {
    if (fact.kind != FactKind::kHeard) labels.insert(fact.label);
  }
  if (labels.empty()) return text;
  text += " Measured:";
  for (const std::string& label : labels) text += (text.back() == ':' ? " " : ", ") + label;
  return text + ".";
}

// One question that the model is at work on. Touched by the thread that asked until submit has returned, and
// by the engine's thread.
struct Answers::Job {
  Answer answer;  // span, evidence and model; text so far
  sinks::AnswerCallback callback;
  std::chrono::steady_clock::time_point last_partial;
  std::atomic<bool> unwanted{false};
  bool enough = false;  // the model repeats itself: what is there is the answer
  std::mutex mutex;     // guards handle
  std::shared_ptr<models::runtime::RequestHandle> handle;

  void cancel() {
    unwanted = true;
    std::shared_ptr<models::runtime::RequestHandle> running;
    {
      const std::lock_guard lock(mutex);
      running = handle;
    }
    if (running) running->cancel();
  }
  void partial(std::string_view piece, std::chrono::milliseconds every) {
    answer.text += piece;
    if (without_repetition(answer.text).size() < answer.text.size()) {
      enough = true;
      cancel();
      return;
    }
    const auto now = std::chrono::steady_clock::now();
    if (unwanted || now - last_partial < every || trimmed(answer.text).empty()) return;
    last_partial = now;
    Answer step = answer;
    step.text = trimmed(step.text);
    if (!callback(std::move(step))) cancel();
  }
};

struct Answers::Shared {
  std::mutex mutex;
  AnswerStats stats;
  std::set<std::shared_ptr<Job>> running;

  void finish(const std::shared_ptr<Job>& job, TextResult result);
};

void Answers::Shared::finish(const std::shared_ptr<Job>& job, TextResult result) {
  Answer& answer = job->answer;
  const bool whole =
      result.reason == FinishReason::kStop || result.reason == FinishReason::kLength || job->enough;
  {
    const std::lock_guard lock(mutex);
    running.erase(job);
    ++(whole ? stats.answered : result.reason == FinishReason::kCancelled ? stats.cancelled : stats.failed);
  }
  answer.text = trimmed(std::string(without_repetition(result.text)));
  answer.state = whole ? AnswerState::kFinal : AnswerState::kError;
  switch (result.reason) {
    case FinishReason::kStop:
    case FinishReason::kLength: break;
    case FinishReason::kCancelled: answer.reason = whole ? "" : "cancelled"; break;
    case FinishReason::kShed: answer.reason = "busy: too many questions at once"; break;
    case FinishReason::kError: answer.reason = "the model failed: " + message_of(result.error); break;
  }
  if (whole && answer.text.empty()) answer.text = "The model gave no answer.";
  job->callback(std::move(answer));
}

Answers::Answers(models::runtime::Engine& engine, const models::text::Tokenizer& tokenizer,
                 const models::text::ChatTemplate& chat, int context_tokens, const AnswerOptions& options)
    : options_(options),
      engine_(engine),
      tokenizer_(tokenizer),
      chat_(chat),
      context_tokens_(context_tokens),
      shared_(std::make_shared<Shared>()) {}

Answers::~Answers() {
  std::set<std::shared_ptr<Job>> running;
  {
    const std::lock_guard lock(shared_->mutex);
    running = shared_->running;
  }
  for (const auto& job : running) job->cancel();
}

AnswerStats Answers::stats() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->stats;
}

void Answers::ask(const sinks::Question& question, const Timeline& timeline, std::int64_t now_ms,
                  sinks::AnswerCallback callback) {
  auto job = std::make_shared<Job>();
  job->callback = std::move(callback);
  Answer& answer = job->answer;
  answer.model = options_.think_model;
  answer.to_ms = question.to_ms.value_or(now_ms);
  answer.from_ms = question.from_ms.value_or(answer.to_ms - options_.span.count());
  const std::vector<Fact> facts = timeline.between(answer.from_ms, answer.to_ms);

  RenderOptions layout;
  layout.zero_ms = answer.from_ms;
  const auto question_tokens = static_cast<int>(tokenizer_.encode(question.text).size());
  layout.most_tokens = std::min(options_.most_timeline_tokens, context_tokens_ - options_.most_new_tokens -
                                                                   kPromptReserve - question_tokens);
  layout.count_tokens = [this](std::string_view text) {
    return static_cast<int>(tokenizer_.encode(text).size());
  };
  std::string refusal;
  RenderedTimeline rendered;
  if (layout.most_tokens <= 0) {
    refusal = "the question is too long for the model: " + std::to_string(question_tokens) + " tokens of " +
              std::to_string(context_tokens_);
  } else {
    rendered = render(facts, layout);
  }
  answer.evidence = rendered.evidence;
  if (!refusal.empty()) {
    answer.state = AnswerState::kError;
    answer.reason = std::move(refusal);
  } else if (!rendered.heard) {
    answer.state = AnswerState::kFinal;
    answer.model.clear();
    answer.text = unheard_answer(facts, answer.from_ms, answer.to_ms);
  }
  {
    const std::lock_guard lock(shared_->mutex);
    ++shared_->stats.asked;
    if (answer.state == AnswerState::kFinal) ++shared_->stats.unheard;
    if (answer.state == AnswerState::kPartial && shared_->running.size() >= options_.most_running) {
      answer.state = AnswerState::kError;
      answer.reason = "busy: too many questions at once";
    }
    if (answer.state == AnswerState::kError) ++shared_->stats.failed;
    if (answer.state == AnswerState::kPartial) shared_->running.insert(job);
  }
  if (answer.state != AnswerState::kPartial) {
    job->callback(std::move(answer));
    return;
  }
  TextRequest request;
  request.prompt = chat_.encode(tokenizer_, question_prompt(rendered.text, question.text), true);
  request.max_new_tokens = options_.most_new_tokens;
  TextCallbacks callbacks;
  callbacks.on_text = [job, every = options_.partial_every](std::string_view piece) {
    job->partial(piece, every);
  };
  callbacks.on_finished = [job, shared = shared_](TextResult result) {
    shared->finish(job, std::move(result));
  };
  auto handle = engine_.submit(std::move(request), std::move(callbacks));
  {
    const std::lock_guard lock(job->mutex);
    job->handle = handle;
  }
  if (job->unwanted && handle) handle->cancel();
}

}  // namespace vedette::daemon::narration
