#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "models/text/bpe.h"
#include "models/text/pre_tokenizer.h"
#include "models/text/tokenizer.h"

namespace vedette::models::text {

// Unicode normal form that text is brought to before it is cut.
enum class Normaliser : std::uint8_t { kNone, kNfc, kNfd, kNfkc, kNfkd };

struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool strip_left = false;   // swallows the white space before it
  bool strip_right = false;  // and after it
  bool special = false;
};

// A tokenizer.json, checked and with its names resolved to ids.
struct TokenizerFile {
  std::vector<std::string> spellings;  // by id, added tokens included; "" where there is none
  std::unordered_map<std::string, TokenId> ids;
  std::vector<MergeRule> merges;  // by rank
  std::vector<AddedToken> added;
  std::vector<SplitRule> splits;
  bool add_prefix_space = false;
  Normaliser normaliser = Normaliser::kNone;
  TokenId unknown = -1;
  bool fuse_unknown = false;
  bool ignore_merges = false;  // a word that is a token is taken whole
};

// Throws: std::runtime_error opening with `name` and the key, for whatever is malformed or would have to be
// guessed at.
TokenizerFile parse_tokenizer_file(std::string_view json, const std::string& name);

// The character that byte-level vocabularies write for each byte (GPT-2's bytes_to_unicode).
const std::array<std::int32_t, 256>& byte_symbols();

}  // namespace vedette::models::text
