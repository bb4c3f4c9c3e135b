#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <utility>

#include "models/runtime/engine.h"

namespace vedette::models::runtime {

// A request on its way through the engine. Made by the submitting thread, then touched by the engine's thread
// only, but for `cancelled`.
class Job : public RequestHandle {
 public:
  void cancel() override { cancelled = true; }

  std::atomic<bool> cancelled{false};
  Priority priority = Priority::kCaption;
  std::chrono::steady_clock::time_point submitted, started;
  bool admitted = false;  // its lane has made room for it
  bool done = false;      // set by the lane when the job has ended by itself; reason and result are then set

  // Gives the result to whoever asked.
  virtual void deliver(FinishReason reason, std::exception_ptr error) = 0;
};

struct TextJob : Job {
  TextRequest request;
  TextCallbacks callbacks;
  TextResult result;
  int counted_tokens = 0;  // of result.generated_tokens, those that the statistics know
  std::chrono::steady_clock::time_point last_token;

  // What a lane keeps about it; freed by release().
  struct State {
    virtual ~State() = default;
  };
  std::unique_ptr<State> state;

  void deliver(FinishReason reason, std::exception_ptr error) override {
    result.reason = reason;
    result.error = std::move(error);
    if (callbacks.on_finished) callbacks.on_finished(std::move(result));
    callbacks = {};
  }
};

struct SpeechJob : Job {
  SpeechRequest request;
  SpeechCallback done_callback;
  SpeechResult result;
  std::size_t slot = 0;  // which of the lane's decodings it has

  void deliver(FinishReason reason, std::exception_ptr error) override {
    result.reason = reason;
    result.error = std::move(error);
    if (done_callback) done_callback(std::move(result));
    done_callback = nullptr;
  }
};

// One model that the engine steps, for all its jobs together. Called by the engine's thread only. The real
// ones are TextLane and SpeechLane; the engine's tests have fakes.
template <class J>
class Lane {
 public:
  virtual ~Lane() = default;
  // How many jobs may run at once.
  virtual std::size_t slots() const = 0;
  // Makes room for a job. False: there is none now, but will be when others have ended.
  // Throws: for a job that can never run.
  virtual bool admit(J& job) = 0;
  // One step of all the jobs; sets `done` and the result of those that ended. Requires: all were admitted.
  virtual void step(std::span<J* const> jobs) = 0;
  // Takes the room back, whatever became of the job.
  virtual void release(J& job) = 0;
};

}  // namespace vedette::models::runtime
