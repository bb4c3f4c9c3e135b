#include "models/text/chat_template.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "models/weights/file_map.h"

namespace vedette::models::text {

namespace {

namespace fs = std::filesystem;

// A Jinja template as a list of lexemes, so that spacing, quotes and "\n" against a line's real end make no
// difference: strings open with '"', text outside of braces with '~', everything else is an operator or a
// name.
class Lexer {
 public:
  explicit Lexer(std::string_view source) : rest_(source) {}

  std::vector<std::string> run() {
    while (!rest_.empty()) outside();
    return std::move(lexemes_);
  }

 private:
  // Text up to the next brace. A '-' beside the brace strips white space; and as the reference renders with
  // trim_blocks, so does a line's end after a block.
  void outside() {
    std::size_t open = rest_.find('{');
    while (open != std::string_view::npos &&
           (open + 1 >= rest_.size() || (rest_[open + 1] != '{' && rest_[open + 1] != '%'))) {
      open = rest_.find('{', open + 1);
    }
    std::string_view text = rest_.substr(0, open);
    const bool strip = open != std::string_view::npos && open + 2 < rest_.size() && rest_[open + 2] == '-';
    if (strip) text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
    if (!text.empty()) lexemes_.push_back("~" + std::string(text));
    if (open == std::string_view::npos) {
      rest_ = {};
      return;
    }
    const char kind = rest_[open + 1];
    rest_.remove_prefix(open + (strip ? 3 : 2));
    lexemes_.emplace_back(kind == '{' ? "{{" : "{%");
    inside(kind == '{' ? "}}" : "%}");
  }

  void inside(const std::string& close) {
    while (!rest_.empty()) {
      const std::size_t blank = rest_.find_first_not_of(" \t\r\n");
      rest_.remove_prefix(blank == std::string_view::npos ? rest_.size() : blank);
      const bool strip = rest_.starts_with("-" + close);
      if (strip || rest_.starts_with(close)) {
        rest_.remove_prefix(close.size() + (strip ? 1 : 0));
        lexemes_.push_back(close);
        const std::size_t text = rest_.find_first_not_of(" \t\r\n");
        if (strip) rest_.remove_prefix(text == std::string_view::npos ? rest_.size() : text);
        if (!strip && close == "%}" && rest_.starts_with("\n")) rest_.remove_prefix(1);
        return;
      }
      if (!rest_.empty()) lexeme();
    }
  }

  void lexeme() {
    const char first = rest_[0];
    if (first == '\'' || first == '"') return string(first);
    std::size_t length = 0;
    while (length < rest_.size() &&
           (std::isalnum(static_cast<unsigned char>(rest_[length])) != 0 || rest_[length] == '_'))
      ++length;
    if (length == 0) length = rest_.starts_with("!=") || rest_.starts_with("==") ? 2 : 1;
    lexemes_.emplace_back(rest_.substr(0, length));
    rest_.remove_prefix(length);
  }

  void string(char quote) {
    std::string value = "\"";
    std::size_t at = 1;
    for (; at < rest_.size() && rest_[at] != quote; ++at) {
      if (rest_[at] == '\\' && at + 1 < rest_.size()) {
        const char escaped = rest_[++at];
        value += escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped;
      } else {
        value += rest_[at];
      }
    }
    lexemes_.push_back(value);
    rest_.remove_prefix(std::min(at + 1, rest_.size()));
  }

