#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>

#include "models/text/chat_template.h"
#include "models/text/tokenizer.h"

namespace vedette::tests {

// What a tokenizer.json of byte-level BPE without merges holds, but for its added tokens.
inline nlohmann::json byte_level(nlohmann::json vocabulary) {
  return {
      {"added_tokens", nlohmann::json::array()},
      {"normalizer", nullptr},
      {"pre_tokenizer",
       {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}}},
      {"post_processor", nullptr},
      {"decoder",
       {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
      {"model", {{"type", "BPE"}, {"vocab", std::move(vocabulary)}, {"merges", nlohmann::json::array()}}}};
}

// A tokenizer with one token for every printable ASCII character, the space and the line's end, and the two
// special tokens of ChatML: what was encoded can be read again.
inline models::text::Tokenizer byte_tokenizer() {
  nlohmann::json vocabulary;
  int id = 0;
  for (char c = '!'; c <= '~'; ++c) vocabulary[std::string(1, c)] = id++;
  vocabulary["\u0120"] = id++;
  vocabulary["\u010a"] = id++;
  nlohmann::json root = byte_level(std::move(vocabulary));
  for (const char* special : {"<|im_start|>", "<|im_end|>"}) {
    root["added_tokens"].push_back({{"id", id++}, {"content", special}, {"special", true}});
  }
  return models::text::Tokenizer::parse(root.dump(), "bytes.json");
}

inline models::text::ChatTemplate chatml() {
  return models::text::ChatTemplate::parse(
      "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + "
      "'<|im_end|>' + "
      "'\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
      "chatml");
}

// The tokens as text, '#' for each row of an embedding.
inline std::string readable(const models::text::Tokenizer& tokenizer, std::span<const std::int32_t> tokens) {
  std::string text;
  for (const std::int32_t token : tokens) {
    text += token < 0 ? std::string("#") : tokenizer.decode(std::span(&token, 1), false);
  }
  return text;
}

}  // namespace vedette::tests
