#include "daemon/files/ffmpeg.h"

#include <new>
#include <stdexcept>

namespace vedette::daemon::files {

std::string error_text(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  return text;
}

int check(int code, const std::filesystem::path& file, const char* call) {
  if (code >= 0) return code;
  throw std::runtime_error(file.string() + ": " + error_text(code) + " (" + call + ")");
}

Format open_media(const std::filesystem::path& file) {
  av_log_set_level(AV_LOG_QUIET);  // what matters comes back as an error code
  std::error_code missing;
  if (!std::filesystem::exists(file, missing))
    throw std::runtime_error(file.string() + ": there is no such file");
  AVFormatContext* opened = nullptr;
  // "file:" keeps FFmpeg from taking a name with a colon for a protocol.
  check(avformat_open_input(&opened, ("file:" + file.string()).c_str(), nullptr, nullptr), file,
        "avformat_open_input");
  Format format(opened);
  check(avformat_find_stream_info(opened, nullptr), file, "avformat_find_stream_info");
  return format;
}

int choose_stream(AVFormatContext* format, AVMediaType type, const AVCodec** decoder,
                  const std::filesystem::path& file) {
  const int index = av_find_best_stream(format, type, -1, -1, decoder, 0);
  if (index == AVERROR_STREAM_NOT_FOUND) return -1;
  check(index, file, "av_find_best_stream");
  for (unsigned other = 0; other < format->nb_streams; ++other) {
    if (static_cast<int>(other) != index) format->streams[other]->discard = AVDISCARD_ALL;
  }
  return index;
}

Codec open_codec(const AVStream* stream, const AVCodec* decoder, int threads,
                 const std::filesystem::path& file) {
  Codec codec(avcodec_alloc_context3(decoder));
  if (!codec) throw std::bad_alloc();
  check(avcodec_parameters_to_context(codec.get(), stream->codecpar), file, "avcodec_parameters_to_context");
  codec->pkt_timebase = stream->time_base;
  codec->thread_count = threads;
  check(avcodec_open2(codec.get(), decoder, nullptr), file, "avcodec_open2");
  return codec;
}

}  // namespace vedette::daemon::files
