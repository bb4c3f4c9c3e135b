#include "daemon/files/picture_reader.h"

extern "C" {
#include <libavutil/display.h>
}

#include <cmath>
#include <stdexcept>

#include "daemon/files/ffmpeg.h"
#include "daemon/files/upright_picture.h"

namespace vedette::daemon::files {

namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::minutes kFarthestAhead{60};  // of one picture to the next; more is a broken time

// Degrees clockwise that the stream's pictures are to be turned, of its display matrix.
int turn_of(const AVStream* stream) {
  std::size_t bytes = 0;
  const std::uint8_t* matrix = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &bytes);
  if (matrix == nullptr || bytes < 9 * sizeof(std::int32_t)) return 0;
  const double counterclockwise = av_display_rotation_get(reinterpret_cast<const std::int32_t*>(matrix));
  if (std::isnan(counterclockwise)) return 0;
  const int quarters = static_cast<int>(std::lround(-counterclockwise / 90.0));
  return 90 * (((quarters % 4) + 4) % 4);
}

}  // namespace

struct PictureReader::State {
  explicit State(const std::filesystem::path& path) : file(path) {}
  bool receive();
  std::optional<nanoseconds> time_of(const AVFrame& decoded) const;

  std::filesystem::path file;
  Format format;
  Codec codec;
  Frame frame{av_frame_alloc()};
  Packet packet{av_packet_alloc()};
  AVStream* stream = nullptr;  // of format; null: no pictures
  UprightPicture upright;
  int turn = 0;
  std::optional<nanoseconds> newest;
  std::int64_t broken = 0;
  bool draining = false;
};

PictureReader::PictureReader(const std::filesystem::path& file) : state_(std::make_unique<State>(file)) {
  State& state = *state_;
  state.format = open_media(file);
  const AVCodec* decoder = nullptr;
  const int index = choose_stream(state.format.get(), AVMEDIA_TYPE_VIDEO, &decoder, file);
  if (index < 0) return;
  AVStream* stream = state.format->streams[index];
  if ((stream->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0) return;  // a cover
  state.stream = stream;
  state.codec = open_codec(stream, decoder, 1, file);
  state.turn = turn_of(stream);
}

PictureReader::~PictureReader() = default;

bool PictureReader::has_pictures() const {
  return state_->stream != nullptr;
}

std::int64_t PictureReader::broken() const {
  return state_->broken;
}

void PictureReader::seek(nanoseconds time) {
  State& state = *state_;
  if (state.stream == nullptr) return;
  const std::int64_t start = state.format->start_time != AV_NOPTS_VALUE ? state.format->start_time : 0;
  const std::int64_t wanted =
      av_rescale_q(start + time.count() / 1000, {1, AV_TIME_BASE}, state.stream->time_base);
  check(av_seek_frame(state.format.get(), state.stream->index, wanted, AVSEEK_FLAG_BACKWARD), state.file,
        "av_seek_frame");
  avcodec_flush_buffers(state.codec.get());
  state.draining = false;
  state.newest.reset();
}

// Time since the file's beginning, rounded down as GStreamer does.
std::optional<nanoseconds> PictureReader::State::time_of(const AVFrame& decoded) const {
  if (decoded.best_effort_timestamp == AV_NOPTS_VALUE) return std::nullopt;
  const std::int64_t start = format->start_time != AV_NOPTS_VALUE ? format->start_time : 0;
  const std::int64_t t =
      av_rescale_q_rnd(decoded.best_effort_timestamp, stream->time_base, {1, 1'000'000'000},
                       static_cast<AVRounding>(AV_ROUND_DOWN | AV_ROUND_PASS_MINMAX));
  return nanoseconds(t - start * 1000);
}

// The next decoded frame; false at the end.
bool PictureReader::State::receive() {
  while (true) {
    const int received = avcodec_receive_frame(codec.get(), frame.get());
    if (received == 0) return true;
    if (received == AVERROR_EOF) return false;
    if (received != AVERROR(EAGAIN)) {
      ++broken;
      if (draining) return false;
    }
    if (av_read_frame(format.get(), packet.get()) < 0) {  // the end, or a file cut off
      if (draining) return false;
      draining = true;
      avcodec_send_packet(codec.get(), nullptr);
      continue;
    }
    const bool ours = packet->stream_index == stream->index;
    if (ours && avcodec_send_packet(codec.get(), packet.get()) < 0) ++broken;
    av_packet_unref(packet.get());
  }
}

std::optional<PictureReader::Picture> PictureReader::read(const std::function<bool(nanoseconds)>& wants) {
  State& state = *state_;
  while (state.stream != nullptr && state.receive()) {
    const auto time = state.time_of(*state.frame);
    const bool goes_on =
        time && time->count() >= 0 &&
        (!state.newest || (*time > *state.newest && *time - *state.newest <= kFarthestAhead));
    if (!goes_on) {
      ++state.broken;
      continue;
    }
    state.newest = time;
    if (!wants(*time)) continue;
    state.frame->sample_aspect_ratio =  // the container's, where the pictures do not say
        av_guess_sample_aspect_ratio(state.format.get(), state.stream, state.frame.get());
    try {
      return Picture{*time, state.upright.make(*state.frame, state.turn)};
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(state.file.string() + ": " + error.what());
    }
  }
  return std::nullopt;
}

}  // namespace vedette::daemon::files
