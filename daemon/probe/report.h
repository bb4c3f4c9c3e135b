#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "daemon/streams/failure.h"

namespace vedette::daemon::probe {

struct PictureReport {
  std::string codec;    // "H.264"; "raw"
  std::string profile;  // "high, level 4"; empty: none is told
  int width = 0, height = 0;
  std::optional<double> announced_hz;  // pictures a second that the stream says it has
  std::optional<double> measured_hz;   // and that came
  std::optional<double> bits_per_s;
  bool all_key_frames = false;                               // each picture stands by itself
  std::optional<double> key_frames_s, longest_key_frames_s;  // seconds between two; nothing: no two were seen
  std::optional<double> decode_share;  // of one core of this machine, that decoding every picture takes
};

struct SoundReport {
  std::string codec;  // "AAC"; "raw"
  int rate_hz = 0, channels = 0;
  std::optional<double> bits_per_s;
  std::optional<double> level_dbfs;  // RMS of all that was heard
};

struct ClockReport {
  base::ClockSource source = base::ClockSource::kReceive;
  double error_s = 0;
  std::optional<double> ahead_s;  // the sender's clock before ours; nothing: no sender report came
};

// A sentence of what to do, and a word for programs.
struct Advice {
  std::string code, text;
};

// What one look at a source told.
struct ProbeReport {
  std::string source;                    // without passwords
  std::string transport;                 // "tcp", "udp", "auto"; empty: not RTSP
  streams::Failure failure;              // an empty reason: it works
  std::optional<double> connect_ms;      // TCP
  std::optional<double> options_ms;      // RTSP OPTIONS, asked and answered
  std::optional<double> first_media_ms;  // from the start of the attempt
  double looked_s = 0;                   // media were looked at for so long
  std::optional<PictureReport> picture;
  std::optional<SoundReport> sound;
  std::optional<ClockReport> clock;             // nothing: no media came
  std::uint64_t packets = 0, packets_lost = 0;  // of RTP

  bool works() const { return failure.reason.empty(); }
};

}  // namespace vedette::daemon::probe
