#include "daemon/probe/advice.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <utility>

namespace vedette::daemon::probe {

namespace {

constexpr double kLooksHz = 5;  // pictures that motion is measured on, per second
// A sub-stream of cameras: enough for models that see pictures of some 384 pixels.
constexpr double kSubWidth = 640, kSubHeight = 360;
constexpr double kMuchPixels = 1280.0 * 720.0;
constexpr double kMuchDecoding = 0.2;  // of one core
constexpr double kFarKeyFramesS = 4;   // a loss is seen, and a connection waits, for so long
constexpr double kRateDiffers = 0.2;   // of what is announced
constexpr double kSilentDbfs = -60;    // as `health.silent_dbfs`
constexpr double kTelephoneHz = 8000;
constexpr double kClockNotBelievedS = 10;  // StreamClock::kMostCameraOffset
constexpr double kClockOffS = 0.5;
constexpr double kFarMs = 250;
constexpr double kLossShare = 0.001;

template <class... Values>
std::string format(const char* pattern, Values... values) {
  std::array<char, 400> text{};
  std::snprintf(text.data(), text.size(), pattern, values...);
  return text.data();
}

// "25", "12.5"
std::string number(double value) {
  return format(std::abs(value - std::round(value)) < 0.05 ? "%.0f" : "%.1f", value);
}

// "once a second", "5 times a second"
std::string times(double per_s) {
  return std::abs(per_s - 1) < 0.05 ? "once a second" : number(per_s) + " times a second";
}

class Adviser {
 public:
  Adviser(const ProbeReport& report, const settings::StreamSettings& stream)
      : report_(report), stream_(stream) {}

  std::vector<Advice> all() {
    missing();
    if (report_.picture && stream_.video) picture(*report_.picture);
    if (report_.sound && stream_.sound) sound(*report_.sound);
    if (report_.clock) clock(*report_.clock);
    way();
    return std::move(advice_);
  }

 private:
  void add(const char* code, std::string text) { advice_.push_back({code, std::move(text)}); }

  void missing() {
    if (!report_.sound && stream_.sound)
      add("no_sound",
          "no sound: nothing will be heard; switch it on in the camera, or set sound.enabled: false");
    if (!report_.picture && stream_.video)
      add("no_picture", "no picture: nothing will be seen; set video.enabled: false if that is meant");
  }

  void picture(const PictureReport& picture) {
    // A file is as it is.
    if (report_.clock && report_.clock->source == base::ClockSource::kFile) return;
    sub_stream(picture);
    key_frames(picture);
    const double measured = picture.measured_hz.value_or(0);
    if (picture.announced_hz && measured > 0 &&
        std::abs(measured - *picture.announced_hz) > kRateDiffers * *picture.announced_hz) {
      add("rate_differs",
          format("announces %s pictures a second and sends %s: in the dark many cameras expose longer; else "
                 "its encoder or the network cannot keep up",
                 number(*picture.announced_hz).c_str(), number(measured).c_str()));
    }
    if (stream_.video_motion && measured > 0 && measured < kLooksHz * 0.9) {
      add("low_rate", format("%s pictures a second: what moves is measured on %.0f, and seen better there",
                             number(measured).c_str(), kLooksHz));
    }
  }

  void sub_stream(const PictureReport& picture) {
    const double pixels = static_cast<double>(picture.width) * picture.height;
    const double share = picture.decode_share.value_or(0);
    const double rate = picture.measured_hz.value_or(picture.announced_hz.value_or(0));
    if (stream_.video_key_frames || picture.codec == "raw") return;
    if (pixels <= kMuchPixels && share <= kMuchDecoding) return;
    std::string text = format("use the sub-stream: %dx%d at %s is decoded only to be %s", picture.width,
                              picture.height, number(rate).c_str(),
                              stream_.video_motion ? ("looked at " + times(kLooksHz)).c_str() : "sampled");
    if (stream_.video_rate_hz > 0) text += " and seen by the model " + times(stream_.video_rate_hz);
    if (share > 0) text += format(", and costs %.0f %% of a core here", share * 100);
    if (share > 0 && pixels > kSubWidth * kSubHeight)
      text += format("; 640x360 would cost about %.0f %%", share * 100 * kSubWidth * kSubHeight / pixels);
    add("sub_stream", text);
  }

  void key_frames(const PictureReport& picture) {
    if (picture.all_key_frames || picture.codec == "raw") return;
    if (!picture.longest_key_frames_s) {
      if (report_.looked_s >= kFarKeyFramesS)
        add("key_frames", format("no two key frames came in %.0f s: after a loss or a new connection the "
                                 "picture is damaged or missing for at least so long; set 1 to 2 s in the "
                                 "camera (\"I-frame interval\", \"GOP\")",
                                 report_.looked_s));
      return;
    }
    if (*picture.longest_key_frames_s > kFarKeyFramesS) {
      add("key_frames",
          format("key frames are up to %s s apart: after a loss or a new connection the picture "
                 "is damaged or missing for so long; set 1 to 2 s in the camera (\"I-frame "
                 "interval\", \"GOP\")",
                 number(*picture.longest_key_frames_s).c_str()));
    }
  }

