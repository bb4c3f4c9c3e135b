#include "gst-plugins/audio_windower.h"

#include <gst/audio/audio.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "gst-plugins/audio_meta.h"

namespace vedette::gst {

namespace {

constexpr int kRateHz = 16000;
// Timestamps may stray this far from the sample count before sound is put in or left out; as
// GstAudioBaseSink's alignment-threshold.
constexpr GstClockTimeDiff kAlignment = 40 * GST_MSECOND;
constexpr GstClockTimeDiff kLongestJump = GST_SECOND;  // a longer one begins a new epoch

std::chrono::nanoseconds ns(GstClockTimeDiff time) {
  return std::chrono::nanoseconds(time);
}

// A buffer that owns the samples.
GstBuffer* wrap(std::vector<float> samples) {
  if (samples.empty()) return gst_buffer_new();
  auto* owned = new std::vector<float>(std::move(samples));
  const gsize bytes = owned->size() * sizeof(float);
  return gst_buffer_new_wrapped_full(
      static_cast<GstMemoryFlags>(0), owned->data(), bytes, 0, bytes, owned,
      [](gpointer memory) { delete static_cast<std::vector<float>*>(memory); });
}

GstClockTime clock_time(std::chrono::nanoseconds time) {
  return static_cast<GstClockTime>(time.count());
}

}  // namespace

void AudioWindower::start(const models::preprocess::AudioWindowOptions& options) {
  policy_.emplace(options);
  whole_ = options.whole;
  has_segment_ = open_ = false;
  epoch_ = 0;
  flow_ = GST_FLOW_OK;
  const std::lock_guard lock(mutex_);
  settled_epoch_ = 0;
  settled_ = 0;
  interrupted_ = false;
  counters_ = {};
}

void AudioWindower::stop() {
  policy_.reset();
}

AudioWindower::Counters AudioWindower::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

void AudioWindower::settle(std::uint32_t epoch, GstClockTime running_time) {
  if (epoch != epoch_) return;
  {
    const std::lock_guard lock(mutex_);
    settled_epoch_ = epoch;
    settled_ = running_time;
    ++answers_;
  }
  settled_changed_.notify_all();
}

void AudioWindower::interrupt() {
  {
    const std::lock_guard lock(mutex_);
    interrupted_ = true;
  }
  settled_changed_.notify_all();
}

void AudioWindower::await_settled(std::uint64_t answers_before) {
  std::unique_lock lock(mutex_);
  settled_changed_.wait(lock, [&] { return interrupted_ || answers_ > answers_before; });
}

GstFlowReturn AudioWindower::take(GstBuffer* buffer) {
  if (!has_segment_) {
    gst_buffer_unref(buffer);
    GST_ELEMENT_ERROR(element_, STREAM, FORMAT, ("sound came without a segment in time format"), (nullptr));
    return GST_FLOW_ERROR;
  }
  buffer = gst_audio_buffer_clip(buffer, &segment_, kRateHz, sizeof(float));
  if (buffer == nullptr) return GST_FLOW_OK;
  const std::unique_ptr<GstBuffer, decltype(&gst_buffer_unref)> owner(buffer, gst_buffer_unref);
  GstMapInfo map;
  if (gst_buffer_map(buffer, &map, GST_MAP_READ) == FALSE) {
    GST_ELEMENT_ERROR(element_, RESOURCE, READ,
                      ("cannot map a buffer of %zu bytes", gst_buffer_get_size(buffer)), (nullptr));
    return GST_FLOW_ERROR;
  }
  const auto unmap = [buffer](GstMapInfo* info) { gst_buffer_unmap(buffer, info); };
  const std::unique_ptr<GstMapInfo, decltype(unmap)> mapped(&map, unmap);
  std::span<const float> samples(reinterpret_cast<const float*>(map.data), map.size / sizeof(float));

  flow_ = GST_FLOW_OK;
  std::size_t skip = 0;
  const GstClockTime pts = GST_BUFFER_PTS_IS_VALID(buffer) ? GST_BUFFER_PTS(buffer) : next_pts();
  if (!align(pts, &skip)) return GST_FLOW_OK;
  apply_settled();
  if (skip > 0) {
    const std::lock_guard lock(mutex_);
    counters_.overlap_samples += static_cast<std::int64_t>(std::min(skip, samples.size()));
  }
  if (skip < samples.size())
    policy_->push(samples.subspan(skip), [this](auto window) { push(std::move(window)); });
  return flow_;
}

void AudioWindower::gap(GstClockTime pts, GstClockTime duration) {
  // A long gap shows as a jump of the next buffer.
  if (!has_segment_ || !open_ || !GST_CLOCK_TIME_IS_VALID(pts) || !GST_CLOCK_TIME_IS_VALID(duration)) return;
  if (duration > static_cast<GstClockTime>(kLongestJump)) return;
  std::size_t skip = 0;
  if (!align(pts, &skip)) return;
  apply_settled();
  const std::int64_t count =
      policy_->to_samples(ns(static_cast<GstClockTimeDiff>(duration))) - static_cast<std::int64_t>(skip);
  policy_->push_silence(std::max<std::int64_t>(0, count), [this](auto window) { push(std::move(window)); });
}

void AudioWindower::set_segment(const GstSegment& segment) {
  const GstClockTime next = next_pts();
  const bool goes_on = has_segment_ && open_ &&
                       gst_segment_to_running_time(&segment_, GST_FORMAT_TIME, next) ==
                           gst_segment_to_running_time(&segment, GST_FORMAT_TIME, next) &&
                       gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, next) ==
                           gst_segment_to_stream_time(&segment, GST_FORMAT_TIME, next);
  if (open_ && !goes_on) finish();
  segment_ = segment;
  has_segment_ = true;
}

