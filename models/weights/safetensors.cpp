#include "models/weights/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace vedette::models::weights {

namespace {

using nlohmann::json;
using tensor::DType;

constexpr std::size_t kMaxHeaderBytes = 100'000'000;  // the published format's own limit

struct FileType {
  std::string_view name;
  std::size_t bytes;
  std::optional<DType> dtype;
};
constexpr std::array<FileType, 15> kTypes{{{"F32", 4, DType::kF32},
                                           {"BF16", 2, DType::kBF16},
                                           {"F16", 2, DType::kF16},
                                           {"I64", 8, DType::kI64},
                                           {"I32", 4, DType::kI32},
                                           {"I8", 1, DType::kI8},
                                           {"U8", 1, DType::kU8},
                                           {"BOOL", 1, DType::kU8},
                                           {"F64", 8, std::nullopt},
                                           {"U64", 8, std::nullopt},
                                           {"U32", 4, std::nullopt},
                                           {"I16", 2, std::nullopt},
                                           {"U16", 2, std::nullopt},
                                           {"F8_E4M3", 1, std::nullopt},
                                           {"F8_E5M2", 1, std::nullopt}}};

[[noreturn]] void fail(const std::string& file, const std::string& what) {
  throw std::runtime_error(file + ": " + what);
}

std::string joined(const std::vector<std::int64_t>& extents) {
  std::string text = "[";
  for (const std::int64_t extent : extents) text += (text.size() == 1 ? "" : ", ") + std::to_string(extent);
  return text + "]";
}

std::size_t unsigned_of(const json& value, const std::string& file, const std::string& what) {
  if (!value.is_number_unsigned())
    fail(file, what + ": expected a non-negative integer, received " + value.dump());
  return value.get<std::size_t>();
}

// Bytes of all elements; fails when that is past what a file can hold.
std::size_t bytes_of(const SafetensorsEntry& entry, std::size_t element_bytes, const std::string& file) {
  std::size_t total = element_bytes;
  for (const std::int64_t extent : entry.extents) {
    if (__builtin_mul_overflow(total, static_cast<std::size_t>(extent), &total)) {
      fail(file, "tensor " + entry.name + ": shape " + joined(entry.extents) + " is too large");
    }
  }
  return total;
}

SafetensorsEntry parse_entry(const std::string& name, const json& value, std::size_t data_start,
                             std::size_t data_bytes, const std::string& file) {
  const std::string where = "tensor " + name;
  if (!value.is_object() || !value.contains("dtype") || !value.contains("shape") ||
      !value.contains("data_offsets")) {
    fail(file, where + ": expected an object with dtype, shape and data_offsets");
  }
  SafetensorsEntry entry;
  entry.name = name;
  const json& dtype = value["dtype"];
  if (!dtype.is_string()) fail(file, where + ": dtype: expected a string, received " + dtype.dump());
  entry.dtype_name = dtype.get<std::string>();
  const auto* type = std::find_if(kTypes.begin(), kTypes.end(),
                                  [&](const FileType& t) { return t.name == entry.dtype_name; });
  if (!value["shape"].is_array())
    fail(file, where + ": shape: expected an array, received " + value["shape"].dump());
  for (const json& extent : value["shape"]) {
    const std::size_t count = unsigned_of(extent, file, where + ": shape");
    if (count > (std::size_t{1} << 62))
      fail(file, where + ": shape: " + std::to_string(count) + " is too large");
    entry.extents.push_back(static_cast<std::int64_t>(count));
  }
  const json& offsets = value["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2)
    fail(file, where + ": data_offsets: expected two integers, received " + offsets.dump());
  const std::size_t begin = unsigned_of(offsets[0], file, where + ": data_offsets");
  const std::size_t end = unsigned_of(offsets[1], file, where + ": data_offsets");
  if (begin > end || end > data_bytes) {
    fail(file, where + ": data_offsets: expected a range within " + std::to_string(data_bytes) +
                   " bytes of data, received " + offsets.dump());
  }
  entry.offset = data_start + begin;
  entry.bytes = end - begin;
  if (type == kTypes.end())
    return entry;  // a type from after this list: only its extent in the file is known
  entry.dtype = type->dtype;
  const std::size_t needed = bytes_of(entry, type->bytes, file);
  if (needed != entry.bytes) {
    fail(file, where + ": " + entry.dtype_name + " " + joined(entry.extents) + " needs " +
                   std::to_string(needed) + " bytes, received data_offsets of " +
                   std::to_string(entry.bytes));
  }
  return entry;
}

}  // namespace

SafetensorsHeader parse_safetensors(std::span<const std::byte> file, const std::string& name) {
  std::uint64_t header_bytes = 0;
  if (file.size() < sizeof header_bytes) {
    fail(name, "not a safetensors file: expected at least 8 bytes, received " + std::to_string(file.size()));
  }
  std::memcpy(&header_bytes, file.data(), sizeof header_bytes);
  if (header_bytes > kMaxHeaderBytes || header_bytes > file.size() - sizeof header_bytes) {
    fail(name, "header of " + std::to_string(header_bytes) + " bytes in a file of " +
                   std::to_string(file.size()) + ": truncated, or not a safetensors file");
  }
  const std::size_t data_start = sizeof header_bytes + header_bytes;
  const auto* text = reinterpret_cast<const char*>(file.data()) + sizeof header_bytes;
  json root;
  try {
    root = json::parse(text, text + header_bytes);
  } catch (const json::parse_error& error) {
    fail(name, std::string("header is not JSON: ") + error.what());
  }
  if (!root.is_object()) fail(name, "header: expected a JSON object");

  SafetensorsHeader header;
  for (const auto& [key, value] : root.items()) {
    if (key != "__metadata__") {
      header.entries.push_back(parse_entry(key, value, data_start, file.size() - data_start, name));
      continue;
    }
    if (!value.is_object()) fail(name, "__metadata__: expected an object of strings");
    for (const auto& [meta_key, meta] : value.items()) {
      if (!meta.is_string())
        fail(name, "__metadata__: " + meta_key + ": expected a string, received " + meta.dump());
      header.metadata.emplace(meta_key, meta.get<std::string>());
    }
  }
  std::sort(header.entries.begin(), header.entries.end(),
            [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
              return std::pair(a.offset, a.bytes) < std::pair(b.offset, b.bytes);
            });
  std::size_t expected = data_start;
  for (const SafetensorsEntry& entry : header.entries) {
    if (entry.offset != expected) {
      fail(name, "tensor " + entry.name + ": expected data at byte " + std::to_string(expected - data_start) +
                     ", received " + std::to_string(entry.offset - data_start) + " (overlap or gap)");
    }
    expected += entry.bytes;
  }
  if (expected != file.size()) {
    fail(name, "expected " + std::to_string(expected) + " bytes from the header, received a file of " +
                   std::to_string(file.size()));
  }
  return header;
}

const char* safetensors_name(DType dtype) {
  for (const FileType& type : kTypes) {
    if (type.dtype == dtype) return type.name.data();
  }
  return "?";
}

}  // namespace vedette::models::weights
