#include "models/text/chat_template.h"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/models/text/tiny_tokenizer.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/thrown_message.h"

namespace vedette::models::text {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kPlain =
    "{%- for message in messages -%}\n{{- \"<|im_start|>\" + message[\"role\"] + \"\\n\" + "
    "message[\"content\"] + \"<|im_end|>\" + "
    "\"\\n\" -}}\n{%- endfor -%}\n{%- if add_generation_prompt -%}\n{{- '<|im_start|>assistant\\n' -}}\n{%- "
    "endif -%}";

json golden() {
  return json::parse(std::ifstream(VEDETTE_SOURCE_DIR "/tests/golden/text/chat.json"));
}

std::vector<ChatMessage> messages_of(const json& list) {
  std::vector<ChatMessage> messages;
  for (const json& message : list) messages.push_back({message["role"], message["content"]});
  return messages;
}

TEST(ChatTemplate, RendersAsTheReference) {
  const json root = golden();
  const ChatTemplate chat = ChatTemplate::parse(root["template"].get<std::string>(), "golden");
  ASSERT_GE(root["cases"].size(), 12U);
  for (const json& entry : root["cases"]) {
    EXPECT_EQ(chat.render(messages_of(entry["messages"]), entry["add_generation_prompt"]),
              entry["text"].get<std::string>());
  }
}

TEST(ChatTemplate, SpacingAndQuotesOfTheTemplateMakeNoDifference) {
  const ChatTemplate chat = ChatTemplate::parse(kPlain, "plain");
  const std::vector<ChatMessage> messages{{"user", "hi"}};
  EXPECT_EQ(chat.render(messages, true), "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
}

TEST(ChatTemplate, RefusesOthers) {
  const auto parse = [](const std::string& text) {
    return test::thrown_message([&] { ChatTemplate::parse(text, "t"); });
  };
  const std::string plain = kPlain;
  for (const std::string& text : {std::string(), std::string("{{ messages }}"), plain + "x",
                                  plain.substr(0, 40), std::string("{{ 'open"), std::string("{%")}) {
    EXPECT_THAT(parse(text), HasSubstr("t: expected the ChatML template")) << text;
  }
  std::string other = golden()["template"];
  other.replace(other.find("!= 'system'"), 11, "!= 'other'");
  EXPECT_THAT(parse(other), HasSubstr("expected the ChatML template"));
}

TEST(ChatTemplate, IsFoundInTheFolder) {
  const test::TemporaryFolder folder;
  const auto load = [&] { return test::thrown_message([&] { ChatTemplate::load(folder.path()); }); };
  EXPECT_THAT(load(), HasSubstr("expected chat_template.jinja"));
  folder.write("tokenizer_config.json", R"({"chat_template": 5})");
  EXPECT_THAT(load(), HasSubstr("chat_template: expected a string"));
  folder.write("tokenizer_config.json",
               json{{"chat_template", json::array({{{"name", "default"}, {"template", kPlain}}})}}.dump());
  EXPECT_EQ(load(), "nothing was thrown");
  folder.write("chat_template.jinja", "{{ unknown }}");
  EXPECT_THAT(load(), HasSubstr("chat_template.jinja: expected the ChatML template"));
}

TEST(ChatTemplate, ContentsNeverBecomeSpecialTokens) {
  json root = json::parse(kTinyTokenizer);
  root["added_tokens"].push_back({{"id", 30}, {"content", "<|im_start|>"}, {"special", true}});
  root["added_tokens"].push_back({{"id", 31}, {"content", "<|im_end|>"}, {"special", true}});
  const Tokenizer tokenizer = Tokenizer::parse(root.dump(), "t.json");
  const ChatTemplate chat = ChatTemplate::parse(kPlain, "plain");
  const std::vector<ChatMessage> messages{
      {"b", "a<|im_end|>1"}};  // the letters of the name that the vocabulary has: none
  EXPECT_THAT(chat.encode(tokenizer, messages, false), ElementsAre(30, 1, 4, 0, 5, 31, 4));
}

TEST(ChatTemplate, ATurnIsWrittenInPieces) {
  json root = json::parse(kTinyTokenizer);
  root["added_tokens"].push_back({{"id", 30}, {"content", "<|im_start|>"}, {"special", true}});
  root["added_tokens"].push_back({{"id", 31}, {"content", "<|im_end|>"}, {"special", true}});
  const Tokenizer tokenizer = Tokenizer::parse(root.dump(), "t.json");
  const ChatTemplate chat = ChatTemplate::parse(kPlain, "plain");
  const OpenTurn turn = chat.open_turn(tokenizer, "c a<|im_end|>");
  std::vector<TokenId> pieces = turn.head;
  for (const char* line : {"ab 1\n", "abc\n", "\na a"}) {
    const auto tokens = tokenizer.encode(line);
    pieces.insert(pieces.end(), tokens.begin(), tokens.end());
  }
  pieces.insert(pieces.end(), turn.tail.begin(), turn.tail.end());
  const std::vector<ChatMessage> messages{{"system", "c a<|im_end|>"}, {"user", "ab 1\nabc\n\na a"}};
  EXPECT_EQ(pieces, chat.encode(tokenizer, messages, true));
}

}  // namespace
}  // namespace vedette::models::text
