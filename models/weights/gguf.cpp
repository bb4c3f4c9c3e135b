#include "models/weights/gguf.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "models/weights/byte_reader.h"

namespace vedette::models::weights {

namespace {

constexpr std::size_t kMinKeyBytes = 8 + 4 + 1;         // length of the key, type, the smallest value
constexpr std::size_t kMinTensorBytes = 8 + 4 + 4 + 8;  // length of the name, rank, type, offset
constexpr std::uint32_t kMaxRank = 4;                   // GGML_MAX_DIMS
constexpr std::int64_t kDefaultAlignment = 32;          // GGUF_DEFAULT_ALIGNMENT
constexpr std::array<const char*, 7> kKindNames{
    "an integer",          "a number",           "a boolean", "a string", "an array of integers",
    "an array of numbers", "an array of strings"};

// Value types of the metadata; the numbers are the file's own (gguf_metadata_value_type).
enum class ValueType : std::uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64
};

[[noreturn]] void fail(const std::string& file, const std::string& what) {
  throw std::runtime_error(file + ": " + what);
}

std::string read_string(ByteReader& in, const char* what) {
  const auto length = in.count<std::uint64_t>(what, 1);
  return std::string(in.text(length, what));
}

std::int64_t read_integer(ByteReader& in, ValueType type) {
  switch (type) {
    case ValueType::kU8: return in.read<std::uint8_t>("value");
    case ValueType::kI8: return in.read<std::int8_t>("value");
    case ValueType::kU16: return in.read<std::uint16_t>("value");
    case ValueType::kI16: return in.read<std::int16_t>("value");
    case ValueType::kU32: return in.read<std::uint32_t>("value");
    case ValueType::kI32: return in.read<std::int32_t>("value");
    case ValueType::kBool: return in.read<std::uint8_t>("value") != 0 ? 1 : 0;
    case ValueType::kI64: return in.read<std::int64_t>("value");
    default: break;
  }
  const auto value = in.read<std::uint64_t>("value");
  if (value > static_cast<std::uint64_t>(INT64_MAX))
    in.fail("value: " + std::to_string(value) + " is past 2^63");
  return static_cast<std::int64_t>(value);
}

double read_number(ByteReader& in, ValueType type) {
  return type == ValueType::kF32 ? static_cast<double>(in.read<float>("value")) : in.read<double>("value");
}

std::size_t bytes_of(ByteReader& in, ValueType type) {
  switch (type) {
    case ValueType::kU8:
    case ValueType::kI8:
    case ValueType::kBool: return 1;
    case ValueType::kU16:
    case ValueType::kI16: return 2;
    case ValueType::kU32:
    case ValueType::kI32:
    case ValueType::kF32: return 4;
    case ValueType::kString:  // the length of each
    case ValueType::kU64:
    case ValueType::kI64:
    case ValueType::kF64: return 8;
    case ValueType::kArray: break;
  }
  in.fail("value type " + std::to_string(static_cast<std::uint32_t>(type)) +
          ": expected 0 to 12, and no array of arrays");
}

GgufValue read_array(ByteReader& in) {
  const auto type = static_cast<ValueType>(in.read<std::uint32_t>("array type"));
  const std::size_t count = in.count<std::uint64_t>("array length", bytes_of(in, type));
  if (type == ValueType::kString) {
    std::vector<std::string> values;
    values.reserve(count);
    for (std::size_t i = 0; i < count; ++i) values.push_back(read_string(in, "string length"));
    return values;
  }
  if (type == ValueType::kF32 || type == ValueType::kF64) {
    std::vector<double> values(count);
    for (double& value : values) value = read_number(in, type);
    return values;
  }
  std::vector<std::int64_t> values(count);
  for (std::int64_t& value : values) value = read_integer(in, type);
  return values;
}

GgufValue read_value(ByteReader& in) {
  const auto type = static_cast<ValueType>(in.read<std::uint32_t>("value type"));
  if (type == ValueType::kArray) return read_array(in);
  if (type == ValueType::kString) return read_string(in, "string length");
  bytes_of(in, type);  // refuses an unknown type
  if (type == ValueType::kF32 || type == ValueType::kF64) return read_number(in, type);
  const std::int64_t value = read_integer(in, type);
  if (type == ValueType::kBool) return value != 0;
  return value;
}

// Name, extents and type; `offset` is left relative to the start of the data.
GgufTensor read_tensor(ByteReader& in) {
  GgufTensor tensor;
  tensor.name = read_string(in, "length of a tensor's name");
  const auto rank = in.read<std::uint32_t>("rank");
  if (rank > kMaxRank)
    in.fail("tensor " + tensor.name + ": expected at most 4 axes, received " + std::to_string(rank));
  tensor.count = 1;
  for (std::uint32_t axis = 0; axis < rank; ++axis) {
    const auto extent = in.read<std::uint64_t>("extent");
    std::size_t product = 0;
    if (__builtin_mul_overflow(tensor.count, extent, &product) || product > (std::size_t{1} << 48)) {
      in.fail("tensor " + tensor.name + ": an extent of " + std::to_string(extent) + " makes it too large");
    }
    tensor.count = product;
    tensor.extents.insert(tensor.extents.begin(), static_cast<std::int64_t>(extent));
  }
  tensor.type = static_cast<GgufType>(in.read<std::uint32_t>("type"));
  const GgufBlock block = block_of(tensor.type);
  if (block.elements == 0) {
    in.fail("tensor " + tensor.name +
            ": expected F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K or Q6_K, received type " +
            std::to_string(static_cast<std::uint32_t>(tensor.type)));
  }
  const auto row = static_cast<std::size_t>(tensor.extents.empty() ? 1 : tensor.extents.back());
  if (row % block.elements != 0) {
    in.fail("tensor " + tensor.name + ": expected rows of whole blocks of " + std::to_string(block.elements) +
            ", received " + std::to_string(row));
  }
  tensor.bytes = tensor.count / block.elements * block.bytes;
  tensor.offset = in.read<std::uint64_t>("offset");
  return tensor;
}

// Makes the offsets absolute and checks that each tensor stands alone and inside the file.
void place_tensors(std::vector<GgufTensor>& tensors, std::size_t data_start, std::size_t file_bytes,
                   std::size_t alignment, const std::string& name) {
  const std::size_t data_bytes = data_start < file_bytes ? file_bytes - data_start : 0;
  std::vector<const GgufTensor*> ordered;
  for (GgufTensor& tensor : tensors) {
    if (tensor.offset % alignment != 0 || tensor.offset > data_bytes ||
        tensor.bytes > data_bytes - tensor.offset) {
      fail(name, "tensor " + tensor.name + ": expected an aligned place within " +
                     std::to_string(data_bytes) + " bytes of data, received " + std::to_string(tensor.bytes) +
                     " bytes at " + std::to_string(tensor.offset));
    }
    tensor.offset += data_start;
    ordered.push_back(&tensor);
  }
  std::sort(ordered.begin(), ordered.end(),
            [](const GgufTensor* a, const GgufTensor* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < ordered.size(); ++i) {
    if (ordered[i - 1]->offset + ordered[i - 1]->bytes > ordered[i]->offset) {
      fail(name, "tensors " + ordered[i - 1]->name + " and " + ordered[i]->name + " overlap");
    }
  }
}

}  // namespace

template <class T>
const T& GgufHeader::get(std::string_view key, const std::string& file) const {
  const auto position = metadata.find(key);
  const auto wanted = kKindNames[GgufValue(T{}).index()];
  if (position == metadata.end())
    fail(file, "key " + std::string(key) + ": expected " + wanted + ", but it is missing");
  const T* value = std::get_if<T>(&position->second);
  if (value == nullptr) {
    fail(file, "key " + std::string(key) + ": expected " + wanted + ", received " +
                   kKindNames[position->second.index()]);
  }
  return *value;
}

template <class T>
T GgufHeader::get_or(std::string_view key, T fallback, const std::string& file) const {
  return metadata.contains(key) ? get<T>(key, file) : fallback;
}

#define VEDETTE_GGUF_VALUE(T)                                                       \
  template const T& GgufHeader::get<T>(std::string_view, const std::string&) const; \
  template T GgufHeader::get_or<T>(std::string_view, T, const std::string&) const
VEDETTE_GGUF_VALUE(std::int64_t);
VEDETTE_GGUF_VALUE(double);
VEDETTE_GGUF_VALUE(bool);
VEDETTE_GGUF_VALUE(std::string);
VEDETTE_GGUF_VALUE(std::vector<std::int64_t>);
VEDETTE_GGUF_VALUE(std::vector<std::string>);
#undef VEDETTE_GGUF_VALUE

GgufHeader parse_gguf(std::span<const std::byte> file, const std::string& name) {
  ByteReader in(file, name);
  if (in.text(4, "magic") != "GGUF") fail(name, "not a GGUF file: it does not open with \"GGUF\"");
  const auto version = in.read<std::uint32_t>("version");
  if (version != 2 && version != 3)
    in.fail("expected GGUF version 2 or 3, received " + std::to_string(version));
  const auto tensor_count = in.count<std::uint64_t>("number of tensors", kMinTensorBytes);
  const auto key_count = in.count<std::uint64_t>("number of keys", kMinKeyBytes);

  GgufHeader header;
  for (std::size_t i = 0; i < key_count; ++i) {
    std::string key = read_string(in, "length of a key");
    if (!header.metadata.emplace(key, read_value(in)).second) in.fail("key " + key + " stands twice");
  }
  header.tensors.reserve(tensor_count);
  for (std::size_t i = 0; i < tensor_count; ++i) header.tensors.push_back(read_tensor(in));

  const auto alignment = header.get_or<std::int64_t>("general.alignment", kDefaultAlignment, name);
  if (alignment < 1 || alignment > (1 << 20))
    fail(name, "key general.alignment: " + std::to_string(alignment) + " is out of range");
  const auto unit = static_cast<std::size_t>(alignment);
  place_tensors(header.tensors, (in.offset() + unit - 1) / unit * unit, file.size(), unit, name);
  return header;
}

}  // namespace vedette::models::weights
