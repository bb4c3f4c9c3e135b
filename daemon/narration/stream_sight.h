#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "daemon/evidence/evidence_store.h"
#include "daemon/narration/captions.h"
#include "daemon/narration/motion_records.h"
#include "daemon/narration/outbox.h"
#include "daemon/narration/plain_conditions.h"
#include "daemon/narration/prompt_writer.h"
#include "daemon/narration/scene.h"
#include "daemon/narration/sound_events.h"
#include "daemon/narration/stream_book.h"
#include "daemon/narration/stream_prompt.h"
#include "daemon/streams/feed.h"
#include "models/runtime/engine.h"
#include "models/runtime/sound_projecting.h"
#include "sinks/publisher.h"
#include "sinks/record.h"

namespace vedette::daemon::narration {

// A condition that is checked whenever something changed: by the facts where it is plain and the language
// model was not taught to narrate, else by the share of yes between that model's yes and no.
struct AlertRule {
  std::string when;        // in plain words: "a person is visible"
  float threshold = 0.7F;  // of the score, 0 to 1, from which an alert is raised
  std::chrono::nanoseconds cooldown = std::chrono::seconds(60);  // after an alert, without checks; 0: none
};

struct SightOptions {
  bool captions = true;
  std::chrono::nanoseconds caption_every = std::chrono::seconds(5);  // while something changes
  // ... or sooner after the last one, when much has changed at once.
  std::chrono::nanoseconds caption_soonest = std::chrono::seconds(1);
  float much = 0.3F;  // SeenFrame::change from which that is so
  std::string caption_prompt = "Describe what happens.";
  int caption_tokens = 48;  // at most
  std::vector<AlertRule> alerts;
  const PromptWriter* writer = nullptr;  // null: there is no language model. Must outlive the streams
  StreamPromptOptions prompt;
  CaptionOptions caption;
  const models::audio::SoundHead* sounds = nullptr;  // null: other sounds than words have no name
  // Null: the language model is told of them by name alone. Must outlive the streams.
  models::runtime::SoundProjecting* sound_rows = nullptr;
  std::string hear_model;                       // the name of the model that both stand on
  std::string think_model;                      // its name, as records carry it
  evidence::EvidenceStore* evidence = nullptr;  // null: no pictures are kept. Must outlive the streams
};

struct SightStats {
  std::uint64_t pictures = 0, unchanged = 0, lost = 0;  // that came; of them held back by the gate; lost
  std::uint64_t tiles_left_out = 0;                     // of the pictures that were encoded
  std::array<std::uint64_t, 3> captions{};              // opened, by CaptionSource
  std::uint64_t captions_asked = 0, captions_shed = 0, captions_failed = 0;  // of the language model
  std::uint64_t motions = 0, sounds = 0;  // that began, went on differently or ended
  std::uint64_t alerts_raised = 0, checks_below = 0, checks_shed = 0, checks_failed = 0;
  Outbox::Stats outbox;
};

// What one stream shows, and what sounds in it beside words: pictures, movement and sounds become facts on
// the timeline and records; captions are made, rules checked, alerts raised. While nothing changes nothing is
// asked of the language model. Thread-safe; nothing here blocks.
// Made by create(), because answers of the engine hold on to it weakly.
class StreamSight : public std::enable_shared_from_this<StreamSight> {
 public:
  // What it is made with must outlive it.
  static std::shared_ptr<StreamSight> create(std::string stream, models::runtime::Engine& engine,
                                             sinks::Publisher& publisher, std::shared_ptr<StreamBook> book,
                                             SightOptions options);

  // As Feed; an epoch that ends closes what is open.
  void on_clock(const base::ClockMap& clock);
  void on_seen(streams::SeenFrame frame);
  void on_motion(const signals::MotionEvent& event);
  void on_heard(const streams::HeardWindow& window);
  // Words may stand on the timeline that were not there before.
  void on_words(base::MediaTime now);
  // A measured condition began or ended; it stands on the timeline.
  void on_condition(base::MediaTime now);
  // The language model is asked for so many of its captions from now on, 0 to 1; at 0 the facts alone make
  // them.
  void set_caption_share(double share);
  // Closes what is open; later calls do nothing.
  void stop();

