#include "models/runtime/step_engine.h"

#include <pthread.h>

#include <algorithm>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace vedette::models::runtime {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPriorities = 4;

}  // namespace

template <class J>
std::size_t StepEngine::Queue<J>::count_waiting() const {
  std::size_t count = 0;
  for (const auto& line : waiting) count += line.size();
  return count;
}

StepEngine::StepEngine(Lane<TextJob>* text, Lane<SpeechJob>* speech, const StepEngineOptions& options,
                       SessionOpener* sessions)
    : options_(options), sessions_(sessions) {
  link_->engine = this;
  text_.lane = text;
  text_.missing = "no language model is loaded";
  speech_.lane = speech;
  speech_.missing = "no speech model is loaded";
  thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
}

StepEngine::~StepEngine() {
  {
    const std::lock_guard lock(link_->mutex);
    link_->engine = nullptr;
  }
  thread_.request_stop();
  thread_.join();
  std::unique_lock lock(mutex_);
  deliver(lock);
}

std::shared_ptr<RequestHandle> StepEngine::submit(TextRequest request, TextCallbacks callbacks) {
  auto job = std::make_shared<TextJob>();
  job->priority = request.priority;
  job->request = std::move(request);
  job->callbacks = std::move(callbacks);
  return enqueue_text(std::move(job));
}

std::shared_ptr<RequestHandle> StepEngine::submit(ScoreRequest request, ScoreCallback done) {
  auto job = std::make_shared<TextJob>();
  job->kind = TextJob::Kind::kScore;
  job->priority = request.priority;
  job->request.session = std::move(request.session);
  job->request.prompt = std::move(request.prompt);
  job->request.embeddings = std::move(request.embeddings);
  job->request.max_new_tokens = 0;
  job->choices = std::move(request.choices);
  job->scored = std::move(done);
  return enqueue_text(std::move(job));
}

std::shared_ptr<PromptSession> StepEngine::open_session(SessionOptions options) {
  if (sessions_ == nullptr) return nullptr;
  return sessions_->open_session(std::move(options), [link = link_](std::shared_ptr<StoredSession> session) {
    const std::lock_guard lock(link->mutex);
    if (link->engine != nullptr) link->engine->take_in(std::move(session));
  });
}

// A job of its own lets a session's pieces run when no request asks for them.
void StepEngine::take_in(std::shared_ptr<StoredSession> session) {
  auto job = std::make_shared<TextJob>();
  job->kind = TextJob::Kind::kAppend;
  job->priority = Priority::kCaption;
  job->session = std::move(session);
  enqueue(text_, std::move(job));
}

std::shared_ptr<RequestHandle> StepEngine::enqueue_text(std::shared_ptr<TextJob> job) {
  if (job->request.session != nullptr) {
    job->session = std::dynamic_pointer_cast<StoredSession>(job->request.session);
    if (job->session != nullptr) job->session_given = job->session->given_tokens();
  }
  return enqueue(text_, std::move(job));
}

std::shared_ptr<RequestHandle> StepEngine::submit(SpeechRequest request, SpeechCallback done) {
  auto job = std::make_shared<SpeechJob>();
  job->priority = request.priority;
  job->request = std::move(request);
  job->done_callback = std::move(done);
  return enqueue(speech_, std::move(job));
}

template <class J>
std::shared_ptr<RequestHandle> StepEngine::enqueue(Queue<J>& queue, std::shared_ptr<J> job) {
  job->submitted = Clock::now();
  {
    const std::lock_guard lock(mutex_);
    ++queue.statistics.submitted;
    if (queue.lane == nullptr) {
      end(queue, job, FinishReason::kError, std::make_exception_ptr(std::runtime_error(queue.missing)));
    } else if (stopping_) {
      end(queue, job, FinishReason::kCancelled, nullptr);
    } else {
      queue.waiting[static_cast<std::size_t>(job->priority)].push_back(job);
      if (queue.count_waiting() > options_.most_waiting) {  // the last of the lowest priority has to go
        auto& line = *std::find_if(queue.waiting.rbegin(), queue.waiting.rend(),
                                   [](const auto& candidates) { return !candidates.empty(); });
        std::shared_ptr<J> shed = std::move(line.back());
        line.pop_back();
        end(queue, std::move(shed), FinishReason::kShed, nullptr);
      }
    }
  }
  wake_.notify_one();
  return job;
}

EngineStatistics StepEngine::statistics() const {
  const std::lock_guard lock(mutex_);
  EngineStatistics statistics = statistics_;
  statistics.text = text_.statistics;
  statistics.speech = speech_.statistics;
  statistics.text.waiting = text_.count_waiting();
  statistics.speech.waiting = speech_.count_waiting();
  return statistics;
}

void StepEngine::run(std::stop_token stop) {
  pthread_setname_np(pthread_self(), "engine");
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    sweep(text_);
    sweep(speech_);
    admit(text_);
    admit(speech_);
    if (!ended_.empty()) {
      deliver(lock);
    } else if (text_.running.empty() && speech_.running.empty()) {
      wake_.wait(lock, stop, [this] {
        return text_.count_waiting() > 0 || speech_.count_waiting() > 0 || !ended_.empty();
      });
    } else if (speech_next()) {
      step(speech_, lock);
    } else {
      step(text_, lock);
    }
  }
  stopping_ = true;
  drain(text_);
  drain(speech_);
  deliver(lock);
}

