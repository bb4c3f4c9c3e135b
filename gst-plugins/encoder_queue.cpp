#include "gst-plugins/encoder_queue.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "gst-plugins/audio_meta.h"

namespace vedette::gst {

namespace {

GstBuffer* buffer_of(const EncoderQueue::Item& item) {
  return GST_BUFFER_CAST(item.object.get());
}

// The samples of a window, for the encoder. Throws: std::runtime_error for a buffer that cannot be read.
models::runtime::AudioWindow window_of(GstBuffer* buffer) {
  models::runtime::AudioWindow window;
  const gsize bytes = gst_buffer_get_size(buffer);
  window.samples.resize(bytes / sizeof(float));
  const gsize whole = window.samples.size() * sizeof(float);
  if (gst_buffer_extract(buffer, 0, window.samples.data(), whole) != whole) {
    throw std::runtime_error("cannot read a window of " + std::to_string(bytes) + " bytes");
  }
  return window;
}

// No sound is lost when `after` is encoded in the place of `before`: what it lacks at the front was settled.
bool is_covered(const VedetteAudioWindowMeta* before, GstClockTime length,
                const VedetteAudioWindowMeta& after) {
  return before != nullptr && before->epoch == after.epoch && after.moved_on == FALSE &&
         after.running_time <= before->running_time + length;
}

}  // namespace

bool EncoderQueue::put_window(MiniObjectPtr buffer) {
  std::unique_lock lock(mutex_);
  auto* window = GST_BUFFER_CAST(buffer.get());
  const VedetteAudioWindowMeta* meta = audio_window_meta(window);
  const bool silent = meta != nullptr && meta->silent != FALSE;
  if (supersede_ && !silent) supersede_waiting(window);
  changed_.wait(lock, [this] { return stopped_ || counters_.held < capacity_; });
  if (stopped_) return false;
  ++counters_.windows;
  ++counters_.held;
  counters_.silent += silent ? 1 : 0;
  Entry& entry = entries_.emplace_back();
  entry.item.object = std::move(buffer);
  entry.item.is_window = true;
  entry.stage = silent ? Stage::kFinished : Stage::kWaiting;
  submit_next(lock);
  lock.unlock();
  changed_.notify_all();
  return true;
}

bool EncoderQueue::put_event(MiniObjectPtr event) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return false;
    Entry& entry = entries_.emplace_back();
    entry.item.object = std::move(event);
    entry.stage = Stage::kFinished;
  }
  changed_.notify_all();
  return true;
}

std::optional<EncoderQueue::Item> EncoderQueue::take() {
  std::unique_lock lock(mutex_);
  changed_.wait(
      lock, [this] { return stopped_ || (!entries_.empty() && entries_.front().stage == Stage::kFinished); });
  if (stopped_) return std::nullopt;
  std::optional<Item> item(std::move(entries_.front().item));
  entries_.pop_front();
  if (item->is_window) --counters_.held;
  lock.unlock();
  changed_.notify_all();
  return item;
}

void EncoderQueue::stop() {
  std::deque<Entry> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    encoding_one_ = false;
    ++generation_;
    counters_.flushed += counters_.held;
    counters_.held = 0;
    dropped.swap(entries_);
  }
  changed_.notify_all();
}

void EncoderQueue::resume() {
  const std::lock_guard lock(mutex_);
  stopped_ = false;
}

EncoderQueue::Counters EncoderQueue::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

void EncoderQueue::supersede_waiting(GstBuffer* newer) {
  VedetteAudioWindowMeta* after = audio_window_meta(newer);
  while (after != nullptr && !entries_.empty() && entries_.back().stage == Stage::kWaiting) {
    GstBuffer* older = buffer_of(entries_.back().item);
    const VedetteAudioWindowMeta* before = audio_window_meta(older);
    if (!is_covered(before, GST_BUFFER_DURATION(older), *after)) return;
    after->level_dbfs = std::max(after->level_dbfs, before->level_dbfs);
    after->moved_on |= before->moved_on;
    if (GST_BUFFER_FLAG_IS_SET(older, GST_BUFFER_FLAG_DISCONT))
      GST_BUFFER_FLAG_SET(newer, GST_BUFFER_FLAG_DISCONT);
    entries_.pop_back();
    --counters_.held;
    ++counters_.superseded;
  }
}

// Hands the oldest waiting window to the encoder, if that has none of ours. Never throws: a failure is the
// window's.
void EncoderQueue::submit_next(std::unique_lock<std::mutex>& lock) {
  if (encoding_one_ || stopped_) return;
  const auto next = std::find_if(entries_.begin(), entries_.end(),
                                 [](const Entry& entry) { return entry.stage == Stage::kWaiting; });
  if (next == entries_.end()) return;
  next->stage = Stage::kEncoding;
  encoding_one_ = true;
  const std::uint64_t generation = generation_;
  const MiniObjectPtr buffer(gst_mini_object_ref(next->item.object.get()));
  lock.unlock();
  try {
    encoding_->submit(window_of(GST_BUFFER_CAST(buffer.get())),
                      [weak = weak_from_this(), generation](models::runtime::EncodedAudio encoded) {
                        if (const auto self = weak.lock()) self->finished(generation, std::move(encoded));
                      });
  } catch (...) {
    finished(generation, {{}, std::current_exception()});
  }
  lock.lock();
}

void EncoderQueue::finished(std::uint64_t generation, models::runtime::EncodedAudio encoded) {
  {
    std::unique_lock lock(mutex_);
    if (generation != generation_) return;
    const auto entry = std::find_if(entries_.begin(), entries_.end(), [](const Entry& candidate) {
      return candidate.stage == Stage::kEncoding;
    });
    if (entry == entries_.end()) return;
    entry->item.features = std::move(encoded.features);
    entry->item.error = encoded.error;
    entry->stage = Stage::kFinished;
    encoding_one_ = false;
    ++(encoded.error ? counters_.failed : counters_.encoded);
    submit_next(lock);
  }
  changed_.notify_all();
}

}  // namespace vedette::gst
