#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "models/runtime/engine.h"
#include "models/runtime/jobs.h"
#include "models/runtime/statistics.h"

namespace vedette::models::runtime {

struct StepEngineOptions {
  std::size_t most_waiting = 64;  // requests of one kind that wait for room; more are shed
  // A kind of request that was passed over for this long gets one step, so that none starves: while a
  // question is answered, transcripts go on at about a third of their pace.
  std::chrono::milliseconds longest_pause{25};
};

// The engine: one thread that steps one model at a time. Every step takes along all running requests of that
// model; which model comes next is decided by the highest priority among what runs. Thread-safe.
class StepEngine final : public Engine {
 public:
  // A lane may be null: its requests then end with an error. Lanes must outlive the engine.
  // `sessions` opens those of the text lane; null: there are none.
  StepEngine(Lane<TextJob>* text, Lane<SpeechJob>* speech, const StepEngineOptions& options = {},
             SessionOpener* sessions = nullptr);
  // Ends what is left with kCancelled.
  ~StepEngine() override;

  std::shared_ptr<RequestHandle> submit(TextRequest request, TextCallbacks callbacks) override;
  std::shared_ptr<RequestHandle> submit(SpeechRequest request, SpeechCallback done) override;

  std::shared_ptr<RequestHandle> submit(ScoreRequest request, ScoreCallback done) override;
  std::shared_ptr<PromptSession> open_session(SessionOptions options) override;

  EngineStatistics statistics() const override;

 private:
  // The way of a session to its engine, which it may outlive.
  struct Link {
    std::mutex mutex;
    StepEngine* engine = nullptr;
  };
  template <class J>
  struct Queue {
    Lane<J>* lane = nullptr;
    std::array<std::deque<std::shared_ptr<J>>, 4> waiting;  // by priority
    std::vector<std::shared_ptr<J>> running;                // engine's thread only
    std::vector<J*> batch;                                  // engine's thread only: what is being stepped
    std::chrono::steady_clock::time_point last_step;
    LaneStatistics statistics;
    const char* missing = "";  // why there is no lane

    std::size_t count_waiting() const;
  };
  struct Ended {
    std::shared_ptr<Job> job;
    FinishReason reason;
    std::exception_ptr error;
  };

  std::shared_ptr<RequestHandle> enqueue_text(std::shared_ptr<TextJob> job);
  void take_in(std::shared_ptr<StoredSession> session);
  template <class J>
  std::shared_ptr<RequestHandle> enqueue(Queue<J>& queue, std::shared_ptr<J> job);
  void run(std::stop_token stop);
  template <class J>
  void sweep(Queue<J>& queue);
  template <class J>
  void admit(Queue<J>& queue);
  template <class J>
  void step(Queue<J>& queue, std::unique_lock<std::mutex>& lock);
  template <class J>
  void end(Queue<J>& queue, std::shared_ptr<J> job, FinishReason reason, std::exception_ptr error);
  template <class J>
  void drain(Queue<J>& queue);
  template <class J>
  static int best_priority(const Queue<J>& queue);
  bool speech_next() const;
  void deliver(std::unique_lock<std::mutex>& lock);
  void count_tokens(TextJob& job);

  const StepEngineOptions options_;
  SessionOpener* const sessions_;
  const std::shared_ptr<Link> link_ = std::make_shared<Link>();
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  Queue<TextJob> text_;
  Queue<SpeechJob> speech_;
  std::deque<Ended> ended_;  // to be delivered, outside the lock
  EngineStatistics statistics_;
  bool stopping_ = false;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace vedette::models::runtime
