#include "daemon/files/media_reader.h"

extern "C" {
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
}

#include <algorithm>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>

#include "daemon/files/ffmpeg.h"

namespace vedette::daemon::files {

namespace {

using std::chrono::nanoseconds;

// A jump of the timestamps below this is rounding of the container, not a gap.
constexpr std::int64_t kGapSamples = MediaReader::kSampleRateHz / 20;
// A gap above this is a broken timestamp rather than sound that is missing.
constexpr std::int64_t kLongestGap = MediaReader::kSampleRateHz * std::int64_t{3600};

struct ResamplerDeleter {
  void operator()(SwrContext* context) const { swr_free(&context); }
};
// "2026-01-31T12:00:00.000000Z" as time since 1970.
std::optional<nanoseconds> parse_creation_time(const char* text) {
  std::tm parts{};
  const char* rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return std::nullopt;
  double fraction = 0.0;
  if (*rest == '.') fraction = std::strtod(rest, nullptr);
  const std::time_t seconds = timegm(&parts);
  if (seconds <= 0) return std::nullopt;  // many writers leave the field zero
  return std::chrono::seconds(seconds) + nanoseconds(static_cast<std::int64_t>(fraction * 1e9));
}

}  // namespace

struct MediaReader::State {
  explicit State(const std::filesystem::path& path) : file(path) {}

  void open(bool may_be_silent);
  void describe_container();
  void open_resampler(const AVFrame& decoded);
  bool read(std::vector<float>& samples);
  void take(const AVFrame& decoded);
  std::int64_t gap_before(const AVFrame& decoded, std::int64_t here) const;
  void convert(const std::uint8_t** data, int count, std::vector<float>& samples);
  std::int64_t pending_samples() const;

