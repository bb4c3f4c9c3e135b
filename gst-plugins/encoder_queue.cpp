#include "gst-plugins/encoder_queue.h"

#include <algorithm>

namespace vedette::gst {

namespace {

MiniObjectPtr share(const MiniObjectPtr& object) {
  return MiniObjectPtr(object ? gst_mini_object_ref(object.get()) : nullptr);
}

}  // namespace

bool EncoderQueue::put_buffer(MiniObjectPtr buffer, MiniObjectPtr caps) {
  {
    std::unique_lock lock(line_->mutex);
    auto* newer = GST_BUFFER_CAST(buffer.get());
    std::unique_ptr<EncodedBuffer> passed = encoding_->pass(newer);
    if (supersede_) supersede_waiting(newer);
    Counters& counters = line_->counters;
    line_->changed.wait(lock, [&] { return line_->stopped || counters.held < capacity_; });
    if (line_->stopped) return false;
    ++counters.buffers;
    ++counters.held;
    counters.passed += passed ? 1 : 0;
    Entry& entry = line_->entries.emplace_back();
    entry.item.object = std::move(buffer);
    entry.item.is_buffer = true;
    entry.item.caps = std::move(caps);
    entry.stage = passed ? Stage::kFinished : Stage::kWaiting;
    entry.passed = passed != nullptr;
    entry.item.result = std::move(passed);
  }
  line_->changed.notify_all();
  return true;
}

bool EncoderQueue::put_event(MiniObjectPtr event) {
  {
    const std::lock_guard lock(line_->mutex);
    if (line_->stopped) return false;
    Entry& entry = line_->entries.emplace_back();
    entry.item.object = std::move(event);
    entry.stage = Stage::kFinished;
  }
  line_->changed.notify_all();
  return true;
}

std::optional<EncoderQueue::Item> EncoderQueue::take() {
  std::unique_lock lock(line_->mutex);
  const auto is_ready = [this] {
    return !line_->entries.empty() && line_->entries.front().stage == Stage::kFinished;
  };
  while (!line_->stopped) {
    if (can_submit()) {
      submit_next(lock);
      continue;
    }
    if (is_ready()) break;
    line_->changed.wait(lock);
  }
  if (line_->stopped) return std::nullopt;
  std::optional<Item> item(std::move(line_->entries.front().item));
  line_->entries.pop_front();
  if (item->is_buffer) --line_->counters.held;
  lock.unlock();
  line_->changed.notify_all();
  return item;
}

void EncoderQueue::stop() {
  std::deque<Entry> dropped;
  {
    const std::lock_guard lock(line_->mutex);
    line_->stopped = true;
    line_->encoding_one = false;
    ++line_->generation;
    line_->counters.flushed += line_->counters.held;
    line_->counters.held = 0;
    dropped.swap(line_->entries);
  }
  line_->changed.notify_all();
}

void EncoderQueue::resume() {
  const std::lock_guard lock(line_->mutex);
  line_->stopped = false;
}

EncoderQueue::Counters EncoderQueue::counters() const {
  const std::lock_guard lock(line_->mutex);
  return line_->counters;
}

void EncoderQueue::supersede_waiting(GstBuffer* newer) {
  std::deque<Entry>& entries = line_->entries;
  while (!entries.empty() && (entries.back().passed || entries.back().stage == Stage::kWaiting)) {
    auto* older = GST_BUFFER_CAST(entries.back().item.object.get());
    if (!encoding_->supersede(older, newer)) return;
    if (GST_BUFFER_FLAG_IS_SET(older, GST_BUFFER_FLAG_DISCONT)) {
      GST_BUFFER_FLAG_SET(newer, GST_BUFFER_FLAG_DISCONT);
    }
    entries.pop_back();
    --line_->counters.held;
    ++line_->counters.superseded;
  }
}

bool EncoderQueue::can_submit() const {
  return !line_->encoding_one && !line_->stopped &&
         std::any_of(line_->entries.begin(), line_->entries.end(),
                     [](const Entry& entry) { return entry.stage == Stage::kWaiting; });
}

// Hands the oldest waiting buffer to the encoder. Never throws: a failure is the buffer's. Requires:
// can_submit().
void EncoderQueue::submit_next(std::unique_lock<std::mutex>& lock) {
  const auto next = std::find_if(line_->entries.begin(), line_->entries.end(),
                                 [](const Entry& entry) { return entry.stage == Stage::kWaiting; });
  next->stage = Stage::kEncoding;
  line_->encoding_one = true;
  const std::uint64_t generation = line_->generation;
  const MiniObjectPtr buffer = share(next->item.object);
  const MiniObjectPtr caps = share(next->item.caps);
  lock.unlock();
  try {
    encoding_->submit(GST_BUFFER_CAST(buffer.get()), GST_CAPS_CAST(caps.get()),
                      [weak = std::weak_ptr(line_), generation](std::unique_ptr<EncodedBuffer> result,
                                                                std::exception_ptr error) {
                        if (const auto line = weak.lock()) {
                          line->finished(generation, std::move(result), std::move(error));
                        }
                      });
  } catch (...) {
    line_->finished(generation, nullptr, std::current_exception());
  }
  lock.lock();
}

void EncoderQueue::Line::finished(std::uint64_t of_generation, std::unique_ptr<EncodedBuffer> result,
                                  std::exception_ptr error) {
  {
    const std::lock_guard lock(mutex);
    if (of_generation != generation) return;
    const auto entry = std::find_if(entries.begin(), entries.end(), [](const Entry& candidate) {
      return candidate.stage == Stage::kEncoding;
    });
    if (entry == entries.end()) return;
    ++(error ? counters.failed : counters.encoded);
    entry->item.result = std::move(result);
    entry->item.error = std::move(error);
    entry->stage = Stage::kFinished;
    encoding_one = false;
  }
  changed.notify_all();
}

}  // namespace vedette::gst
