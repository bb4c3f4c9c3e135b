#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "daemon/narration/local_agreement.h"
#include "daemon/narration/stream_book.h"
#include "daemon/narration/stream_sight.h"
#include "daemon/narration/transcripts.h"
#include "daemon/narration/whole_windows.h"
#include "daemon/streams/feed.h"
#include "models/runtime/engine.h"
#include "sinks/publisher.h"

namespace vedette::daemon::narration {

// How windows are decoded. One attempt: the next window is as good as a retry, and sooner. Unlikely words get
// through to NarrationOptions' own gates, which know more.
inline models::audio::SpeechOptions live_speech() {
  models::audio::SpeechOptions options;
  options.attempts = 1;
  options.word_times = true;
  options.min_log_probability = -1.3F;
  return options;
}

struct NarrationOptions {
  LocalAgreementOptions agreement;
  TranscriptOptions transcripts;
  TimelineOptions timeline;
  // A pass with a no-speech probability above the one and a mean log-probability below the other gives no
  // words. Stricter than Whisper's own gate (0.6, -1): short windows of noise behind a sentence give "Thank
  // you." at 0.7 and -0.9.
  float max_no_speech_probability = 0.6F;
  float min_log_probability = -0.65F;
  // Nor does one whose mean log-probability is below Whisper's -1, unless it is speech beyond doubt that has
  // been heard for a while: what a hard voice says is better half understood than left out.
  float min_doubtful_log_probability = -1.0F;
  float max_doubtful_no_speech_probability = 0.25F;
  std::chrono::nanoseconds doubtful_window = std::chrono::seconds(3);  // shorter ones get no such leave
  // How windows are decoded. Words need word_times; else each segment counts as one.
  models::audio::SpeechOptions speech = live_speech();
  // Each window is heard once, as AudioWindowOptions::whole cuts them; else by agreement of overlapping ones.
  bool whole_windows = false;
  std::optional<SightOptions> sight;  // empty: words only
  std::int64_t start_ms = 0;          // UTC that ids of records carry before there is media; 0: now
  std::string hear_model;             // name of the speech model, as records carry it
};

// For a file that is read as fast as it can be: whole windows, with every attempt that the decoder has,
// judged by its own gates only; sentences wait for their end.
NarrationOptions whole_windows();

// What became of one stream's windows so far, for metrics.
struct NarrationStats {
  std::uint64_t windows = 0;  // that came from the source
  std::uint64_t silent = 0;   // of them, without features
  std::uint64_t superseded =
      0;  // of them, replaced by a newer one that holds the same sound, before their pass began
  std::uint64_t shed = 0;      // of them, lost: the waiting line or the engine's was full
  std::uint64_t passes = 0;    // that the speech decoder finished
  std::uint64_t rejected = 0;  // of them, taken for no speech
  std::uint64_t failed = 0;    // that ended in an error
  std::uint64_t words = 0;     // committed
  std::uint64_t records = 0;   // published
  std::uint64_t dropped = 0;   // refused by the publisher
};

// The story of one stream: its windows go through the speech decoder, words become transcript records,
// conditions and states become status records, and all of it the timeline that questions are answered from.
// Thread-safe; nothing here blocks. Made by create(), because passes that are still running hold on to it
// weakly.
class StreamNarration final : public streams::Feed, public std::enable_shared_from_this<StreamNarration> {
 public:
  // Engine and publisher must outlive it.
  static std::shared_ptr<StreamNarration> create(std::string stream, models::runtime::Engine& engine,
                                                 sinks::Publisher& publisher,
                                                 const NarrationOptions& options = {});

  void on_clock(const base::ClockMap& clock) override;
  void on_heard(streams::HeardWindow window) override;
  void on_seen(streams::SeenFrame frame) override;
  void on_motion(const signals::MotionEvent& event) override;
  void on_health(const signals::HealthEvent& event) override;
  void on_status(const streams::StreamStatus& status) override;
  base::MediaTime committed_until() const override;

  // Cancels a running pass, commits what the last one gave and closes everything that is open.
  void stop();

  const std::string& stream() const { return stream_; }
  const Timeline& timeline() const { return timeline_; }
  // What is seen of it, and heard beside words; null without NarrationOptions::sight.
  const std::shared_ptr<StreamSight>& sight() const { return sight_; }
  // UTC up to which the stream is known: now for a live one, the newest sound's time for a file.
  std::int64_t known_until_ms() const;
  NarrationStats stats() const;
  // True while a window waits or a pass runs.
  bool busy() const override;

 private:
  struct Pass {
    std::uint64_t number = 0;
    base::MediaTime start;
    std::chrono::nanoseconds end{0};
    bool last = false;
    std::shared_ptr<models::runtime::RequestHandle> handle;
  };
  struct OpenStatus {
    sinks::Record record;
    std::string label;
  };

  StreamNarration(std::string stream, models::runtime::Engine& engine, sinks::Publisher& publisher,
                  const NarrationOptions& options);

  // All of these require that mutex_ is held.
  void enqueue(streams::HeardWindow window);
  bool replaces(const streams::HeardWindow& newer, const streams::HeardWindow& older) const;
  void pump(std::unique_lock<std::mutex>& lock);
  std::optional<models::runtime::SpeechRequest> next_request();
  void take_pass(const Pass& pass, models::runtime::SpeechResult result);
  std::chrono::nanoseconds settled_until() const;
  bool is_noise(const Pass& pass, const models::audio::Transcript& transcript) const;
  void log_pass(const Pass& pass, const models::audio::Transcript& transcript) const;
  void enter_epoch(std::uint32_t epoch);
  void leave_epoch(std::chrono::nanoseconds end);
  void commit(const std::vector<TimedWord>& words, std::chrono::nanoseconds now, bool settle);
  void publish(sinks::Record record);
  void publish_words(sinks::Record record);
  OpenStatus open_status(FactKind kind, const std::string& label, base::MediaTime start,
                         std::int64_t t_start_ms, std::string details);
  void close_status(OpenStatus& status, std::chrono::nanoseconds end, std::int64_t t_end_ms);
  void note_health(const signals::HealthEvent& event);
  void close_conditions();
  base::ClockMap clock_of(std::uint32_t epoch) const;

  void on_pass(std::uint64_t number, models::runtime::SpeechResult result);

  const std::string stream_;
  models::runtime::Engine& engine_;
  sinks::Publisher& publisher_;
  const NarrationOptions options_;
  const std::shared_ptr<StreamBook> book_;
  Timeline& timeline_;
  sinks::RecordIds& ids_;
  const std::shared_ptr<StreamSight> sight_;

  mutable std::mutex mutex_;
  std::int64_t epoch_start_ms_ =
      std::numeric_limits<std::int64_t>::min();  // as the ids of the newest epoch carry it
  Transcripts transcripts_;
  std::map<std::uint32_t, base::ClockMap> clocks_;  // of the last epochs
  std::uint32_t epoch_ = 0;                         // whose words are being recognised
  std::optional<LocalAgreement> agreement_;         // of that epoch; empty before the first
  std::optional<WholeWindows> whole_;               // likewise, with options.whole_windows
  std::deque<streams::HeardWindow> waiting_;
  std::optional<Pass> running_;
  std::uint64_t pass_number_ = 0;
  base::MediaTime newest_;  // end of the newest sound that came
  std::map<signals::Condition, OpenStatus> conditions_;
  std::optional<OpenStatus> status_;
  NarrationStats stats_;
  bool stopped_ = false;
};

}  // namespace vedette::daemon::narration
