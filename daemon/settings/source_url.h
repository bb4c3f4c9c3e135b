#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace vedette::daemon::settings {

enum class SourceKind : std::uint8_t {
  kRtsp,      // rtsp:// and rtsps://
  kSrt,       // srt://HOST:PORT?mode=caller&latency=125&passphrase=...&pbkeylen=16&streamid=...
  kRtmp,      // rtmp:// and rtmps://HOST[:PORT]/APPLICATION/STREAM
  kHls,       // http:// and https:// whose path ends in .m3u8
  kFile,      // file:///PATH
  kV4l2,      // v4l2:///dev/video0
  kAlsa,      // alsa://hw:1,0
  kPulse,     // pulse://SOURCE; without one: the server's default
  kPipeWire,  // pipewire://TARGET[?media=audio|video|monitor]; without one: the session's default
  kTest,      // test://NAME
};

// A stream's source URL, taken apart and checked: the one place that knows their forms.
struct SourceUrl {
  SourceKind kind = SourceKind::kTest;
  std::string scheme;  // as written: "rtsps"
  std::string host;    // of network sources; an IPv6 address without brackets
  int port = 0;        // given, or the scheme's own
  std::string place;   // of devices, files and tests: what follows "://", without options
  std::map<std::string, std::string> options;  // of srt:// and pipewire://, decoded

  bool uses_tls() const { return scheme == "rtsps" || scheme == "rtmps" || scheme == "https"; }
  // A device of this machine, or of its sound server, that gives sound alone, picture alone.
  bool is_sound_device() const;
  bool is_picture_device() const;
  bool on_network() const { return kind <= SourceKind::kHls; }
};

// Throws: std::invalid_argument with what was expected and received, without passwords.
SourceUrl parse_source_url(const std::string& url);

}  // namespace vedette::daemon::settings
