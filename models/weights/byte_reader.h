#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace vedette::models::weights {

// Reads little-endian values off a span, in order. Every read is checked against the end; what is wrong is
// thrown as std::runtime_error with the name, the byte offset, expected and received. Borrows the span.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {}

  std::size_t offset() const { return offset_; }
  std::size_t remaining() const { return bytes_.size() - offset_; }

  template <class T>
  T read(const char* what) {
    static_assert(std::is_arithmetic_v<T> && std::endian::native == std::endian::little);
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  // The next `count` bytes; they live as long as the span.
  std::span<const std::byte> take(std::uint64_t count, const char* what) {
    if (count > remaining()) {
      fail(std::string(what) + ": expected " + std::to_string(count) + " bytes, received the " +
           std::to_string(remaining()) + " that are left");
    }
    const auto part = bytes_.subspan(offset_, static_cast<std::size_t>(count));
    offset_ += part.size();
    return part;
  }

  std::string_view text(std::uint64_t count, const char* what) {
    const auto part = take(count, what);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }

  // A count of things that need at least `bytes_each`: refused when the rest of the file cannot hold them, so
  // that a hostile number costs no memory.
  template <class T>
  std::size_t count(const char* what, std::size_t bytes_each) {
    const T value = read<T>(what);
    if (value > remaining() / bytes_each) {
      fail(std::string(what) + " of " + std::to_string(value) + " in the " + std::to_string(remaining()) +
           " bytes that are left");
    }
    return static_cast<std::size_t>(value);
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(name_ + ": at byte " + std::to_string(offset_) + ": " + what);
  }

 private:
  std::span<const std::byte> bytes_;
  std::string name_;
  std::size_t offset_ = 0;
};

}  // namespace vedette::models::weights
