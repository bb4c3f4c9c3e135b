#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/narration/timeline.h"
#include "models/language/decoder.h"
#include "models/preprocess/image_spec.h"
#include "models/runtime/engine.h"
#include "models/tensor/tensor.h"
#include "models/text/chat_template.h"
#include "models/text/image_prompt.h"
#include "models/text/prompt_layout.h"
#include "models/text/tokenizer.h"

namespace vedette::daemon::narration {

// Writes prompts of one model: the system message, then a user's turn of timeline lines and pictures, then
// what is asked. All of it in pieces that, one behind the other, are the token ids of the whole (the trainer
// writes the same whole). Immutable; thread-safe. Tokenizer and template must outlive it.
class PromptWriter {
 public:
  // `markup`: how pictures are marked, as the model was taught.
  PromptWriter(const models::text::Tokenizer& tokenizer, const models::text::ChatTemplate& chat,
               models::text::PromptLayout layout,
               models::text::ImageMarkup markup = models::text::ImageMarkup::kNone);

  const models::text::PromptLayout& layout() const { return layout_; }
  // Up to where the user's text begins.
  const std::vector<std::int32_t>& head() const { return turn_.head; }
  // What stands before the rows of each tile and of the whole picture, and behind the last.
  std::vector<std::vector<std::int32_t>> around_picture(const models::preprocess::TileGrid& tiles) const;
  // A question behind the lines, and the opening of the answer.
  std::vector<std::int32_t> question(std::string_view text) const;
  // A yes/no check of a condition such as "a person is visible", likewise.
  std::vector<std::int32_t> check(std::string_view condition) const;
  // The first tokens of yes and of no.
  const std::vector<std::vector<std::int32_t>>& yes_no() const { return yes_no_; }
  std::vector<std::int32_t> encode(std::string_view line) const { return tokenizer_.encode(line); }
  // A short name for a prompt, as records carry it: changes whenever the layout or what is asked does.
  std::string hash(std::string_view asked) const;

 private:
  std::vector<std::int32_t> ask(std::string_view pattern, std::string_view text) const;

  const models::text::Tokenizer& tokenizer_;
  const models::text::PromptLayout layout_;
  const models::text::OpenTurn turn_;
  const models::text::ImageMarkup markup_;
  std::vector<std::vector<std::int32_t>> yes_no_;
};

// A picture as the language model reads it.
struct PictureRows {
  models::tensor::Tensor rows;         // [tokens, hidden]: of the tiles, row by row, and of the whole
  models::preprocess::TileGrid tiles;  // 0 x 0: the whole alone
};
using PictureTokens = std::shared_ptr<const PictureRows>;
// A sound likewise: [rows, hidden].
using SoundTokens = std::shared_ptr<const models::tensor::Tensor>;

// A stretch of prompt in the making.
class PieceWriter {
 public:
  explicit PieceWriter(const PromptWriter& prompts) : prompts_(prompts) {}

  void line(std::string_view text);
  // A picture taken at `t_ms` of the prompt's time. Throws: std::invalid_argument when its rows are of
  // another type or width than those before, or are not those of so many tiles.
  void picture(std::int64_t t_ms, const PictureTokens& picture);
  // A fact as fact_line has it, and a sound's rows where the layout has a place for them; null: none.
  void fact(const Fact& fact, std::int64_t zero_ms, const SoundTokens& sound = nullptr);
  void tokens(const std::vector<std::int32_t>& more);

  int size() const { return static_cast<int>(tokens_.size()); }
  // What was written; this is empty then.
  models::runtime::PromptPiece take();

 private:
  const PromptWriter& prompts_;
  void rows(std::int64_t count) {
    tokens_.insert(tokens_.end(), static_cast<std::size_t>(count), models::language::kEmbeddingRow);
  }
  void keep(std::shared_ptr<const models::tensor::Tensor> rows);

  std::vector<std::int32_t> tokens_;
  std::vector<std::shared_ptr<const models::tensor::Tensor>> embeddings_;
};

}  // namespace vedette::daemon::narration
