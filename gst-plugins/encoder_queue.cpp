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
  {
    std::unique_lock lock(line_->mutex);
    auto* window = GST_BUFFER_CAST(buffer.get());
    const VedetteAudioWindowMeta* meta = audio_window_meta(window);
    const bool silent = meta != nullptr && meta->silent != FALSE;
    if (supersede_ && !silent) supersede_waiting(window);
    Counters& counters = line_->counters;
    line_->changed.wait(lock, [&] { return line_->stopped || counters.held < capacity_; });
    if (line_->stopped) return false;
    ++counters.windows;
    ++counters.held;
    counters.silent += silent ? 1 : 0;
    Entry& entry = line_->entries.emplace_back();
    entry.item.object = std::move(buffer);
    entry.item.is_window = true;
    entry.stage = silent ? Stage::kFinished : Stage::kWaiting;
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
  if (item->is_window) --line_->counters.held;
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
  VedetteAudioWindowMeta* after = audio_window_meta(newer);
  std::deque<Entry>& entries = line_->entries;
  while (after != nullptr && !entries.empty() && entries.back().stage == Stage::kWaiting) {
    GstBuffer* older = buffer_of(entries.back().item);
    const VedetteAudioWindowMeta* before = audio_window_meta(older);
    if (!is_covered(before, GST_BUFFER_DURATION(older), *after)) return;
    after->level_dbfs = std::max(after->level_dbfs, before->level_dbfs);
    after->moved_on |= before->moved_on;
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

// Hands the oldest waiting window to the encoder. Never throws: a failure is the window's. Requires:
// can_submit().
void EncoderQueue::submit_next(std::unique_lock<std::mutex>& lock) {
  const auto next = std::find_if(line_->entries.begin(), line_->entries.end(),
                                 [](const Entry& entry) { return entry.stage == Stage::kWaiting; });
  next->stage = Stage::kEncoding;
  line_->encoding_one = true;
  const std::uint64_t generation = line_->generation;
  const MiniObjectPtr buffer(gst_mini_object_ref(next->item.object.get()));
  lock.unlock();
  try {
    encoding_->submit(window_of(GST_BUFFER_CAST(buffer.get())),
                      [weak = std::weak_ptr(line_), generation](models::runtime::EncodedAudio encoded) {
                        if (const auto line = weak.lock()) line->finished(generation, std::move(encoded));
                      });
  } catch (...) {
    line_->finished(generation, {{}, std::current_exception()});
  }
  lock.lock();
}

void EncoderQueue::Line::finished(std::uint64_t of_generation, models::runtime::EncodedAudio encoded) {
  {
    const std::lock_guard lock(mutex);
    if (of_generation != generation) return;
    const auto entry = std::find_if(entries.begin(), entries.end(), [](const Entry& candidate) {
      return candidate.stage == Stage::kEncoding;
    });
    if (entry == entries.end()) return;
    entry->item.features = std::move(encoded.features);
    entry->item.error = encoded.error;
    entry->stage = Stage::kFinished;
    encoding_one = false;
    ++(encoded.error ? counters.failed : counters.encoded);
  }
  changed.notify_all();
}

}  // namespace vedette::gst
