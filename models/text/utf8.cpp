#include "models/text/utf8.h"

namespace vedette::models::text {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// Bytes of a character by its first byte, and the range that its second byte must lie in (Unicode, table
// 3-7).
struct Lead {
  std::size_t length;
  unsigned char second_min = 0x80;
  unsigned char second_max = 0xBF;
};

Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {1};
  if (byte >= 0xC2 && byte <= 0xDF) return {2};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};  // no surrogates
  if (byte >= 0xE1 && byte <= 0xEF) return {3};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {4};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0};
}

}  // namespace

Utf8Unit next_utf8(std::string_view text) {
  using Kind = Utf8Unit::Kind;
  const auto first = static_cast<unsigned char>(text[0]);
  const Lead lead = lead_of(first);
  if (lead.length == 0) return {Kind::kInvalid, 1, 0};
  if (lead.length == 1) return {Kind::kCharacter, 1, first};
  std::int32_t codepoint = first & (0xFF >> (lead.length + 1));
  for (std::size_t i = 1; i < lead.length; ++i) {
    if (i == text.size()) return {Kind::kIncomplete, i, 0};
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool fits = i == 1 ? byte >= lead.second_min && byte <= lead.second_max : (byte & 0xC0) == 0x80;
    if (!fits) return {Kind::kInvalid, i, 0};
    codepoint = (codepoint << 6) | (byte & 0x3F);
  }
  return {Kind::kCharacter, lead.length, codepoint};
}

std::size_t append_valid_utf8(std::string_view text, bool keep_incomplete, std::string& out) {
  std::size_t position = 0;
  while (position < text.size()) {
    const Utf8Unit unit = next_utf8(text.substr(position));
    if (unit.kind == Utf8Unit::Kind::kCharacter) {
      out.append(text.substr(position, unit.length));
    } else if (unit.kind == Utf8Unit::Kind::kIncomplete && keep_incomplete) {
      break;
    } else {
      out.append(kReplacement);
    }
    position += unit.length;
  }
  return position;
}

void append_utf8(std::int32_t codepoint, std::string& out) {
  const auto put = [&](std::int32_t value) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(value)));
  };
  if (codepoint < 0x80) return put(codepoint);
  if (codepoint < 0x800) {
    put(0xC0 | (codepoint >> 6));
  } else if (codepoint < 0x10000) {
    put(0xE0 | (codepoint >> 12));
    put(0x80 | ((codepoint >> 6) & 0x3F));
  } else {
    put(0xF0 | (codepoint >> 18));
    put(0x80 | ((codepoint >> 12) & 0x3F));
    put(0x80 | ((codepoint >> 6) & 0x3F));
  }
  put(0x80 | (codepoint & 0x3F));
}

}  // namespace vedette::models::text
