#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace vedette::test {

// Bytes in a heap block of exactly their size, so that the address sanitizer sees any read past the end.
class ExactBytes {
 public:
  explicit ExactBytes(std::string_view content)
      : size_(content.size()), data_(new std::byte[content.size()]) {
    if (size_ != 0) std::memcpy(data_.get(), content.data(), size_);
  }
  std::span<const std::byte> span() const { return {data_.get(), size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_.get()), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<std::byte[]> data_;
};

}  // namespace vedette::test
