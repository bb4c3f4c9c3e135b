#include "daemon/narration/prompt_writer.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <utility>

namespace vedette::daemon::narration {

using models::tensor::Tensor;

namespace {

// FNV-1a, 64 bits (Fowler, Noll, Vo).
void mix(std::uint64_t& hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  hash = (hash ^ 0xffU) * 0x100000001b3ULL;  // "ab", "c" is not "a", "bc"
}

void append(std::vector<std::int32_t>& to, const std::vector<std::int32_t>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

PromptWriter::PromptWriter(const models::text::Tokenizer& tokenizer, const models::text::ChatTemplate& chat,
                           models::text::PromptLayout layout, models::text::ImageMarkup markup)
    : tokenizer_(tokenizer),
      layout_(std::move(layout)),
      turn_(chat.open_turn(tokenizer, layout_.system)),
      markup_(markup) {
  for (const auto* words : {&layout_.yes, &layout_.no}) {
    auto& first_tokens = yes_no_.emplace_back();
    for (const std::string& word : *words) {
      const auto ids = tokenizer_.encode(word);
      if (!ids.empty() && std::ranges::find(first_tokens, ids[0]) == first_tokens.end())
        first_tokens.push_back(ids[0]);
    }
  }
}

std::vector<std::int32_t> PromptWriter::ask(std::string_view pattern, std::string_view text) const {
  std::vector<std::int32_t> tokens = tokenizer_.encode(models::text::fill(pattern, {{"text", text}}));
  append(tokens, turn_.tail);
  return tokens;
}

std::vector<std::vector<std::int32_t>> PromptWriter::around_picture(
    const models::preprocess::TileGrid& tiles) const {
  std::vector<std::vector<std::int32_t>> tokens;
  for (const std::string& text : models::text::image_segments(markup_, tiles.rows, tiles.columns))
    tokens.push_back(tokenizer_.encode(text, true));
  return tokens;
}

std::vector<std::int32_t> PromptWriter::question(std::string_view text) const {
  return ask(layout_.question, text);
}

std::vector<std::int32_t> PromptWriter::check(std::string_view condition) const {
  return ask(layout_.check, condition);
}

std::string PromptWriter::hash(std::string_view asked) const {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::string* text :
       {&layout_.system, &layout_.frame, &layout_.heard, &layout_.seen, &layout_.moved, &layout_.sounded,
        &layout_.condition, &layout_.question, &layout_.check}) {
    mix(hash, *text);
  }
  mix(hash, asked);
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

void PieceWriter::line(std::string_view text) {
  tokens(prompts_.encode(text));
}

void PieceWriter::tokens(const std::vector<std::int32_t>& more) {
  append(tokens_, more);
}

void PieceWriter::keep(std::shared_ptr<const Tensor> rows) {
  if (!embeddings_.empty()) {
    const Tensor& first = *embeddings_.front();
    if (first.dtype() != rows->dtype() || first.shape()[1] != rows->shape()[1])
      throw std::invalid_argument("prompt: rows of two models");
  }
  embeddings_.push_back(std::move(rows));
}

void PieceWriter::picture(std::int64_t t_ms, const PictureTokens& picture) {
  const auto around = prompts_.around_picture(picture->tiles);
  const std::int64_t rows_in_all = picture->rows.shape()[0];
  const auto pictures = static_cast<std::int64_t>(around.size()) - 1;
  if (pictures != picture->tiles.pictures() || rows_in_all % pictures != 0)
    throw std::invalid_argument("prompt: a picture's rows are not those of its tiles");
  keep({picture, &picture->rows});
  char t[32];
  std::snprintf(t, sizeof t, "%.1f", static_cast<double>(std::max<std::int64_t>(0, t_ms)) / 1000.0);
  const std::string text = models::text::fill(prompts_.layout().frame, {{"t", t}});
  const std::size_t at = text.find("{frame}");  // the layout has it once
  line(std::string_view(text).substr(0, at));
  for (std::int64_t i = 0; i < pictures; ++i) {
    tokens(around[static_cast<std::size_t>(i)]);
    rows(rows_in_all / pictures);
  }
  tokens(around.back());
  line(std::string_view(text).substr(at + std::string_view("{frame}").size()));
}

void PieceWriter::fact(const Fact& fact, std::int64_t zero_ms, const SoundTokens& sound) {
  const auto around = sound == nullptr ? std::nullopt : sound_line(fact, zero_ms, prompts_.layout());
  if (!around) return line(fact_line(fact, zero_ms, prompts_.layout()));
  keep(sound);
  line(around->first);
  rows(sound->shape()[0]);
  line(around->second);
}

models::runtime::PromptPiece PieceWriter::take() {
  models::runtime::PromptPiece piece;
  piece.tokens = std::exchange(tokens_, {});
  if (embeddings_.empty()) return piece;
  std::int64_t count = 0;
  for (const auto& one : embeddings_) count += one->shape()[0];
  const Tensor& first = *embeddings_.front();
  piece.embeddings = Tensor(first.dtype(), models::tensor::Shape{count, first.shape()[1]});
  auto* to = static_cast<std::byte*>(piece.embeddings.view().data());
  for (const auto& one : embeddings_) {
    std::memcpy(to, one->view().data(), one->view().bytes());
    to += one->view().bytes();
  }
  embeddings_.clear();
  return piece;
}

}  // namespace vedette::daemon::narration
