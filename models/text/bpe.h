#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/text/tokenizer.h"

namespace vedette::models::text {

// One merge rule: the pair becomes `merged`; of two rules that apply, the one of lower rank goes first.
struct MergeRule {
  TokenId left = 0;
  TokenId right = 0;
  TokenId merged = 0;
};

// Byte-pair encoding of single words over bytes. Immutable; thread-safe with a Scratch per thread.
class Bpe {
 public:
  struct Options {
    std::array<TokenId, 256> byte_ids{};  // token of each byte; -1 where the vocabulary has none
    TokenId unknown = -1;                 // stands for such a byte; -1: the byte is dropped
    bool fuse_unknown = false;            // several in a row become one
  };

  // Working memory, kept between words.
  struct Scratch {
    struct Symbol {
      TokenId id;
      std::int32_t previous;  // index of the neighbour, -1 at the border
      std::int32_t next;
    };
    struct Candidate {
      std::int32_t rank;
      std::int32_t position;
      TokenId merged;
    };
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
  };

  // `rules` by rank. Of equal pairs the last one counts, as in the reference.
  Bpe(const Options& options, std::span<const MergeRule> rules);

  // Appends the word's tokens to `out`.
  void encode(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const;

 private:
  struct Merge {
    std::uint64_t pair;
    std::int32_t rank;
    TokenId merged;
  };
  const Merge* find(TokenId left, TokenId right) const;
  void load_symbols(std::string_view word, Scratch& scratch) const;
  void offer(Scratch& scratch, std::int32_t position) const;

  Options options_;
  std::vector<Merge> table_;  // open addressing; a power of two, at most half full
};

}  // namespace vedette::models::text
