#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

#include <filesystem>
#include <memory>
#include <string>

// FFmpeg's handles and the one check of its calls. Private to this folder.
namespace vedette::daemon::files {

struct FormatDeleter {
  void operator()(AVFormatContext* context) const { avformat_close_input(&context); }
};
struct CodecDeleter {
  void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
};
struct FrameDeleter {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};
struct PacketDeleter {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
using Format = std::unique_ptr<AVFormatContext, FormatDeleter>;
using Codec = std::unique_ptr<AVCodecContext, CodecDeleter>;
using Frame = std::unique_ptr<AVFrame, FrameDeleter>;
using Packet = std::unique_ptr<AVPacket, PacketDeleter>;

std::string error_text(int code);
// Throws: std::runtime_error naming file, error and call when `code` is below 0.
int check(int code, const std::filesystem::path& file, const char* call);

// Throws: std::runtime_error for a file that is missing or no media file.
Format open_media(const std::filesystem::path& file);
// Index of the best stream of a type, the others not to be read; below 0: there is none.
int choose_stream(AVFormatContext* format, AVMediaType type, const AVCodec** decoder,
                  const std::filesystem::path& file);
// A decoder of the stream; `threads` as FFmpeg counts them.
Codec open_codec(const AVStream* stream, const AVCodec* decoder, int threads,
                 const std::filesystem::path& file);

}  // namespace vedette::daemon::files
