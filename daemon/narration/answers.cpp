#include "daemon/narration/answers.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <limits>
#include <set>
#include <utility>

#include "base/time.h"
#include "daemon/narration/error_text.h"
#include "daemon/narration/plain_answers.h"
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
constexpr std::string_view kSystemOfSight =
    "You answer questions about what a camera saw and a microphone heard. The lines are facts, with times in "
    "seconds. Use only them. Answer in one short sentence.";
constexpr std::size_t kMostFrames = 3;  // pictures that an answer names: the newest
constexpr int kPromptReserve = 160;     // tokens of the system message, the question's frame and the template

std::string utc_text(std::int64_t ms) {
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

// The newest sighting alone: a model that was taught nothing of them loses sight of what was said and of what
// moved among many.
std::vector<Fact> without_older_sightings(const std::vector<Fact>& facts) {
  std::vector<Fact> kept;
  for (auto fact = facts.rbegin(); fact != facts.rend(); ++fact) {
    const bool seen = fact->kind == FactKind::kSeen;
    if (seen && std::ranges::any_of(kept, [](const Fact& newer) { return newer.kind == FactKind::kSeen; }))
      continue;
    kept.push_back(*fact);
  }
  std::ranges::reverse(kept);
  return kept;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \n\t");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \n\t") - first + 1);
}

}  // namespace

std::vector<ChatMessage> question_prompt(std::string_view timeline, std::string_view question,
                                         bool words_only) {
  std::string user(timeline);
  user += "\n";
  user += question;
  return {{"system", std::string(words_only ? kSystem : kSystemOfSight)}, {"user", std::move(user)}};
}

