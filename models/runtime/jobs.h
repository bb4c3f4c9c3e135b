#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "models/runtime/engine.h"
#include "models/runtime/stored_session.h"

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
  // It has ended: what it held for itself goes, though its handle may stay.
  virtual void let_go() {}
};

// What the LLM does: generates, scores, or only takes in what a session was given.
struct TextJob : Job {
  enum class Kind : std::uint8_t { kGenerate, kScore, kAppend };
  Kind kind = Kind::kGenerate;
  TextRequest request;  // of a score its prompt
  TextCallbacks callbacks;
  TextResult result;
  std::vector<std::vector<std::int32_t>> choices;  // of a score
  ScoreCallback scored;
  ScoreResult score;

  std::shared_ptr<StoredSession> session;  // that of the request; null: none
  std::int64_t session_given = 0;          // tokens of it that this job has to see
  int session_rows = 0;                    // rows of the session that ran on this job's behalf

  // What the statistics know of it.
  int counted_tokens = 0, counted_session_rows = 0;
  std::chrono::steady_clock::time_point last_token;

  // What a lane keeps about it; freed by release().
  struct State {
    virtual ~State() = default;
  };
  std::unique_ptr<State> state;

  void deliver(FinishReason reason, std::exception_ptr error) override {
    if (kind == Kind::kScore) {
      score.reason = reason;
      score.error = std::move(error);
      if (scored) scored(std::move(score));
    } else if (kind == Kind::kGenerate) {
      result.reason = reason;
      result.error = std::move(error);
      if (callbacks.on_finished) callbacks.on_finished(std::move(result));
    }
    scored = nullptr;
    callbacks = {};
  }
  void let_go() override {
    if (kind == Kind::kAppend) session->give_up();
    session.reset();
    request.session.reset();
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

// Opens the sessions of a lane. Thread-safe.
class SessionOpener {
 public:
  virtual ~SessionOpener() = default;
  // Throws: std::invalid_argument for options that do not fit the model.
  virtual std::shared_ptr<StoredSession> open_session(SessionOptions options, StoredSession::Wake wake) = 0;
};

}  // namespace vedette::models::runtime
