#pragma once

#include <string>

#include "models/text/tokenizer.h"

namespace vedette::models::text {

// A hand-made vocabulary: a, b, c, space (Ġ), newline (Ċ), 1, the two bytes of "é" (Ã ©), and a few merges.
// The byte "z" and most others are missing.
inline const char* const kTinyTokenizer = R"({
  "added_tokens": [
    {"id": 20, "content": "<|end|>", "special": true, "normalized": false, "single_word": false, "lstrip": false, "rstrip": false},
    {"id": 21, "content": "<|end|>x", "special": true},
    {"id": 22, "content": "<tool>", "special": false},
    {"id": 23, "content": "<strip>", "special": true, "lstrip": true, "rstrip": true}
  ],
  "normalizer": null,
  "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    {"type": "Digits", "individual_digits": true},
    {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}]},
  "post_processor": null,
  "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
  "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "", "end_of_word_suffix": "",
    "fuse_unk": false,
    "vocab": {"a": 0, "b": 1, "c": 2, "\u0120": 3, "\u010a": 4, "1": 5, "\u00c3": 6, "\u00a9": 7, "ab": 8, "bc": 9, "abc": 10,
      "\u0120a": 11, "\u00c3\u00a9": 12, "aa": 13, "11": 14},
    "merges": ["b c", ["a", "b"], "a bc", "\u0120 a", "\u00c3 \u00a9", "a a", "1 1"]}
})";

inline Tokenizer tiny_tokenizer() {
  return Tokenizer::parse(kTinyTokenizer, "tiny.json");
}

}  // namespace vedette::models::text