std::string unheard_answer(const std::vector<Fact>& facts, std::int64_t from_ms, std::int64_t to_ms,
                           bool looks) {
  std::string text = std::string("Nothing was heard ") + (looks ? "or seen " : "") + "between " +
                     utc_text(from_ms) + " and " + utc_text(to_ms) + ".";
  std::set<std::string> labels;
  for (const Fact& fact : facts) {
    if (fact.kind == FactKind::kCondition || fact.kind == FactKind::kStatus) labels.insert(fact.label);
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

// What a question is answered from.
struct Answers::Material {
  std::vector<Fact> facts;
  RenderedTimeline rendered;
  std::vector<KeptPicture> pictures;  // for a model that reads them, oldest first
  KeptSounds sounds;                  // likewise
  std::string refusal;                // why it cannot be asked; "" when it can
  bool words_only = true;             // no fact is of anything but words and conditions

  bool known() const { return rendered.heard || rendered.seen || !pictures.empty(); }
};

bool Answers::narrates() const {
  return options_.writer != nullptr && options_.writer->layout().narrates;
}

bool Answers::reads_layout() const {
  return narrates() || (options_.writer != nullptr && options_.writer->layout().answers);
}

Answers::Material Answers::gather(const sinks::Question& question, const Timeline& timeline,
                                  const Answer& answer, StreamSight* sight) const {
  Material material;
  material.facts = timeline.between(answer.from_ms, answer.to_ms);
  int room =
      std::min(options_.most_timeline_tokens, context_tokens_ - options_.most_new_tokens - kPromptReserve);
  const auto question_tokens = static_cast<int>(tokenizer_.encode(question.text).size());
  room = std::min(room, context_tokens_ - options_.most_new_tokens - kPromptReserve - question_tokens);
  if (room <= 0) {
    material.refusal = "the question is too long for the model: " + std::to_string(question_tokens) +
                       " tokens of " + std::to_string(context_tokens_);
    return material;
  }
  if (narrates() && sight != nullptr) {
    material.pictures = sight->pictures(answer.from_ms, answer.to_ms);
    const auto most = static_cast<std::size_t>(options_.writer->layout().pictures);
    if (material.pictures.size() > most)
      material.pictures.erase(material.pictures.begin(),
                              material.pictures.end() - static_cast<std::ptrdiff_t>(most));
    material.sounds = sight->sounds(material.facts);
    PieceWriter shown(*options_.writer);
    for (const KeptPicture& picture : material.pictures) shown.picture(0, picture.tokens);
    room -= shown.size();
    for (const auto& [id, rows] : material.sounds) room -= static_cast<int>(rows->shape()[0]);
  }
  RenderOptions layout;
  if (reads_layout()) layout.layout = &options_.writer->layout();
  layout.zero_ms = answer.from_ms;
  layout.most_tokens = std::max(1, room);
  layout.count_tokens = [this](std::string_view text) {
    return static_cast<int>(tokenizer_.encode(text).size());
  };
  material.rendered = render(narrates() ? material.facts : without_older_sightings(material.facts), layout);
  material.words_only = std::ranges::none_of(material.facts, [](const Fact& fact) {
    return fact.kind == FactKind::kSeen || fact.kind == FactKind::kMoved || fact.kind == FactKind::kSounded;
  });
  return material;
}

// A fork of the stream's session where that holds all that the question is about; else a prompt of its own.
TextRequest Answers::request_for(const sinks::Question& question, const Material& material,
                                 const Answer& answer, StreamSight* sight) const {
  TextRequest request;
  request.max_new_tokens = options_.most_new_tokens;
  if (!reads_layout()) {
    request.prompt = chat_.encode(
        tokenizer_, question_prompt(material.rendered.text, question.text, material.words_only), true);
    return request;
  }
  if (narrates() && sight != nullptr && !question.to_ms) {
    StreamSight::Fork fork = sight->fork(material.facts, answer.to_ms, question.text);
    if (fork.session != nullptr) {
      request.session = std::move(fork.session);
      request.prompt = std::move(fork.suffix.tokens);
      request.embeddings = std::move(fork.suffix.embeddings);
      return request;
    }
  }
  PieceWriter piece(*options_.writer);
  piece.tokens(options_.writer->head());
  auto picture = material.pictures.begin();
  const auto pictures_before = [&](std::int64_t t_ms) {
    for (; picture != material.pictures.end() && picture->t_ms <= t_ms; ++picture) {
      piece.picture(picture->t_ms - answer.from_ms, picture->tokens);
    }
  };
  for (const Fact& fact : material.rendered.lines) {
    pictures_before(fact.t_start_ms);
    const auto sound = material.sounds.find(fact.record_id);
    piece.fact(fact, answer.from_ms, sound == material.sounds.end() ? nullptr : sound->second);
  }
  pictures_before(std::numeric_limits<std::int64_t>::max());
  piece.tokens(options_.writer->question(question.text));
  models::runtime::PromptPiece whole = piece.take();
  request.prompt = std::move(whole.tokens);
  request.embeddings = std::move(whole.embeddings);
  return request;
}

// Gives the final answer where the facts alone do.
void Answers::answer_without_model(const sinks::Question& question, const Material& material,
                                   const StreamSight* sight, Answer& answer) {
  const bool looks = sight != nullptr && sight->has_pictures();
  std::optional<std::string> plain;
  if (looks && !narrates()) plain = plain_answer(question.text, material.facts);
  if (!plain && material.known()) return;
  answer.state = AnswerState::kFinal;
  answer.model.clear();
  answer.text = plain ? *plain : unheard_answer(material.facts, answer.from_ms, answer.to_ms, looks);
  const std::lock_guard lock(shared_->mutex);
  ++(plain ? shared_->stats.plain : shared_->stats.unheard);
}

void Answers::ask(const sinks::Question& question, const Timeline& timeline, std::int64_t now_ms,
                  sinks::AnswerCallback callback, const std::shared_ptr<StreamSight>& sight) {
  auto job = std::make_shared<Job>();
  job->callback = std::move(callback);
  Answer& answer = job->answer;
  answer.model = options_.think_model;
  answer.to_ms = question.to_ms.value_or(now_ms);
  answer.from_ms = question.from_ms.value_or(answer.to_ms - options_.span.count());
  const Material material = gather(question, timeline, answer, sight.get());
  answer.evidence = material.rendered.evidence;
  for (auto fact = material.facts.rbegin(); fact != material.facts.rend(); ++fact) {
    if (!fact->frame.empty() && answer.frames.size() < kMostFrames) answer.frames.push_back(fact->frame);
  }
  if (!material.refusal.empty()) {
    answer.state = AnswerState::kError;
    answer.reason = material.refusal;
  } else {
    answer_without_model(question, material, sight.get(), answer);
  }
  if (!admit(job)) {
    job->callback(std::move(answer));
    return;
  }
  TextCallbacks callbacks;
  callbacks.on_text = [job, every = options_.partial_every](std::string_view piece) {
    job->partial(piece, every);
  };
  callbacks.on_finished = [job, shared = shared_](TextResult result) {
    shared->finish(job, std::move(result));
  };
  auto handle = engine_.submit(request_for(question, material, answer, sight.get()), std::move(callbacks));
  {
    const std::lock_guard lock(job->mutex);
    job->handle = handle;
  }
  if (job->unwanted && handle) handle->cancel();
}

// Counts the question. False: its answer is there already, an error when too many run.
bool Answers::admit(const std::shared_ptr<Job>& job) {
  Answer& answer = job->answer;
  const std::lock_guard lock(shared_->mutex);
  ++shared_->stats.asked;
  if (answer.state == AnswerState::kPartial && shared_->running.size() >= options_.most_running) {
    answer.state = AnswerState::kError;
    answer.reason = "busy: too many questions at once";
  }
  if (answer.state == AnswerState::kError) ++shared_->stats.failed;
  if (answer.state != AnswerState::kPartial) return false;
  shared_->running.insert(job);
  return true;
}

}  // namespace vedette::daemon::narration
