#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace vedette::models::text {

// One way of cutting text into words, as `pre_tokenizer` of a tokenizer.json lists them.
struct SplitRule {
  enum class Kind : std::uint8_t {
    kPattern,  // each match of a regular expression is a word, and so is each stretch between (HF: Split,
               // ByteLevel)
    kDigits,   // numeric characters apart from the others (HF: Digits)
  };
  Kind kind = Kind::kPattern;
  std::string pattern;             // of kPattern, in PCRE2's syntax
  bool keep_matches = true;        // of kPattern: false drops them (HF: behavior "Removed")
  bool individual_digits = false;  // of kDigits: each is a word of its own
};

// The pattern of GPT-2's byte-level tokenizer. White space is spelled out: PCRE2's \s has one character more
// than Unicode.
extern const char* const kGpt2Pattern;

// Cuts text into words by one rule after the other, each within the pieces of the one before. Holds compiled
// patterns. Immutable; thread-safe.
class PreTokenizer {
 public:
  // `add_prefix_space`: a space is put before text that does not begin with one.
  // Throws: std::invalid_argument for a pattern that does not compile.
  PreTokenizer(std::vector<SplitRule> rules, bool add_prefix_space);
  PreTokenizer(PreTokenizer&&) noexcept;
  PreTokenizer& operator=(PreTokenizer&&) noexcept;
  ~PreTokenizer();

  // Calls `word` for each, in order. Requires: valid UTF-8.
  // Throws: std::runtime_error when a pattern gives up on the text.
  void split(std::string_view text, const std::function<void(std::string_view)>& word) const;

 private:
  struct Compiled;
  void apply(std::size_t rule, std::string_view text,
             const std::function<void(std::string_view)>& word) const;
  void apply_pattern(std::size_t rule, std::string_view text,
                     const std::function<void(std::string_view)>& word) const;
  void apply_digits(std::size_t rule, std::string_view text,
                    const std::function<void(std::string_view)>& word) const;

  std::vector<SplitRule> rules_;
  std::vector<Compiled> compiled_;
  bool add_prefix_space_;
};

}  // namespace vedette::models::text
