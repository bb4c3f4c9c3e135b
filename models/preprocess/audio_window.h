#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace vedette::models::preprocess {

struct AudioWindowOptions {
  int sample_rate_hz = 16000;
  std::chrono::milliseconds hop{1000};       // new sound per window; at least 100 ms
  std::chrono::milliseconds longest{30000};  // of a window; what the model takes, at most 30 s
  std::chrono::milliseconds keep{
      10000};  // of a full window in which nothing was settled; shorter than `longest`
  std::chrono::milliseconds lead_in{500};  // silence kept before sound begins; 0: none
  // Silence through which the sound before it stays in the window: a model hears the first words after a
  // pause better when it has heard those before it. At most half of `longest`; 0: none.
  std::chrono::milliseconds remember{4000};
  double silence_dbfs = -55.0;  // level of a 20 ms frame below which it is silent
  std::chrono::milliseconds shortest_sound{
      60};  // less sound than this in a hop counts as silence; 0: any frame counts
  // Only full windows, and what is left at the end, instead of one per hop: for sound that nobody waits for.
  // Each is heard once; `settle`, told while it is given, says where the next one begins.
  bool whole = false;

  friend bool operator==(const AudioWindowOptions&, const AudioWindowOptions&) = default;
};

// One window that the policy cut: sound [first, first + samples.size()), counted from the epoch's first
// sample.
struct CutWindow {
  std::int64_t first = 0;
  std::vector<float> samples;  // 16 kHz mono in [-1, 1]; its size is the window's true length
  float level_dbfs = -120.0F;  // RMS of the part that is new since the last window
  bool silent = false;         // nothing in it needs the encoder
  bool moved_on = false;       // sound before `first` left the window although nobody settled it
  bool last = false;           // the epoch ends here
};

// Decides which stretch of a stream's sound is analysed next. Every hop it cuts the window [start, now):
// start is the settled time that `settle` told, else it stays; a long silence is let go with what was before
// it; a window that reached its longest with nothing settled moves on and says so. A hop of silence after
// sound is still analysed once, so that a second pass can agree with the first; further silence is not. With
// `whole`, windows are cut when they are full, and the epoch's last window is a silent one. Time is counted
// in samples; windows do not depend on the pieces in which sound comes. Used by the elements and by
// daemon/files alike. Not thread-safe. Memory: `longest` + one hop.
class AudioWindowPolicy {
 public:
  using Emit = std::function<void(CutWindow)>;

  // Throws: std::invalid_argument naming the option and the range that it takes.
  explicit AudioWindowPolicy(const AudioWindowOptions& options);

  // Takes sound and gives each window that became due.
  void push(std::span<const float> samples, const Emit& emit);
  // As push, with `count` samples of digital silence: a gap in the source.
  void push_silence(std::int64_t count, const Emit& emit);
  // Sound before this time, from the epoch's first sample, is settled: the next window may start there. Never
  // moves back.
  void settle(std::chrono::nanoseconds until);
  // Ends the epoch: gives what is left as the last window (also when nothing new came, provided there was
  // sound at all), then is as new.
  void finish(const Emit& emit);
  // Forgets everything, without a window.
  void reset();

  std::int64_t now() const { return now_; }      // samples taken since the epoch began
  std::int64_t start() const { return start_; }  // first sample of the next window
  std::chrono::nanoseconds to_time(std::int64_t samples) const;
  std::int64_t to_samples(std::chrono::nanoseconds time) const;

 private:
  void cut(bool last, const Emit& emit);
  void look_for_sound(const Emit& emit);
  void give_whole(const Emit& emit);
  void finish_whole(const Emit& emit);
  void give_silence(bool last, const Emit& emit);
  void skip_silence();
  void move_start(std::int64_t to);
  bool make_room();
  bool sounds(std::span<const float> fresh) const;

  const AudioWindowOptions options_;
  std::int64_t hop_ = 0, longest_ = 0, keep_ = 0, lead_in_ = 0, remember_ = 0, frame_ = 0,
               shortest_sound_ = 0;
  float silence_power_ = 0.0F;

  std::vector<float> held_;  // sound [start_, now_)
  std::int64_t start_ = 0, now_ = 0;
  std::int64_t cut_at_ = 0;       // end of the last window
  std::int64_t sound_end_ = -1;   // end of the last hop that sounded; -1: none in the window
  bool quiet_ = true;             // no unsettled sound is in the window
  bool confirmed_ = true;         // the sound in the window was followed by an analysed hop of silence
  std::int64_t given_until_ = 0;  // end of the last whole window
};

}  // namespace vedette::models::preprocess