  std::filesystem::path file;
  MediaInfo info;
  Format format;
  Codec codec;
  std::unique_ptr<SwrContext, ResamplerDeleter> resampler;
  Frame frame{av_frame_alloc()};
  Packet packet{av_packet_alloc()};
  AVStream* stream = nullptr;  // of format
  AVSampleFormat resampled_format = AV_SAMPLE_FMT_NONE;
  int resampled_rate = 0, resampled_channels = 0;
  std::int64_t given = 0, broken = 0;
  std::int64_t silence_due = 0;  // samples of a gap that come before the frame
  bool has_frame = false;        // the frame has been received and waits for the silence before it
  bool draining = false, ended = false;
};

MediaReader::MediaReader(const std::filesystem::path& file, bool may_be_silent)
    : state_(std::make_unique<State>(file)) {
  state_->open(may_be_silent);
}

MediaReader::~MediaReader() = default;

const MediaInfo& MediaReader::info() const {
  return state_->info;
}

std::int64_t MediaReader::samples() const {
  return state_->given;
}

std::int64_t MediaReader::broken_packets() const {
  return state_->broken;
}

bool MediaReader::has_sound() const {
  return state_->stream != nullptr;
}

bool MediaReader::read(std::vector<float>& samples) {
  if (!has_sound()) return false;
  const std::size_t before = samples.size();
  const bool more = state_->read(samples);
  state_->given += static_cast<std::int64_t>(samples.size() - before);
  if (!more && state_->given == 0) {
    throw std::runtime_error(
        state_->file.string() + ": no sound could be decoded" +
        (state_->broken > 0 ? " (" + std::to_string(state_->broken) + " broken packets)" : ""));
  }
  return more;
}

void MediaReader::State::open(bool may_be_silent) {
  format = open_media(file);
  const AVCodec* decoder = nullptr;
  const int index = choose_stream(format.get(), AVMEDIA_TYPE_AUDIO, &decoder, file);
  describe_container();
  if (index < 0 && !may_be_silent) throw std::runtime_error(file.string() + ": there is no sound in it");
  if (index < 0) return;
  stream = format->streams[index];
  codec = open_codec(stream, decoder, 1, file);
  info.codec = decoder->name;
  info.sample_rate_hz = codec->sample_rate;
  info.channels = codec->ch_layout.nb_channels;
}

void MediaReader::State::describe_container() {
  info.container = format->iformat->name;
  if (format->duration > 0) info.duration = std::chrono::microseconds(format->duration);
  const AVDictionaryEntry* created = av_dict_get(format->metadata, "creation_time", nullptr, 0);
  if (created != nullptr) info.creation_utc = parse_creation_time(created->value);
}

// The sound's form may change in the middle of a stream.
void MediaReader::State::open_resampler(const AVFrame& decoded) {
  const auto form = static_cast<AVSampleFormat>(decoded.format);
  if (resampler && form == resampled_format && decoded.sample_rate == resampled_rate &&
      decoded.ch_layout.nb_channels == resampled_channels) {
    return;
  }
  AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
  SwrContext* made = nullptr;
  AVChannelLayout layout = decoded.ch_layout;  // borrowed; the resampler copies it
  check(swr_alloc_set_opts2(&made, &mono, AV_SAMPLE_FMT_FLT, kSampleRateHz, &layout, form,
                            decoded.sample_rate, 0, nullptr),
        file, "swr_alloc_set_opts2");
  resampler.reset(made);
  check(swr_init(made), file, "swr_init");
  resampled_format = form;
  resampled_rate = decoded.sample_rate;
  resampled_channels = decoded.ch_layout.nb_channels;
}

bool MediaReader::State::read(std::vector<float>& samples) {
  const std::size_t before = samples.size();
  while (!ended && samples.size() == before) {
    if (silence_due > 0) {
      const std::int64_t count = std::min<std::int64_t>(silence_due, kSampleRateHz);
      samples.insert(samples.end(), static_cast<std::size_t>(count), 0.0F);
      silence_due -= count;
      continue;
    }
    if (has_frame) {
      convert(const_cast<const std::uint8_t**>(frame->extended_data), frame->nb_samples, samples);
      av_frame_unref(frame.get());
      has_frame = false;
      continue;
    }
    const int received = avcodec_receive_frame(codec.get(), frame.get());
    if (received == 0) {
      take(*frame);
    } else if (received == AVERROR_EOF) {
      if (resampler) convert(nullptr, 0, samples);
      ended = true;
    } else if (received != AVERROR(EAGAIN)) {
      ++broken;
    } else if (av_read_frame(format.get(), packet.get()) <
               0) {  // the end, or a file cut off: both end the sound
      if (!draining) avcodec_send_packet(codec.get(), nullptr);
      draining = true;
    } else {
      if (packet->stream_index == stream->index && avcodec_send_packet(codec.get(), packet.get()) < 0)
        ++broken;
      av_packet_unref(packet.get());
    }
  }
  return samples.size() > before;
}

void MediaReader::State::take(const AVFrame& decoded) {
  if (decoded.nb_samples <= 0 || decoded.sample_rate <= 0) {
    ++broken;
    av_frame_unref(frame.get());
    return;
  }
  open_resampler(decoded);
  silence_due = gap_before(decoded, given + pending_samples());
  has_frame = true;
}

// How many samples are missing, as the timestamps say, between what was given so far and this frame.
std::int64_t MediaReader::State::gap_before(const AVFrame& decoded, std::int64_t here) const {
  const std::int64_t pts = decoded.best_effort_timestamp;
  if (pts == AV_NOPTS_VALUE) return 0;
  const std::int64_t first = stream->start_time != AV_NOPTS_VALUE ? stream->start_time : 0;
  const std::int64_t gap = av_rescale_q(pts - first, stream->time_base, {1, kSampleRateHz}) - here;
  return gap > kGapSamples && gap <= kLongestGap ? gap : 0;
}

// Samples that went into the resampler and have not come out.
std::int64_t MediaReader::State::pending_samples() const {
  return swr_get_delay(resampler.get(), kSampleRateHz);
}

void MediaReader::State::convert(const std::uint8_t** data, int count, std::vector<float>& samples) {
  const int most = swr_get_out_samples(resampler.get(), count);
  if (most <= 0) return;
  const std::size_t before = samples.size();
  samples.resize(before + static_cast<std::size_t>(most));
  auto* out = reinterpret_cast<std::uint8_t*>(samples.data() + before);
  const int made = swr_convert(resampler.get(), &out, most, data, count);
  samples.resize(before + static_cast<std::size_t>(std::max(made, 0)));
  check(made, file, "swr_convert");
  for (auto sample = samples.begin() + static_cast<std::ptrdiff_t>(before); sample != samples.end();
       ++sample) {
    *sample = *sample == *sample ? std::clamp(*sample, -1.0F, 1.0F) : 0.0F;
  }
}

}  // namespace vedette::daemon::files
