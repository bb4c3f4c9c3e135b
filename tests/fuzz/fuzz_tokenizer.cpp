// Any bytes as a tokenizer.json, as a chat template, and as text for a small tokenizer: what is streamed
// equals what is decoded whole.
#include <cstdint>
#include <cstdlib>
#include <stdexcept>

#include "models/text/chat_template.h"
#include "models/text/tokenizer.h"
#include "tests/models/text/tiny_tokenizer.h"

namespace {

using vedette::models::text::ChatMessage;
using vedette::models::text::ChatTemplate;
using vedette::models::text::Detokenizer;
using vedette::models::text::Tokenizer;

void use(const Tokenizer& tokenizer, std::string_view text) {
  for (const bool special : {false, true}) {
    const auto ids = tokenizer.encode(text, special);
    Detokenizer detokenizer(tokenizer);
    std::string streamed;
    for (const auto id : ids) streamed += detokenizer.push(id);
    streamed += detokenizer.finish();
    if (streamed != tokenizer.decode(ids)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const Tokenizer tiny = vedette::models::text::tiny_tokenizer();
  use(tiny, text);
  try {
    use(Tokenizer::parse(text, "fuzz"), "ab <|end|>\n12 caf\xc3\xa9 \xff");
  } catch (const std::runtime_error&) {
  }
  try {
    const ChatMessage message{"user", std::string(text)};
    ChatTemplate::parse(text, "fuzz").encode(tiny, {&message, 1}, true);
  } catch (const std::runtime_error&) {
  }
  return 0;
}
