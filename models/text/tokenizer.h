#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vedette::models::text {

using TokenId = std::int32_t;

// A stretch of text to encode, and whether the names of special tokens inside it become their ids. What comes
// from outside (questions, transcripts) never does.
struct TextPart {
  std::string_view text;
  bool parse_special = false;
};

// Byte-level BPE as a `tokenizer.json` describes it. Holds the vocabulary and compiled patterns; immutable
// after loading. Thread-safe. Text is UTF-8; a byte that is not part of valid UTF-8 is read as U+FFFD.
class Tokenizer {
 public:
  // From a model folder or from a `tokenizer.json` itself.
  // Throws: std::runtime_error naming file and key, for anything that it would have to guess about.
  static Tokenizer load(const std::filesystem::path& folder_or_file);
  // From the file's text; `name` opens the messages.
  static Tokenizer parse(std::string_view json, const std::string& name);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Token ids of `text`, without those that a post-processor would put around it (start, end). Bytes that the
  // vocabulary lacks are dropped, as in the reference.
  std::vector<TokenId> encode(std::string_view text, bool parse_special = false) const;
  // Token ids of the parts in one, encoded as the single text that they make together.
  std::vector<TokenId> encode(std::span<const TextPart> parts) const;

  // Text of the ids. What is not whole UTF-8 becomes U+FFFD; ids outside the vocabulary give nothing.
  std::string decode(std::span<const TokenId> ids, bool skip_special = true) const;
  // The very bytes that one id stands for; "" outside the vocabulary. Lives as long as the tokenizer.
  std::string_view bytes(TokenId id) const;

  std::optional<TokenId> find(
      std::string_view token) const;            // by the vocabulary's spelling: "<|im_end|>", "Ġthe"
  std::string_view spelling(TokenId id) const;  // "" outside the vocabulary
  bool is_special(TokenId id) const;
  TokenId size() const;  // the greatest id plus one, added tokens included

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

// Turns tokens into text as they come, giving whole characters only. One per generation; the tokenizer must
// outlive it.
class Detokenizer {
 public:
  explicit Detokenizer(const Tokenizer& tokenizer, bool skip_special = true)
      : tokenizer_(&tokenizer), skip_special_(skip_special) {}

  // The text that the token completes; may be empty. Lives until the next call.
  std::string_view push(TokenId id);
  // What is left at the end: an unfinished character becomes U+FFFD. Starts anew.
  std::string_view finish();

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_;
  std::string pending_;  // bytes of an unfinished character
  std::string ready_;
};

}  // namespace vedette::models::text