  void sound(const SoundReport& sound) {
    if (sound.level_dbfs && *sound.level_dbfs < kSilentDbfs) {
      add("silent", format("the sound is silent (%.0f dBFS): is the microphone switched on and turned up?",
                           *sound.level_dbfs));
    }
    if (sound.rate_hz > 0 && sound.rate_hz <= kTelephoneHz) {
      add("telephone_sound",
          format("sound of %d Hz is that of a telephone: words are heard less well; set 16000 Hz or more, "
                 "AAC or Opus",
                 sound.rate_hz));
    }
  }

  void clock(const ClockReport& clock) {
    if (report_.transport.empty()) return;
    if (!clock.ahead_s) {
      add("no_sender_reports", "no sender reports: times are those of arrival, half a second or better");
    } else if (std::abs(*clock.ahead_s) > kClockNotBelievedS) {
      add("clock_off",
          format("its clock is %s s %s ours, and is not believed: times are those of arrival; "
                 "set NTP in the camera",
                 number(std::abs(*clock.ahead_s)).c_str(), *clock.ahead_s > 0 ? "ahead of" : "behind"));
    } else if (std::abs(*clock.ahead_s) > kClockOffS) {
      add("clock_off", format("its clock is %.1f s %s ours: set NTP in the camera, and here",
                              std::abs(*clock.ahead_s), *clock.ahead_s > 0 ? "ahead of" : "behind"));
    }
  }

  void way() {
    const double trip = report_.options_ms.value_or(report_.connect_ms.value_or(0));
    if (trip > kFarMs)
      add("far",
          format("it answers after %.0f ms: what is said of it comes later by so much, and a loss costs "
                 "more; is the way to it crowded?",
                 trip));
    const double all = static_cast<double>(report_.packets + report_.packets_lost);
    if (report_.packets_lost > 0 && static_cast<double>(report_.packets_lost) > kLossShare * all) {
      add("loss", format("%llu of %.0f packets were lost on the way: use transport: tcp, or mend the network",
                         static_cast<unsigned long long>(report_.packets_lost), all));
    }
  }

  const ProbeReport& report_;
  const settings::StreamSettings& stream_;
  std::vector<Advice> advice_;
};

constexpr std::array<std::pair<std::string_view, const char*>, 17> kRemedies{{
    {"auth", "check user and password, and that the user may watch; in a URL /, @ and # are percent-encoded"},
    {"tls",
     "its certificate is not trusted: give its authority, or its own certificate, as tls.ca, or set "
     "tls.verify: false "
     "in a network that you trust"},
    {"permission",
     "the service's user may not open it: of a device its group (video, audio) and "
     "/usr/share/doc/vedette/devices.conf, of a file its mode"},
    {"busy", "another program has it: end that, or share the device through PipeWire"},
    {"refused",
     "nothing listens there: is it switched on, is RTSP enabled in it, is the port right (554 as a rule)?"},
    {"not_found",
     "it has no such path: its manual or ONVIF names the path of each stream; of a file: is it there, and "
     "readable?"},
    {"timeout",
     "nothing answers or nothing comes: is the address right, is it switched on, does a firewall stop the "
     "packets?"},
    {"dns", "its name has no address: check the spelling and this machine's DNS, or use the address"},
    {"unreachable", "no way leads there: check this machine's network, VLAN and routes"},
    {"transport", "it refuses this transport: try transport: tcp, udp or auto"},
    {"closed", "it closed the connection: has it too many viewers already?"},
    {"eos", "it ended: a stream that ends is connected anew"},
    {"stalled", "it sent and then stopped: its network or its encoder"},
    {"no_media", "it has neither picture nor sound: is the encoder enabled in it?"},
    {"decode", "what it sends cannot be decoded: try another codec in it, H.264 and AAC"},
    {"unsupported",
     "GStreamer here has no element for it: apt-get install gstreamer1.0-libav gstreamer1.0-plugins-bad, or "
     "choose H.264 and AAC in it"},
    {"source", "see the sentence; `GST_DEBUG=3 vedette probe` tells more"},
}};

}  // namespace

std::vector<Advice> advise(const ProbeReport& report, const settings::StreamSettings& stream) {
  if (!report.works()) return {};
  return Adviser(report, stream).all();
}

std::string remedy(const std::string& reason) {
  const auto* found = std::ranges::find(kRemedies, std::string_view(reason),
                                        &std::pair<std::string_view, const char*>::first);
  return found == kRemedies.end() ? "" : found->second;
}

}  // namespace vedette::daemon::probe