// Ends what was cancelled, wherever it stands.
template <class J>
void StepEngine::sweep(Queue<J>& queue) {
  for (auto& line : queue.waiting) {
    for (auto job = line.begin(); job != line.end();) {
      if (!(*job)->cancelled) {
        ++job;
        continue;
      }
      end(queue, std::move(*job), FinishReason::kCancelled, nullptr);
      job = line.erase(job);
    }
  }
  std::erase_if(queue.running, [&](std::shared_ptr<J>& job) {
    if (!job->cancelled) return false;
    end(queue, std::move(job), FinishReason::kCancelled, nullptr);
    return true;
  });
  queue.statistics.running = queue.running.size();
}

// Lets in what waits, highest priority first. What does not fit holds back those behind it, so that it gets
// its turn.
template <class J>
void StepEngine::admit(Queue<J>& queue) {
  for (auto& line : queue.waiting) {
    while (!line.empty()) {
      if (queue.running.size() >= queue.lane->slots()) return;
      std::shared_ptr<J>& job = line.front();
      try {
        if (!queue.lane->admit(*job)) {
          if (!queue.running.empty()) return;
          throw std::runtime_error("the request does not fit, although nothing else runs");
        }
        job->admitted = true;
        job->started = Clock::now();
        queue.statistics.queue_time.observe(job->started - job->submitted);
        if (queue.running.empty()) queue.last_step = job->started;
        queue.running.push_back(std::move(job));
        queue.statistics.running = queue.running.size();
      } catch (...) {
        end(queue, std::move(job), FinishReason::kError, std::current_exception());
      }
      line.pop_front();
    }
  }
}

template <class J>
int StepEngine::best_priority(const Queue<J>& queue) {
  int best = kPriorities;
  for (const auto& job : queue.running) best = std::min(best, static_cast<int>(job->priority));
  return best;
}

bool StepEngine::speech_next() const {
  if (speech_.running.empty() || text_.running.empty()) return text_.running.empty();
  const auto now = Clock::now();
  const bool speech_first = best_priority(speech_) < best_priority(text_);
  if (speech_first) return now - text_.last_step < options_.longest_pause;
  return now - speech_.last_step >= options_.longest_pause;
}

template <class J>
void StepEngine::step(Queue<J>& queue, std::unique_lock<std::mutex>& lock) {
  queue.batch.clear();
  for (const auto& job : queue.running) queue.batch.push_back(job.get());
  lock.unlock();
  std::exception_ptr error;
  const auto begin = Clock::now();
  try {
    queue.lane->step(queue.batch);
  } catch (...) {
    error = std::current_exception();
  }
  const auto finish = Clock::now();
  lock.lock();
  queue.last_step = finish;
  ++queue.statistics.steps;
  queue.statistics.stepped_jobs += queue.batch.size();
  queue.statistics.busy_seconds += std::chrono::duration<double>(finish - begin).count();
  std::erase_if(queue.running, [&](std::shared_ptr<J>& job) {
    if constexpr (std::is_same_v<J, TextJob>) count_tokens(*job);
    if (error) {
      end(queue, std::move(job), FinishReason::kError, error);
    } else if (job->done) {
      queue.statistics.total_time.observe(finish - job->submitted);
      const FinishReason reason = job->result.reason;
      end(queue, std::move(job), reason, nullptr);
    } else {
      return false;
    }
    return true;
  });
  queue.statistics.running = queue.running.size();
}

void StepEngine::count_tokens(TextJob& job) {
  statistics_.prompt_tokens += static_cast<std::uint64_t>(job.session_rows - job.counted_session_rows);
  job.counted_session_rows = job.session_rows;
  if (job.kind == TextJob::Kind::kScore && job.done)
    statistics_.prompt_tokens += static_cast<std::uint64_t>(job.result.prompt_tokens);
  const int fresh = job.result.generated_tokens - job.counted_tokens;
  if (fresh <= 0) return;
  const auto now = Clock::now();
  if (job.counted_tokens == 0) {
    statistics_.prompt_tokens += static_cast<std::uint64_t>(job.result.prompt_tokens);
    statistics_.time_to_first_token.observe(now - job.submitted);
  } else {
    statistics_.inter_token_time.observe(now - job.last_token);
  }
  statistics_.generated_tokens += static_cast<std::uint64_t>(fresh);
  job.counted_tokens = job.result.generated_tokens;
  job.last_token = now;
}

template <class J>
void StepEngine::end(Queue<J>& queue, std::shared_ptr<J> job, FinishReason reason, std::exception_ptr error) {
  if (job->admitted) queue.lane->release(*job);
  job->admitted = false;
  job->let_go();
  ++queue.statistics.finished[static_cast<std::size_t>(reason)];
  ended_.push_back({std::move(job), reason, std::move(error)});
}

template <class J>
void StepEngine::drain(Queue<J>& queue) {
  for (auto& job : queue.running) end(queue, std::move(job), FinishReason::kCancelled, nullptr);
  queue.running.clear();
  for (auto& line : queue.waiting) {
    for (auto& job : line) end(queue, std::move(job), FinishReason::kCancelled, nullptr);
    line.clear();
  }
}

void StepEngine::deliver(std::unique_lock<std::mutex>& lock) {
  while (!ended_.empty()) {
    Ended ended = std::move(ended_.front());
    ended_.pop_front();
    lock.unlock();
    ended.job->deliver(ended.reason, std::move(ended.error));
    ended.job.reset();
    lock.lock();
  }
}

}  // namespace vedette::models::runtime
