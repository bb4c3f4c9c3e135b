#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/text/tokenizer.h"

namespace vedette::models::text {

struct ChatMessage {
  std::string role;  // "system", "user" or "assistant"
  std::string content;
};

// The user's turn of a conversation that is written bit by bit: what comes before its text, and what closes
// it and opens the assistant's turn.
struct OpenTurn {
  std::vector<TokenId> head, tail;
};

// How a model wants a conversation written. Read from the model folder (`chat_template.jinja`, or
// `chat_template` in tokenizer_config.json). The ChatML family is known, with or without a default system
// message; anything else is an error. Immutable. Thread-safe.
class ChatTemplate {
 public:
  // Throws: std::runtime_error naming the file when there is no template or it is none that is known.
  static ChatTemplate load(const std::filesystem::path& folder);
  // From the template's text; `name` opens the messages.
  static ChatTemplate parse(std::string_view source, const std::string& name);

  // The conversation as one text; `add_generation_prompt` opens the assistant's turn at its end.
  std::string render(std::span<const ChatMessage> messages, bool add_generation_prompt) const;
  // The same as token ids, with the messages' contents encoded without special-token parsing.
  std::vector<TokenId> encode(const Tokenizer& tokenizer, std::span<const ChatMessage> messages,
                              bool add_generation_prompt) const;
  // The same in pieces: head, the tokens of the user's text and tail together are what encode gives, as long
  // as that text begins with no white space.
  OpenTurn open_turn(const Tokenizer& tokenizer, std::string_view system) const;

 private:
  ChatTemplate() = default;
  std::vector<TextPart> parts(std::span<const ChatMessage> messages, bool add_generation_prompt) const;

  bool has_default_system_ =
      false;  // a system message is put first when the conversation does not open with one
  std::string default_system_;
};

}  // namespace vedette::models::text
