#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace vedette::models::text {

// What stands at the head of some bytes.
struct Utf8Unit {
  enum class Kind : std::uint8_t {
    kCharacter,   // a whole character of `length` bytes
    kInvalid,     // `length` bytes that no character begins with: one U+FFFD for all of them
    kIncomplete,  // all that is left is the beginning of a character
  };
  Kind kind = Kind::kInvalid;
  std::size_t length = 0;
  std::int32_t codepoint = 0;  // of a whole character
};

// Requires: text is not empty. Invalid bytes are grouped as Unicode recommends (maximal subparts,
// chapter 3.9), which is also what Rust's and Python's replacing decoders do.
Utf8Unit next_utf8(std::string_view text);

// Appends `text` to `out` with each invalid stretch as U+FFFD. When `keep_incomplete`, stops before an
// unfinished character at the end; gives the number of bytes that were read.
std::size_t append_valid_utf8(std::string_view text, bool keep_incomplete, std::string& out);

// Appends one character. Requires: a Unicode scalar value.
void append_utf8(std::int32_t codepoint, std::string& out);

}  // namespace vedette::models::text
