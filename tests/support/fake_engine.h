#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "models/runtime/engine.h"

namespace vedette::tests {

// An Engine that keeps what it is given until the test says how it ends. Cancelling marks the request and
// ends it with kCancelled at the next finish call for it. Thread-safe.
class FakeEngine : public models::runtime::Engine {
 public:
  struct Handle : models::runtime::RequestHandle {
    void cancel() override { cancelled = true; }
    bool cancelled = false;
  };
  struct Speech {
    models::runtime::SpeechRequest request;
    models::runtime::SpeechCallback done;
    std::shared_ptr<Handle> handle = std::make_shared<Handle>();
  };
  struct Score {
    models::runtime::ScoreRequest request;
    models::runtime::ScoreCallback done;
    std::shared_ptr<Handle> handle = std::make_shared<Handle>();
  };
  // Keeps the pieces that were appended.
  struct Session : models::runtime::PromptSession {
    void append(models::runtime::PromptPiece piece) override { pieces.push_back(std::move(piece)); }
    models::runtime::SessionOptions options;
    std::vector<models::runtime::PromptPiece> pieces;
  };
  struct Text {
    models::runtime::TextRequest request;
    models::runtime::TextCallbacks callbacks;
    std::shared_ptr<Handle> handle = std::make_shared<Handle>();
  };

  std::shared_ptr<models::runtime::RequestHandle> submit(models::runtime::TextRequest request,
                                                         models::runtime::TextCallbacks callbacks) override {
    const std::lock_guard lock(mutex_);
    texts_.push_back({std::move(request), std::move(callbacks)});
    return texts_.back().handle;
  }
  std::shared_ptr<models::runtime::RequestHandle> submit(models::runtime::SpeechRequest request,
                                                         models::runtime::SpeechCallback done) override {
    const std::lock_guard lock(mutex_);
    speech_.push_back({std::move(request), std::move(done)});
    return speech_.back().handle;
  }

  std::shared_ptr<models::runtime::RequestHandle> submit(models::runtime::ScoreRequest request,
                                                         models::runtime::ScoreCallback done) override {
    const std::lock_guard lock(mutex_);
    scores_.push_back({std::move(request), std::move(done)});
    return scores_.back().handle;
  }
  std::shared_ptr<models::runtime::PromptSession> open_session(
      models::runtime::SessionOptions options) override {
    const std::lock_guard lock(mutex_);
    sessions_.push_back(std::make_shared<Session>());
    sessions_.back()->options = std::move(options);
    return sessions_.back();
  }

  std::size_t speech_waiting() const {
    const std::lock_guard lock(mutex_);
    return speech_.size();
  }
  std::size_t texts_waiting() const {
    const std::lock_guard lock(mutex_);
    return texts_.size();
  }
  std::size_t scores_waiting() const {
    const std::lock_guard lock(mutex_);
    return scores_.size();
  }
  // Every session that was opened, in order.
  std::vector<std::shared_ptr<Session>> sessions() const {
    const std::lock_guard lock(mutex_);
    return sessions_;
  }
  // The oldest one; taken out. Requires: there is one.
  Speech take_speech() { return take(speech_); }
  Text take_text() { return take(texts_); }
  Score take_score() { return take(scores_); }

 private:
  template <class T>
  T take(std::deque<T>& waiting) {
    const std::lock_guard lock(mutex_);
    T first = std::move(waiting.at(0));
    waiting.pop_front();
    return first;
  }

  mutable std::mutex mutex_;
  std::deque<Speech> speech_;
  std::deque<Text> texts_;
  std::deque<Score> scores_;
  std::vector<std::shared_ptr<Session>> sessions_;
};

}  // namespace vedette::tests
