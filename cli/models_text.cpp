// vedette models tokenize | render: text and conversations as token ids.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/models.h"
#include "models/text/chat_template.h"
#include "models/text/tokenizer.h"
#include "models/weights/file_map.h"

namespace vedette::cli {

namespace {

using models::text::ChatMessage;
using models::text::ChatTemplate;
using models::text::TokenId;
using models::text::Tokenizer;
using nlohmann::json;

std::string standard_input() {
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

// JSON with what is no UTF-8 replaced: a token may be part of a character.
std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

void print_ids(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  for (const TokenId id : ids) std::printf("%d %s\n", id, dump(tokenizer.bytes(id)).c_str());
}

// ---- tokenize

struct TokenizeOptions {
  std::string folder;
  std::string text;
  bool special = false;
  bool json = false;
};

ExitCode tokenize(const TokenizeOptions& options) {
  const Tokenizer tokenizer = Tokenizer::load(model_folder(options.folder));
  const auto ids = tokenizer.encode(options.text == "-" ? standard_input() : options.text, options.special);
  if (!options.json) {
    print_ids(tokenizer, ids);
    return ExitCode::kDone;
  }
  json tokens = json::array();
  for (const TokenId id : ids) tokens.push_back(tokenizer.spelling(id));
  std::printf("%s\n",
              dump({{"ids", ids}, {"tokens", tokens}, {"text", tokenizer.decode(ids, false)}}).c_str());
  return ExitCode::kDone;
}

// ---- render

struct RenderOptions {
  std::string folder;
  std::string messages;
  bool open_answer = true;
  bool ids = false;
  bool json = false;
};

std::vector<ChatMessage> parse_messages(const std::string& text, const std::string& name) {
  const auto refuse = [&](const std::string& what) {
    throw CommandError(ExitCode::kUsage, name + ": " + what);
  };
  const json root = json::parse(text, nullptr, false);
  if (!root.is_array()) refuse("expected a JSON array of {\"role\", \"content\"}");
  std::vector<ChatMessage> messages;
  for (const json& entry : root) {
    const bool good = entry.is_object() && entry.contains("role") && entry["role"].is_string() &&
                      entry.contains("content") && entry["content"].is_string();
    if (!good)
      refuse("message " + std::to_string(messages.size()) +
             ": expected {\"role\": string, \"content\": string}");
    messages.push_back({entry["role"], entry["content"]});
  }
  return messages;
}

ExitCode render(const RenderOptions& options) {
  const auto folder = model_folder(options.folder);
  const bool from_input = options.messages == "-";
  const auto messages =
      parse_messages(from_input ? standard_input() : models::weights::read_text_file(options.messages),
                     from_input ? "standard input" : options.messages);
  const ChatTemplate chat = ChatTemplate::load(folder);
  const std::string text = chat.render(messages, options.open_answer);
  if (!options.ids && !options.json) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return ExitCode::kDone;
  }
  const Tokenizer tokenizer = Tokenizer::load(folder);
  const auto ids = chat.encode(tokenizer, messages, options.open_answer);
  if (options.json) {
    std::printf("%s\n", dump({{"text", text}, {"ids", ids}}).c_str());
  } else {
    print_ids(tokenizer, ids);
  }
  return ExitCode::kDone;
}

}  // namespace

void add_models_tokenize(CLI::App& models, Action& action) {
  auto options = std::make_shared<TokenizeOptions>();
  CLI::App* command = models.add_subcommand("tokenize", "Shows the tokens of a text, one id a line");
  command->add_option("FOLDER", options->folder, "Model folder, or the name of a fetched model")->required();
  command->add_option("TEXT", options->text, "The text; - reads it from standard input")->required();
  command->add_flag("--special", options->special, "Names of special tokens in the text become their ids");
  command->add_flag("--json", options->json, "Print one JSON object");
  command->callback([options, &action] { action = [options] { return tokenize(*options); }; });
}

void add_models_render(CLI::App& models, Action& action) {
  auto options = std::make_shared<RenderOptions>();
  CLI::App* command =
      models.add_subcommand("render", "Writes a conversation as the model's chat template has it");
  command->add_option("FOLDER", options->folder, "Model folder, or the name of a fetched model")->required();
  command
      ->add_option("MESSAGES", options->messages,
                   "JSON file, [{\"role\": ..., \"content\": ...}]; - reads standard input")
      ->required();
  command->add_flag("!--closed", options->open_answer, "Do not open the assistant's turn at the end");
  command->add_flag("--ids", options->ids, "Print the token ids, one a line, instead of the text");
  command->add_flag("--json", options->json, "Print one JSON object with text and ids");
  command->callback([options, &action] { action = [options] { return render(*options); }; });
}

}  // namespace vedette::cli
