#include "daemon/files/media_reader.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
}

#include <algorithm>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>

namespace vedette::daemon::files {

namespace {

using std::chrono::nanoseconds;

// A jump of the timestamps below this is rounding of the container, not a gap.
constexpr std::int64_t kGapSamples = MediaReader::kSampleRateHz / 20;
// A gap above this is a broken timestamp rather than sound that is missing.
constexpr std::int64_t kLongestGap = MediaReader::kSampleRateHz * std::int64_t{3600};

struct FormatDeleter {
  void operator()(AVFormatContext* context) const { avformat_close_input(&context); }
};
struct CodecDeleter {
  void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
};
struct ResamplerDeleter {
  void operator()(SwrContext* context) const { swr_free(&context); }
};
struct FrameDeleter {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};
struct PacketDeleter {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};

std::string error_text(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  return text;
}

// The one check of FFmpeg's calls.
int check(int code, const std::filesystem::path& file, const char* call) {
  if (code >= 0) return code;
  throw std::runtime_error(file.string() + ": " + error_text(code) + " (" + call + ")");
}

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

  void open();
  void open_resampler(const AVFrame& decoded);
  bool read(std::vector<float>& samples);
  void take(const AVFrame& decoded);
  std::int64_t gap_before(const AVFrame& decoded, std::int64_t here) const;
  void convert(const std::uint8_t** data, int count, std::vector<float>& samples);
  std::int64_t pending_samples() const;

  std::filesystem::path file;
  MediaInfo info;
  std::unique_ptr<AVFormatContext, FormatDeleter> format;
  std::unique_ptr<AVCodecContext, CodecDeleter> codec;
  std::unique_ptr<SwrContext, ResamplerDeleter> resampler;
  std::unique_ptr<AVFrame, FrameDeleter> frame{av_frame_alloc()};
  std::unique_ptr<AVPacket, PacketDeleter> packet{av_packet_alloc()};
  AVStream* stream = nullptr;  // of format
  AVSampleFormat resampled_format = AV_SAMPLE_FMT_NONE;
  int resampled_rate = 0, resampled_channels = 0;
  std::int64_t given = 0, broken = 0;
  std::int64_t silence_due = 0;  // samples of a gap that come before the frame
  bool has_frame = false;        // the frame has been received and waits for the silence before it
  bool draining = false, ended = false;
};

MediaReader::MediaReader(const std::filesystem::path& file) : state_(std::make_unique<State>(file)) {
  state_->open();
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

bool MediaReader::read(std::vector<float>& samples) {
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

void MediaReader::State::open() {
  av_log_set_level(AV_LOG_QUIET);  // what matters comes back as an error code
  std::error_code missing;
  if (!std::filesystem::exists(file, missing))
    throw std::runtime_error(file.string() + ": there is no such file");
  AVFormatContext* opened = nullptr;
  // "file:" keeps FFmpeg from taking a name with a colon for a protocol.
  check(avformat_open_input(&opened, ("file:" + file.string()).c_str(), nullptr, nullptr), file,
        "avformat_open_input");
  format.reset(opened);
  check(avformat_find_stream_info(opened, nullptr), file, "avformat_find_stream_info");
  const AVCodec* decoder = nullptr;
  const int index = av_find_best_stream(opened, AVMEDIA_TYPE_AUDIO, -1, -1, &decoder, 0);
  if (index == AVERROR_STREAM_NOT_FOUND)
    throw std::runtime_error(file.string() + ": there is no sound in it");
  check(index, file, "av_find_best_stream");
  stream = opened->streams[index];
  for (unsigned other = 0; other < opened->nb_streams; ++other) {
    if (static_cast<int>(other) != index) opened->streams[other]->discard = AVDISCARD_ALL;
  }
  codec.reset(avcodec_alloc_context3(decoder));
  if (!codec) throw std::bad_alloc();
  check(avcodec_parameters_to_context(codec.get(), stream->codecpar), file, "avcodec_parameters_to_context");
  codec->pkt_timebase = stream->time_base;
  check(avcodec_open2(codec.get(), decoder, nullptr), file, "avcodec_open2");
  info.container = opened->iformat->name;
  info.codec = decoder->name;
  info.sample_rate_hz = codec->sample_rate;
  info.channels = codec->ch_layout.nb_channels;
  if (opened->duration > 0) info.duration = std::chrono::microseconds(opened->duration);
  const AVDictionaryEntry* created = av_dict_get(opened->metadata, "creation_time", nullptr, 0);
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
