#include "daemon/narration/prompt_writer.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "models/language/decoder.h"

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
                           models::text::PromptLayout layout, std::string_view before, std::string_view after)
    : tokenizer_(tokenizer),
      layout_(std::move(layout)),
      turn_(chat.open_turn(tokenizer, layout_.system)),
      before_(tokenizer.encode(before, true)),
      after_(tokenizer.encode(after, true)) {
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

void PieceWriter::picture(std::int64_t t_ms, const PictureTokens& tokens) {
  const auto& shape = tokens->shape();
  if (!pictures_.empty()) {
    const Tensor& first = *pictures_.front();
    if (first.dtype() != tokens->dtype() || first.shape()[1] != shape[1])
      throw std::invalid_argument("prompt: pictures of two models");
  }
  char t[32];
  std::snprintf(t, sizeof t, "%.1f", static_cast<double>(std::max<std::int64_t>(0, t_ms)) / 1000.0);
  const std::string text = models::text::fill(prompts_.layout().frame, {{"t", t}});
  const std::size_t at = text.find("{frame}");  // the layout has it once
  line(std::string_view(text).substr(0, at));
  append(tokens_, prompts_.before_picture());
  tokens_.insert(tokens_.end(), static_cast<std::size_t>(shape[0]), models::language::kEmbeddingRow);
  append(tokens_, prompts_.after_picture());
  line(std::string_view(text).substr(at + std::string_view("{frame}").size()));
  pictures_.push_back(tokens);
}

models::runtime::PromptPiece PieceWriter::take() {
  models::runtime::PromptPiece piece;
  piece.tokens = std::exchange(tokens_, {});
  if (pictures_.empty()) return piece;
  std::int64_t rows = 0;
  for (const PictureTokens& one : pictures_) rows += one->shape()[0];
  const Tensor& first = *pictures_.front();
  piece.embeddings = Tensor(first.dtype(), models::tensor::Shape{rows, first.shape()[1]});
  auto* to = static_cast<std::byte*>(piece.embeddings.view().data());
  for (const PictureTokens& one : pictures_) {
    std::memcpy(to, one->view().data(), one->view().bytes());
    to += one->view().bytes();
  }
  pictures_.clear();
  return piece;
}

}  // namespace vedette::daemon::narration
