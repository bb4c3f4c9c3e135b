#include "sinks/redis/question_table.h"

#include <utility>

namespace vedette::sinks::redis {

bool QuestionTable::holds(const std::string& entry_id) const {
  const std::lock_guard lock(mutex_);
  return items_.count(entry_id) != 0;
}

std::size_t QuestionTable::size() const {
  const std::lock_guard lock(mutex_);
  return items_.size();
}

QuestionTable::Verdict QuestionTable::open(const Question& question, Clock::time_point deadline) {
  const std::lock_guard lock(mutex_);
  std::size_t open = 0;
  std::size_t of_client = 0;
  for (const auto& [entry_id, item] : items_) {
    if (item.answered) continue;
    if (item.question.id == question.id) return Verdict::kTwice;
    ++open;
    of_client += item.question.client == question.client ? 1 : 0;
  }
  if (open >= options_.open) return Verdict::kBusy;
  if (of_client >= options_.open_per_client) return Verdict::kClientBusy;
  items_[question.entry_id] = {question, 0, false, deadline};
  ++stats_.accepted;
  return Verdict::kOpened;
}

AnswerCallback QuestionTable::callback(const Question& question) {
  return [self = shared_from_this(), entry_id = question.entry_id](Answer answer) {
    return self->answer(entry_id, std::move(answer));
  };
}

bool QuestionTable::answer(const std::string& entry_id, Answer answer) {
  const std::lock_guard lock(mutex_);
  const auto found = items_.find(entry_id);
  if (closed_ || found == items_.end() || found->second.answered) return false;
  const bool last = answer.state != AnswerState::kPartial;
  // A partial answer that finds no room is made good by the next. A final one stays unacknowledged: it is
  // read again.
  if (!send(found->second, std::move(answer)) && last) items_.erase(found);
  return true;
}

bool QuestionTable::send(Item& item, Answer answer) {
  answer.id = item.question.id;
  answer.stream = item.question.stream;
  answer.seq = item.seq;
  Done done;
  if (answer.state != AnswerState::kPartial) {
    done = [self = shared_from_this(), entry_id = item.question.entry_id](bool written) {
      self->done(entry_id, written);
    };
  }
  const bool last = answer.state != AnswerState::kPartial;
  if (publisher_.publish_answer(answer, std::move(done)) != PublishOutcome::kAccepted) return false;
  ++item.seq;
  item.answered = last;
  return true;
}

bool QuestionTable::refuse(const Question& question, std::string reason) {
  Answer answer;
  answer.state = AnswerState::kError;
  answer.reason = std::move(reason);
  const std::lock_guard lock(mutex_);
  Item& item = items_[question.entry_id];
  item.question = question;
  if (send(item, std::move(answer))) {
    ++stats_.refused;
    return true;
  }
  items_.erase(question.entry_id);
  return false;
}

void QuestionTable::expire(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  for (auto it = items_.begin(); it != items_.end();) {
    Item& item = it->second;
    ++it;
    if (item.answered || item.deadline > now) continue;
    ++stats_.timed_out;
    Answer answer;
    answer.state = AnswerState::kError;
    answer.reason = "no answer in time";
    const std::string entry_id = item.question.entry_id;
    if (!send(item, std::move(answer))) items_.erase(entry_id);
  }
}

void QuestionTable::forget(const std::string& entry_id) {
  const std::lock_guard lock(mutex_);
  acknowledge_.push_back(entry_id);
}

void QuestionTable::done(const std::string& entry_id, bool written) {
  const std::lock_guard lock(mutex_);
  if (!written) ++stats_.unanswerable;
  acknowledge_.push_back(
      entry_id);  // held until that is done: a look at what is pending must not answer it again
  wake_.notify_all();
}

std::vector<std::string> QuestionTable::take_acknowledgements() {
  const std::lock_guard lock(mutex_);
  return std::exchange(acknowledge_, {});
}

void QuestionTable::acknowledged(const std::vector<std::string>& entry_ids) {
  const std::lock_guard lock(mutex_);
  for (const std::string& entry_id : entry_ids) items_.erase(entry_id);
}

std::vector<std::string> QuestionTable::held() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> ids;
  for (const auto& [entry_id, item] : items_) ids.push_back(entry_id);
  return ids;
}

void QuestionTable::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  wake_.notify_all();
}

bool QuestionTable::wait(std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, most, [this] { return closed_ || !acknowledge_.empty(); });
  return !closed_;
}

QuestionStats QuestionTable::stats() const {
  const std::lock_guard lock(mutex_);
  QuestionStats stats = stats_;
  for (const auto& [entry_id, item] : items_) stats.open += item.answered ? 0 : 1;
  return stats;
}

}  // namespace vedette::sinks::redis
