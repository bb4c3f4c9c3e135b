#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/narration/prompt_writer.h"
#include "daemon/narration/timeline.h"
#include "models/runtime/engine.h"

namespace vedette::daemon::narration {

struct StreamPromptOptions {
  int most_tokens = 1024;          // of the session; the engine drops the oldest beyond
  std::size_t most_pictures = 64;  // whose tokens are kept
  std::size_t most_sounds = 64;    // likewise
};

// A picture whose tokens are kept.
struct KeptPicture {
  std::int64_t t_ms = 0;  // UTC
  PictureTokens tokens;
};

// Sounds whose rows are kept, by the id of their record.
using KeptSounds = std::map<std::string, SoundTokens, std::less<>>;

// What one stream's language model session holds: pictures' tokens and the facts of the timeline, each
// appended once, in the order in which they came; of the pictures since it was last brought up the newest
// only. It is begun anew, with the last while of what is known, before it holds more pictures or reaches back
// further than the layout says that the model was taught with; of more sounds than it says only the names are
// told. A caption, a check and a question are forks of it with a short suffix. Not thread-safe; nothing here
// blocks. What it is made with must outlive it.
class StreamPrompt {
 public:
  StreamPrompt(models::runtime::Engine& engine, const PromptWriter& writer, const Timeline& timeline,
               const StreamPromptOptions& options = {});

  // Keeps the tokens of a picture; the session gets them when it is brought up.
  void see(std::int64_t t_ms, PictureRows picture);
  // Keeps the rows of a sound, by the record that tells of it, for when its fact is told.
  void hear(const std::string& record_id, models::tensor::Tensor rows);
  // The session with all that is known by now; opened when there is none. Null when the engine has no
  // language model, or refuses it.
  std::shared_ptr<models::runtime::PromptSession> bring_up(std::int64_t now_ms);
  // What goes on now, as lines, and behind it the question or the check: the suffix of a fork.
  models::runtime::PromptPiece question(std::string_view text) const;
  models::runtime::PromptPiece check(std::string_view condition) const;
  // UTC since which all that is known stands in the session; the greatest number when nothing does.
  std::int64_t since_ms();
  // Pictures of the span, oldest first.
  std::vector<KeptPicture> pictures(std::int64_t from_ms, std::int64_t to_ms) const;
  // Rows of those of the facts that are sounds, of the newest `sounds` of the layout.
  KeptSounds sounds(const std::vector<Fact>& facts) const;
  // Another epoch: nothing of the one before goes on.
  void enter(std::uint32_t epoch);

  const PromptWriter& writer() const { return writer_; }

 private:
  struct Item {
    std::int64_t t_ms = 0;
    Fact fact;  // without a picture
    PictureTokens picture;
  };
  std::vector<Item> news(std::int64_t from_ms);
  std::shared_ptr<models::runtime::PromptSession> grow(std::int64_t now_ms);
  void open(std::int64_t now_ms);
  void append(const std::vector<Item>& items);
  void going_on(PieceWriter& piece) const;
  SoundTokens rows_of(const Fact& fact, int shown) const;

  models::runtime::Engine& engine_;
  const PromptWriter& writer_;
  const Timeline& timeline_;
  const StreamPromptOptions options_;
  std::deque<KeptPicture> pictures_;
  std::deque<std::pair<std::string, SoundTokens>> sounds_;
  bool unsent_ = false;                            // the newest of them is not in the session
  std::uint64_t told_ = 0;                         // number of the last fact that it got
  std::uint32_t epoch_ = 0;                        // whose facts it gets
  std::int64_t zero_ms_ = 0;                       // UTC that it calls 0.0
  int shown_ = 0;                                  // pictures in it
  int sounded_ = 0;                                // sounds in it whose rows are shown
  std::deque<std::pair<std::int64_t, int>> held_;  // time and tokens of what it got and has not forgotten
  std::int64_t forgotten_ = 0;                     // tokens that were dropped from held_
  std::shared_ptr<models::runtime::PromptSession> session_;
};

}  // namespace vedette::daemon::narration