void AudioWindower::finish() {
  if (!open_) return;
  apply_settled();
  policy_->finish([this](auto window) { push(std::move(window)); });
  open_ = false;
  ++epoch_;
}

void AudioWindower::flush() {
  if (policy_) policy_->reset();
  has_segment_ = false;
  if (open_) ++epoch_;
  open_ = false;
  const std::lock_guard lock(mutex_);
  interrupted_ = false;
}

GstClockTime AudioWindower::next_pts() const {
  if (!open_) return has_segment_ ? segment_.start : 0;
  return epoch_pts_ + clock_time(policy_->to_time(policy_->now()));
}

void AudioWindower::open_epoch(GstClockTime pts, GstClockTime running_time) {
  open_ = first_window_ = true;
  epoch_pts_ = pts;
  epoch_running_time_ = running_time;
  const std::lock_guard lock(mutex_);
  ++counters_.epochs;
}

// Brings the sample count in line with the timestamp of what comes next: fills a gap, or says how many
// samples came before already. False: it lies outside the segment.
bool AudioWindower::align(GstClockTime pts, std::size_t* skip) {
  const GstClockTime running_time = gst_segment_to_running_time(&segment_, GST_FORMAT_TIME, pts);
  if (!GST_CLOCK_TIME_IS_VALID(running_time)) return false;
  if (!open_) {
    open_epoch(pts, running_time);
    return true;
  }
  const GstClockTime expected = epoch_running_time_ + clock_time(policy_->to_time(policy_->now()));
  const GstClockTimeDiff jump = GST_CLOCK_DIFF(expected, running_time);
  if (jump > kLongestJump || jump < -kLongestJump) {
    finish();
    open_epoch(pts, running_time);
  } else if (jump > kAlignment) {
    const std::int64_t missing = policy_->to_samples(ns(jump));
    policy_->push_silence(missing, [this](auto window) { push(std::move(window)); });
    const std::lock_guard lock(mutex_);
    counters_.gap_samples += missing;
  } else if (jump < -kAlignment) {
    *skip = static_cast<std::size_t>(policy_->to_samples(ns(-jump)));
  }
  return true;
}

void AudioWindower::apply_settled() {
  GstClockTime settled = 0;
  {
    const std::lock_guard lock(mutex_);
    if (settled_epoch_ != epoch_) return;
    settled = settled_;
  }
  if (settled > epoch_running_time_) {
    policy_->settle(ns(static_cast<GstClockTimeDiff>(settled - epoch_running_time_)));
  }
}

void AudioWindower::push(models::preprocess::CutWindow window) {
  std::uint64_t answers_before = 0;
  const bool awaits = whole_ && !window.silent;
  {
    const std::lock_guard lock(mutex_);
    answers_before = answers_;
    ++counters_.windows;
    counters_.silent += window.silent ? 1 : 0;
    counters_.moved_on += window.moved_on ? 1 : 0;
  }
  const auto count = static_cast<std::int64_t>(window.samples.size());
  GstBuffer* buffer = wrap(std::move(window.samples));
  const GstClockTime begin = clock_time(policy_->to_time(window.first));
  GST_BUFFER_PTS(buffer) = epoch_pts_ + begin;
  GST_BUFFER_DURATION(buffer) = clock_time(policy_->to_time(window.first + count)) - begin;
  GST_BUFFER_OFFSET(buffer) = static_cast<guint64>(window.first);
  GST_BUFFER_OFFSET_END(buffer) = static_cast<guint64>(window.first + count);
  if (window.silent) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP);
  if (first_window_) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  first_window_ = false;

  VedetteAudioWindowMeta* meta = add_audio_window_meta(buffer);
  meta->epoch = epoch_;
  meta->running_time = epoch_running_time_ + begin;
  meta->level_dbfs = window.level_dbfs;
  meta->silent = window.silent ? TRUE : FALSE;
  meta->moved_on = window.moved_on ? TRUE : FALSE;
  meta->last = window.last ? TRUE : FALSE;

  const GstFlowReturn result = gst_pad_push(src_, buffer);
  if (flow_ == GST_FLOW_OK) flow_ = result;
  if (awaits && result == GST_FLOW_OK) await_settled(answers_before);
  apply_settled();
}

}  // namespace vedette::gst
