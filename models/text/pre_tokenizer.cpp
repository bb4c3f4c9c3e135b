#include "models/text/pre_tokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <utf8proc.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "models/text/utf8.h"

namespace vedette::models::text {

namespace {

struct CodeDeleter {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct MatchDeleter {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
using Code = std::unique_ptr<pcre2_code, CodeDeleter>;
using Match = std::unique_ptr<pcre2_match_data, MatchDeleter>;

std::string error_text(int error) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(error, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

Code compile(const std::string& pattern) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                          PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr));
  if (!code)
    throw std::invalid_argument("pattern: at character " + std::to_string(offset) + ": " + error_text(error));
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);  // without it the interpreter does the same, more slowly
  return code;
}

bool is_numeric(std::int32_t codepoint) {
  const utf8proc_category_t category = utf8proc_category(codepoint);
  return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
         category == UTF8PROC_CATEGORY_NO;
}

}  // namespace

// White_Space of Unicode's PropList.
#define VEDETTE_SPACES \
  R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})"
const char* const kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{L}\p{N})" VEDETTE_SPACES R"(]+|[)" VEDETTE_SPACES
    R"(]+(?![^)" VEDETTE_SPACES R"(])|[)" VEDETTE_SPACES R"(]+)";
#undef VEDETTE_SPACES

struct PreTokenizer::Compiled {
  Code code;  // null for a rule without a pattern
};

PreTokenizer::PreTokenizer(std::vector<SplitRule> rules, bool add_prefix_space)
    : rules_(std::move(rules)), add_prefix_space_(add_prefix_space) {
  for (const SplitRule& rule : rules_) {
    compiled_.push_back({rule.kind == SplitRule::Kind::kPattern ? compile(rule.pattern) : nullptr});
  }
}
PreTokenizer::PreTokenizer(PreTokenizer&&) noexcept = default;
PreTokenizer& PreTokenizer::operator=(PreTokenizer&&) noexcept = default;
PreTokenizer::~PreTokenizer() = default;

void PreTokenizer::split(std::string_view text, const std::function<void(std::string_view)>& word) const {
  if (text.empty()) return;
  if (add_prefix_space_ && text.front() != ' ') {
    apply(0, " " + std::string(text), word);
  } else {
    apply(0, text, word);
  }
}

void PreTokenizer::apply(std::size_t rule, std::string_view text,
                         const std::function<void(std::string_view)>& word) const {
  if (text.empty()) return;
  if (rule == rules_.size()) return word(text);
  if (rules_[rule].kind == SplitRule::Kind::kDigits) return apply_digits(rule, text, word);
  apply_pattern(rule, text, word);
}

void PreTokenizer::apply_pattern(std::size_t rule, std::string_view text,
                                 const std::function<void(std::string_view)>& word) const {
  const pcre2_code* code = compiled_[rule].code.get();
  const Match match(pcre2_match_data_create_from_pattern(code, nullptr));
  if (!match) throw std::bad_alloc();
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  std::size_t done = 0;  // everything before is handed on
  std::size_t from = 0;
  while (from < text.size()) {
    const int found = pcre2_match(code, subject, text.size(), from, PCRE2_NO_UTF_CHECK, match.get(), nullptr);
    if (found == PCRE2_ERROR_NOMATCH) break;
    if (found < 0)
      throw std::runtime_error("tokenizer: pattern gave up at byte " + std::to_string(from) + ": " +
                               error_text(found));
    const PCRE2_SIZE* range = pcre2_get_ovector_pointer(match.get());
    if (range[1] <= range[0]) {  // an empty match cuts nothing: look on from the next character
      const std::size_t at = std::max(range[0], from);
      if (at >= text.size()) break;
      from = at + next_utf8(text.substr(at)).length;
      continue;
    }
    apply(rule + 1, text.substr(done, range[0] - done), word);
    if (rules_[rule].keep_matches) apply(rule + 1, text.substr(range[0], range[1] - range[0]), word);
    done = from = range[1];
  }
  apply(rule + 1, text.substr(done), word);
}

void PreTokenizer::apply_digits(std::size_t rule, std::string_view text,
                                const std::function<void(std::string_view)>& word) const {
  std::size_t begin = 0;
  bool in_digits = false;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Unit unit = next_utf8(text.substr(at));
    const bool numeric = is_numeric(unit.codepoint);
    if (at > begin && (numeric != in_digits || (numeric && rules_[rule].individual_digits))) {
      apply(rule + 1, text.substr(begin, at - begin), word);
      begin = at;
    }
    in_digits = numeric;
    at += unit.length;
  }
  apply(rule + 1, text.substr(begin), word);
}

}  // namespace vedette::models::text
