#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "models/preprocess/audio_window.h"
#include "models/runtime/device.h"
#include "signals/bitrate_health.h"
#include "signals/picture_health.h"
#include "signals/picture_quality.h"
#include "signals/sound_health.h"

namespace vedette::daemon::settings {

// kAuto: UDP, and TCP where nothing comes that way.
enum class Transport : std::uint8_t { kTcp, kUdp, kAuto };
// kAuto: a decoder of the graphics card where GStreamer has one that works, else one on the CPU.
enum class Decoder : std::uint8_t { kAuto, kSoftware };
enum class Pace : std::uint8_t { kLive, kFast };
enum class Precision : std::uint8_t { kAuto, kF32, kBF16 };

struct HealthSettings {
  signals::SoundHealthOptions sound;
  signals::PictureHealthOptions picture;
  signals::PictureQualityOptions quality;
  signals::BitrateHealthOptions bitrate;

  friend bool operator==(const HealthSettings&, const HealthSettings&) = default;
};

struct CaptionSettings {
  bool enabled = true;                            // tell what the picture shows
  std::chrono::nanoseconds every{5'000'000'000};  // between two captions while something changes
  std::string prompt = "Describe what happens.";  // what the language model is asked for

  friend bool operator==(const CaptionSettings&, const CaptionSettings&) = default;
};

// A condition in plain words that the language model is asked about whenever something changed.
struct AlertRule {
  std::string when;                                   // "a person is visible"
  float threshold = 0.7F;                             // of the score, 0 to 1, from which an alert is raised
  std::chrono::nanoseconds cooldown{60'000'000'000};  // after an alert, in which none is raised; 0: none

  friend bool operator==(const AlertRule&, const AlertRule&) = default;
};

struct EvidenceSettings {
  std::string path = "auto";              // "none": no pictures are kept; "auto": see evidence_folder
  std::size_t quota_bytes = 200'000'000;  // of all pictures together
};

// How certificates of rtsps://, rtmps:// and https:// are judged.
struct TlsSettings {
  bool verify = true;  // false: any is taken
  std::string ca;  // PEM file with the authorities, or the camera's own certificate, that are trusted instead
                   // of the system's; empty: the system's

