#include "gst-plugins/audio_buffer_encoding.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "gst-plugins/audio_meta.h"

namespace vedette::gst {

namespace {

using models::runtime::AudioWindow;
using models::runtime::EncodedAudio;
using models::tensor::Tensor;

class Features final : public EncodedBuffer {
 public:
  explicit Features(Tensor features) : features_(std::move(features)) {}
  void attach(GstBuffer* buffer) override { add_audio_features_meta(buffer, std::move(features_)); }

 private:
  Tensor features_;  // [frames, hidden]; empty for a silent window
};

// The samples of a window, for the encoder. Throws: std::runtime_error for a buffer that cannot be read.
AudioWindow window_of(GstBuffer* buffer) {
  AudioWindow window;
  const gsize bytes = gst_buffer_get_size(buffer);
  window.samples.resize(bytes / sizeof(float));
  const gsize whole = window.samples.size() * sizeof(float);
  if (gst_buffer_extract(buffer, 0, window.samples.data(), whole) != whole) {
    throw std::runtime_error("cannot read a window of " + std::to_string(bytes) + " bytes");
  }
  return window;
}

// No sound is lost when `after` is encoded in the place of `before`: what it lacks at the front was settled.
bool is_covered(const VedetteAudioWindowMeta& before, GstClockTime length,
                const VedetteAudioWindowMeta& after) {
  return before.epoch == after.epoch && after.moved_on == FALSE &&
         after.running_time <= before.running_time + length;
}

}  // namespace

std::unique_ptr<EncodedBuffer> AudioBufferEncoding::pass(GstBuffer* window) const {
  const VedetteAudioWindowMeta* meta = audio_window_meta(window);
  if (meta == nullptr || meta->silent == FALSE) return nullptr;
  return std::make_unique<Features>(Tensor());
}

bool AudioBufferEncoding::supersede(GstBuffer* older, GstBuffer* newer) const {
  const VedetteAudioWindowMeta* before = audio_window_meta(older);
  VedetteAudioWindowMeta* after = audio_window_meta(newer);
  if (before == nullptr || after == nullptr || before->silent != FALSE || after->silent != FALSE ||
      !is_covered(*before, GST_BUFFER_DURATION(older), *after)) {
    return false;
  }
  after->level_dbfs = std::max(after->level_dbfs, before->level_dbfs);
  after->moved_on |= before->moved_on;
  return true;
}

void AudioBufferEncoding::submit(GstBuffer* window, GstCaps*, Done done) {
  hearing_->submit(window_of(window), [done = std::move(done)](EncodedAudio encoded) {
    if (encoded.error) return done(nullptr, encoded.error);
    done(std::make_unique<Features>(std::move(encoded.features)), nullptr);
  });
}

}  // namespace vedette::gst