  std::string_view rest_;
  std::vector<std::string> lexemes_;
};

// The ChatML template as SmolLM2 publishes it. The lexeme that begins with the system header carries the
// default system message; the block around it is optional.
constexpr std::string_view kSystemOpen = "<|im_start|>system\n";
constexpr std::string_view kClose = "<|im_end|>\n";
constexpr const char* kLoop = "{% for message in messages %}";
constexpr const char* kDefault =
    "{% if loop.first and messages[0]['role'] != 'system' %}{{ 'DEFAULT' }}{% endif %}";
constexpr const char* kTurn =
    "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}";
constexpr const char* kPrompt = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

// What was found in a template of that family.
struct ChatMl {
  bool has_default_system = false;
  std::string default_system;
};

// The message between the system header and its end; nothing when the lexeme is no such string.
std::optional<std::string> system_message(const std::string& lexeme) {
  const std::string_view text = std::string_view(lexeme).substr(1);
  if (lexeme[0] != '"' || text.size() < kSystemOpen.size() + kClose.size() ||
      !text.starts_with(kSystemOpen) || !text.ends_with(kClose)) {
    return std::nullopt;
  }
  return std::string(text.substr(kSystemOpen.size(), text.size() - kSystemOpen.size() - kClose.size()));
}

std::optional<ChatMl> match_chatml(std::string_view source) {
  const auto received = Lexer(source).run();
  const std::string start(kLoop);
  if (received == Lexer(start + kTurn + kPrompt).run()) return ChatMl{};
  const std::string full = start + kDefault + kTurn + kPrompt;
  const auto known = Lexer(full).run();
  if (received.size() != known.size()) return std::nullopt;
  ChatMl found{true, {}};
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (known[i] == "\"DEFAULT") {
      const auto message = system_message(received[i]);
      if (!message) return std::nullopt;
      found.default_system = *message;
    } else if (known[i] != received[i]) {
      return std::nullopt;
    }
  }
  return found;
}

// The template's text in tokenizer_config.json: a string, or the entry "default" of a list.
std::optional<std::string> from_tokenizer_config(const fs::path& file) {
  const auto root = nlohmann::json::parse(weights::read_text_file(file), nullptr, false);
  if (!root.is_object()) throw std::runtime_error(file.string() + ": expected a JSON object");
  const auto value = root.find("chat_template");
  if (value == root.end() || value->is_null()) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  if (value->is_array()) {
    for (const auto& entry : *value) {
      if (entry.is_object() && entry.value("name", nlohmann::json()) == "default" &&
          entry.contains("template") && entry["template"].is_string()) {
        return entry["template"].get<std::string>();
      }
    }
  }
  throw std::runtime_error(file.string() +
                           ": chat_template: expected a string, or a list with a template named default");
}

}  // namespace

ChatTemplate ChatTemplate::load(const fs::path& folder) {
  std::error_code error;
  const fs::path own = folder / "chat_template.jinja";
  if (fs::exists(own, error)) return parse(weights::read_text_file(own), own.string());
  const fs::path config = folder / "tokenizer_config.json";
  if (fs::exists(config, error)) {
    if (const auto source = from_tokenizer_config(config))
      return parse(*source, config.string() + ": chat_template");
  }
  throw std::runtime_error(folder.string() +
                           ": expected chat_template.jinja, or chat_template in tokenizer_config.json");
}

ChatTemplate ChatTemplate::parse(std::string_view source, const std::string& name) {
  auto found = match_chatml(source);
  if (!found) {
    throw std::runtime_error(
        name + ": expected the ChatML template, with or without a default system message; received \"" +
        std::string(source.substr(0, 60)) + "...\"");
  }
  ChatTemplate result;
  result.has_default_system_ = found->has_default_system;
  result.default_system_ = std::move(found->default_system);
  return result;
}

std::vector<TextPart> ChatTemplate::parts(std::span<const ChatMessage> messages,
                                          bool add_generation_prompt) const {
  std::vector<TextPart> parts;
  if (has_default_system_ && !messages.empty() && messages[0].role != "system") {
    parts.insert(parts.end(), {{kSystemOpen, true}, {default_system_, true}, {kClose, true}});
  }
  for (const ChatMessage& message : messages) {
    parts.insert(parts.end(), {{"<|im_start|>", true},
                               {message.role, false},
                               {"\n", true},
                               {message.content, false},
                               {kClose, true}});
  }
  if (add_generation_prompt) parts.push_back({"<|im_start|>assistant\n", true});
  return parts;
}

std::string ChatTemplate::render(std::span<const ChatMessage> messages, bool add_generation_prompt) const {
  std::string text;
  for (const TextPart& part : parts(messages, add_generation_prompt)) text += part.text;
  return text;
}

std::vector<TokenId> ChatTemplate::encode(const Tokenizer& tokenizer, std::span<const ChatMessage> messages,
                                          bool add_generation_prompt) const {
  return tokenizer.encode(parts(messages, add_generation_prompt));
}

OpenTurn ChatTemplate::open_turn(const Tokenizer& tokenizer, std::string_view system) const {
  const ChatMessage message{"system", std::string(system)};
  std::vector<TextPart> head = parts({&message, 1}, false);
  head.insert(head.end(), {{"<|im_start|>", true}, {"user", false}, {"\n", true}});
  const TextPart tail[] = {{kClose, true}, {"<|im_start|>assistant\n", true}};
  return {tokenizer.encode(head), tokenizer.encode(tail)};
}

}  // namespace vedette::models::text