  friend bool operator==(const TlsSettings&, const TlsSettings&) = default;
};

struct StreamSettings {
  std::string id;                         // [a-z0-9_-]{1,64}
  std::string source;                     // URL, secrets in the clear; empty when a pipeline is given
  std::string pipeline;                   // gst-launch description; empty when a source is given
  std::string microphone;                 // URL of a sound device beside a picture device; empty: none
  Transport transport = Transport::kTcp;  // of rtsp:// and rtsps://
  TlsSettings tls;
  Pace pace = Pace::kLive;  // of file://
  std::optional<std::chrono::nanoseconds>
      utc_zero;       // UTC of a file's first moment; empty: the container's, else 1970
  bool sound = true;  // listen: words from this stream's sound
  models::preprocess::AudioWindowOptions windows;
  bool video = true;              // look: at what this stream's picture shows, its movement and its health
  double video_rate_hz = 1.0;     // pictures that the model sees per second
  bool video_motion = true;       // measure what moves; needs every picture decoded
  bool video_key_frames = false;  // decode key frames only, where they come at least every 2 s
  Decoder decoder = Decoder::kAuto;
  CaptionSettings caption;
  std::vector<AlertRule> alerts;
  HealthSettings health;
  std::chrono::nanoseconds retry_first{
      1'000'000'000};  // wait before the first new attempt; doubles with jitter
  std::chrono::nanoseconds retry_longest{30'000'000'000};  // longest wait
  std::chrono::nanoseconds stalled_after{10'000'000'000};  // nothing at all for this long: connect anew

  // A file that is read as fast as the models can: whole windows, and nothing is left out.
  bool reads_fast() const { return pace == Pace::kFast && source.starts_with("file://"); }

  friend bool operator==(const StreamSettings&, const StreamSettings&) = default;
};

struct ModelSettings {
  std::string hear = "whisper-tiny.en";         // folder, or its name under a search path; "none": no hearing
  std::string see = "vedette-nano";             // as hear; "none": no pictures for the language model
  std::string think = "smollm2-135m-instruct";  // as hear; "none": no answers
  std::vector<std::filesystem::path> search_path{
      "/usr/share/vedette/models"};  // after the cache of tools/fetch-models
  Precision precision = Precision::kAuto;
  models::runtime::DeviceChoice device = models::runtime::DeviceChoice::kAuto;
  int threads = 0;                            // 0: one per core
  std::size_t kv_bytes = 256U * 1000 * 1000;  // of the LLM's KV pool
  int tiles = 4;                              // of a picture at most; 0: the whole alone
};

// Everything that the configuration says, typed and checked. A value.
struct Settings {
  std::string redis = "redis://127.0.0.1:6379/0";                    // URL, secrets in the clear
  std::chrono::milliseconds retention = std::chrono::hours(24 * 7);  // of records in Redis
  std::string http_host = "127.0.0.1";                               // empty: no HTTP server
  int http_port = 9464;                                              // 0: any free one
  std::string http_token;  // what HTTP clients must carry; empty: nothing
  base::LogLevel log_level = base::LogLevel::kInfo;
  ModelSettings models;
  EvidenceSettings evidence;
  double admission_share = 0.8;  // of the machine that the models may take before streams are slowed; 0: any
  std::vector<StreamSettings> streams;  // in the file's order
  std::vector<std::string> warnings;    // what is allowed but unwise, one sentence each
};

// One thing that is wrong. Line and column count from 1; 0 when the value came from the environment.
struct Problem {
  int line = 0, column = 0;
  std::string key;      // "streams.gate.transport"
  std::string message;  // expected and received
};

// All that is wrong with one configuration.
class SettingsError : public std::runtime_error {
 public:
  SettingsError(const std::string& file, std::vector<Problem> problems);
  const std::vector<Problem>& problems() const { return problems_; }

 private:
  std::vector<Problem> problems_;
};

// Looks a variable of the environment up; the tests have their own.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

// Reads the file. Throws: SettingsError with every problem found; std::runtime_error when it cannot be read.
Settings load(const std::filesystem::path& file, const Environment& environment);

// As load, from memory; `name` stands for the file in messages.
Settings parse(std::string_view text, const std::string& name, const Environment& environment);

// One key that the parser knows: "streams.*.transport", "choice". For the test that keeps the JSON schema
// true.
struct KnownKey {
  std::string path, type;
  std::string bounds;  // "1s to 1h"; empty: any value of the type
};
// Every key, in the order in which the parser asks for them.
std::vector<KnownKey> known_keys();

// The settings as JSON for people and programs, passwords masked.
std::string to_json(const Settings& settings);

// The folder that a model's name means: itself when it holds a '/', else the first that has it of the cache
// of tools/fetch-models ($XDG_CACHE_HOME/vedette/models or ~/.cache/vedette/models), of share/vedette/models
// beside the program's own folder, and the search path.
// Empty: none has.
std::filesystem::path find_model(const std::string& name, const ModelSettings& models,
                                 const Environment& environment);
// Where the pictures go that records refer to: the configured path; with "auto" `evidence` in systemd's
// $STATE_DIRECTORY, else in $XDG_STATE_HOME/vedette or ~/.local/state/vedette. Empty: none are kept.
std::filesystem::path evidence_folder(const EvidenceSettings& evidence, const Environment& environment);
std::vector<std::filesystem::path> model_places(const ModelSettings& models, const Environment& environment);
// "there is no model folder NAME; looked for ...", of one that find_model did not find.
std::string no_model(const std::string& name, const ModelSettings& models, const Environment& environment);

}  // namespace vedette::daemon::settings
