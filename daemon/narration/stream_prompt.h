#pragma once

#include <cstdint>
#include <deque>
#include <memory>
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
};

// A picture whose tokens are kept.
struct KeptPicture {
  std::int64_t t_ms = 0;  // UTC
  PictureTokens tokens;
};

// What one stream's language model session holds: pictures' tokens and the facts of the timeline, each
// appended once, in the order in which they came; of the pictures since it was last brought up the newest
// only. It is begun anew, with the last while of what is known, before it holds more pictures or reaches back
// further than the layout says that the model was taught with. A caption, a check and a question are forks of
// it with a short suffix. Not thread-safe; nothing here blocks. What it is made with must outlive it.
class StreamPrompt {
 public:
  StreamPrompt(models::runtime::Engine& engine, const PromptWriter& writer, const Timeline& timeline,
               const StreamPromptOptions& options = {});

  // Keeps the tokens of a picture; the session gets them when it is brought up.
  void see(std::int64_t t_ms, models::tensor::Tensor tokens);
  // The session with all that is known by now; opened when there is none. Null when the engine has no
  // language model, or refuses it.
  std::shared_ptr<models::runtime::PromptSession> bring_up(std::int64_t now_ms);
  // What goes on now, as lines, and behind it the question or the check: the suffix of a fork.
  std::vector<std::int32_t> question(std::string_view text) const;
  std::vector<std::int32_t> check(std::string_view condition) const;
  // UTC since which all that is known stands in the session; the greatest number when nothing does.
  std::int64_t since_ms();
  // Pictures of the span, oldest first.
  std::vector<KeptPicture> pictures(std::int64_t from_ms, std::int64_t to_ms) const;
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
  std::vector<std::int32_t> going_on() const;

  models::runtime::Engine& engine_;
  const PromptWriter& writer_;
  const Timeline& timeline_;
  const StreamPromptOptions options_;
  std::deque<KeptPicture> pictures_;
  bool unsent_ = false;                            // the newest of them is not in the session
  std::uint64_t told_ = 0;                         // number of the last fact that it got
  std::uint32_t epoch_ = 0;                        // whose facts it gets
  std::int64_t zero_ms_ = 0;                       // UTC that it calls 0.0
  int shown_ = 0;                                  // pictures in it
  std::deque<std::pair<std::int64_t, int>> held_;  // time and tokens of what it got and has not forgotten
  std::int64_t forgotten_ = 0;                     // tokens that were dropped from held_
  std::shared_ptr<models::runtime::PromptSession> session_;
};

}  // namespace vedette::daemon::narration