  // Pictures whose tokens are kept, of a span of UTC, oldest first.
  std::vector<KeptPicture> pictures(std::int64_t from_ms, std::int64_t to_ms) const;
  // Rows of those of the facts that are sounds, of the newest as many as a prompt shows.
  KeptSounds sounds(const std::vector<Fact>& facts) const;
  // A session that holds all that is known since `from_ms`, and the suffix that asks a question of a fork of
  // it; null when there is none.
  struct Fork {
    std::shared_ptr<models::runtime::PromptSession> session;
    models::runtime::PromptPiece suffix;
  };
  Fork fork(const std::vector<Fact>& facts, std::int64_t now_ms, std::string_view question);
  // The newest picture, as a JPEG; null: there is none.
  std::shared_ptr<const std::string> latest_jpeg();
  bool has_latest() const;  // there is one
  // The newest picture, when it was taken in the span.
  models::runtime::ImageFrame latest_picture(std::int64_t from_ms, std::int64_t to_ms) const;
  bool has_pictures() const;
  // A caption or a check is being worked on.
  bool busy() const;
  const SightOptions& options() const { return options_; }
  SightStats stats() const;

 private:
  struct Asked {  // a caption that the language model is at work on
    std::uint64_t number = 0;
    base::MediaTime time;
    models::runtime::ImageFrame picture;
    std::string text;  // so far
    std::shared_ptr<models::runtime::RequestHandle> handle;
  };
  enum class ScoredBy : std::uint8_t { kFacts, kModel };
  struct Rule {
    AlertRule rule;
    std::optional<PlainCondition> plain;
    std::uint64_t check = 0;  // number of the one that runs; 0: none
    base::MediaTime time;     // of what it checks
    models::runtime::ImageFrame picture;
    std::optional<base::MediaTime> raised;
    std::shared_ptr<models::runtime::RequestHandle> handle;
  };
  using Actions = std::vector<std::function<void()>>;

  StreamSight(std::string stream, models::runtime::Engine& engine, sinks::Publisher& publisher,
              std::shared_ptr<StreamBook> book, SightOptions options);

  // All of these require that mutex_ is held; what must not be done under it goes into `later`.
  void enter_epoch(std::uint32_t epoch);
  void leave_epoch(std::chrono::nanoseconds end, Actions& later);
  void note_sightings(const streams::SeenFrame& frame);
  void note_fault(base::MediaTime time, std::string fault);
  bool measured_fault() const;
  void something_moved(base::MediaTime now, Actions& later);
  void ask_caption(base::MediaTime now, Actions& later);
  void ask_model(base::MediaTime now, Actions& later);
  void tell(base::MediaTime time, Caption caption, models::runtime::ImageFrame picture);
  void send(std::vector<sinks::Record> records, models::runtime::ImageFrame picture = {});
  std::string facts_sentence() const;
  bool names_what_is_not_there(const std::string& text, base::MediaTime time) const;
  Scene scene() const;
  Moment moment(base::MediaTime now) const;
  void check_rules(base::MediaTime now, Actions& later);
  bool ask_about(std::size_t rule, base::MediaTime now, Actions& later);
  void decide(Rule& rule, float score, ScoredBy by);
  void raise(Rule& rule, float score, ScoredBy by);
  base::ClockMap clock_of(std::uint32_t epoch) const;
  bool model_narrates() const;
  StreamPrompt* prompt();

  void on_caption_text(std::uint64_t number, std::string_view piece);
  void on_caption(std::uint64_t number, models::runtime::TextResult result);
  void on_check(std::size_t rule, std::uint64_t number, models::runtime::ScoreResult result);
  static void run(Actions& actions);

  const std::string stream_;
  models::runtime::Engine& engine_;
  sinks::Publisher& publisher_;
  const std::shared_ptr<StreamBook> book_;
  Timeline& timeline_;
  const SightOptions options_;

  mutable std::mutex mutex_;
  Outbox outbox_;
  Captions captions_;
  MotionRecords motion_;
  SoundEvents sounds_;
  std::optional<StreamPrompt> prompt_;
  std::map<std::uint32_t, base::ClockMap> clocks_;  // of the last epochs
  std::uint32_t epoch_ = 0;
  base::MediaTime latest_time_;
  models::runtime::ImageFrame latest_;  // newest picture
  std::shared_ptr<const std::string> latest_jpeg_;
  std::vector<models::runtime::Sighting> sightings_;  // of the newest picture that has any
  std::string seen_;                                  // the fact that was last told of them
  std::string fault_, told_fault_;                    // of the newest picture; the condition that is open
  base::MediaTime fault_since_;                       // the first picture that had it
  bool looks_ = false;                                // a picture came in this epoch
  bool has_heads_ = false;                            // a picture came with sightings
  bool changed_ = false, much_ = false;               // since the last caption was asked for
  double caption_share_ = 1.0;
  std::optional<base::MediaTime> asked_at_;  // the last caption
  std::optional<Asked> asked_;
  std::vector<Rule> rules_;
  std::uint64_t words_ = 0;  // number of the last fact that rules were checked with
  std::uint64_t number_ = 0;
  SightStats stats_;
  bool stopped_ = false;
};

}  // namespace vedette::daemon::narration
