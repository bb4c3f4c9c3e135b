#include "models/weights/ct2_source.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "models/tensor/convert.h"

namespace vedette::models::weights {

namespace {

using tensor::DType;
using tensor::Shape;

std::string text_of(const std::vector<std::int64_t>& extents) {
  return Shape(extents).to_string();
}

float value_at(const Ct2Variable& variable, std::size_t index) {
  std::uint16_t half = 0;
  float single = 0;
  switch (variable.type) {
    case Ct2Type::kF32: std::memcpy(&single, variable.bytes.data() + 4 * index, 4); return single;
    case Ct2Type::kF16:
      std::memcpy(&half, variable.bytes.data() + 2 * index, 2);
      return tensor::half_to_float(half);
    case Ct2Type::kBF16:
      std::memcpy(&half, variable.bytes.data() + 2 * index, 2);
      return tensor::to_float(tensor::BFloat16{half});
    case Ct2Type::kI8: return static_cast<float>(static_cast<std::int8_t>(variable.bytes[index]));
    case Ct2Type::kI16:
    case Ct2Type::kI32: break;
  }
  return 0.0F;
}

// int8 rows and their scales: value = stored / scale, one scale per row or one for all.
void dequantise_rows(const Ct2Variable& stored, const Ct2Variable& scale, std::size_t first,
                     std::span<float> dst) {
  const std::size_t columns = stored.count / static_cast<std::size_t>(stored.extents[0]);
  for (std::size_t i = 0; i < dst.size(); ++i) {
    const std::size_t row = (first + i) / columns;
    dst[i] = value_at(stored, first + i) / value_at(scale, scale.count == 1 ? 0 : row);
  }
}

DType written_type(Ct2Type type) {
  if (type == Ct2Type::kF16) return DType::kF16;
  if (type == Ct2Type::kBF16) return DType::kBF16;
  return DType::kF32;
}

}  // namespace

void Ct2Source::fail(const std::string& what) const {
  throw std::runtime_error(name + ": " + what);
}

const Ct2Variable& Ct2Source::get(const std::string& variable, std::size_t rank) const {
  const auto position = model.variables.find(variable);
  if (position == model.variables.end()) fail("variable " + variable + " is missing");
  if (position->second.extents.size() != rank) {
    fail("variable " + variable + ": expected " + std::to_string(rank) + " axes, received " +
         text_of(position->second.extents));
  }
  return position->second;
}

std::int64_t Ct2Source::scalar(const std::string& variable) const {
  const Ct2Variable& value = get(variable, 0);
  if (value.type == Ct2Type::kI8) return static_cast<std::int8_t>(value.bytes[0]);
  if (value.type != Ct2Type::kI16) fail("variable " + variable + ": expected an int8 or int16");
  std::int16_t number = 0;
  std::memcpy(&number, value.bytes.data(), sizeof number);
  return number;
}

ImportedTensor Ct2Source::take(const std::string& variable, std::string as, std::int64_t first,
                               std::int64_t rows) const {
  const auto position = model.variables.find(variable);
  if (position == model.variables.end()) fail("variable " + variable + " is missing");
  const Ct2Variable& stored = position->second;
  std::vector<std::int64_t> extents = stored.extents;
  if (extents.empty() || extents[0] == 0 || stored.count == 0) fail("variable " + variable + " is empty");
  if (rows == 0) rows = extents[0];
  if (first + rows > extents[0]) {
    fail("variable " + variable + ": expected at least " + std::to_string(first + rows) + " rows, received " +
         text_of(extents));
  }
  const std::size_t row = stored.count / static_cast<std::size_t>(extents[0]);
  extents[0] = rows;
  ImportedTensor result{{std::move(as), written_type(stored.type), Shape(extents)}, {}};
  const std::size_t begin = static_cast<std::size_t>(first) * row;
  const std::size_t count = static_cast<std::size_t>(rows) * row;
  if (stored.type == Ct2Type::kF32 || stored.type == Ct2Type::kF16 || stored.type == Ct2Type::kBF16) {
    const std::size_t element = stored.bytes.size() / stored.count;
    result.fill = [map = map, part = stored.bytes.subspan(begin * element, count * element)](
                      std::span<std::byte> dst) { std::copy(part.begin(), part.end(), dst.begin()); };
    return result;
  }
  const auto scale = model.variables.find(variable + "_scale");
  if (stored.type != Ct2Type::kI8 || scale == model.variables.end()) {
    fail("variable " + variable + ": expected float32, float16, bfloat16, or int8 with " + variable +
         "_scale");
  }
  const bool per_row = scale->second.count == static_cast<std::size_t>(stored.extents[0]);
  const bool real = scale->second.type == Ct2Type::kF32 || scale->second.type == Ct2Type::kF16 ||
                    scale->second.type == Ct2Type::kBF16;
  if (!real || (!per_row && scale->second.count != 1)) {
    fail("variable " + variable + "_scale: expected one number, or one for each of " +
         std::to_string(stored.extents[0]) + " rows, received " + text_of(scale->second.extents));
  }
  result.fill = [map = map, stored, scales = scale->second, begin](std::span<std::byte> dst) {
    dequantise_rows(stored, scales, begin,
                    {reinterpret_cast<float*>(dst.data()), dst.size() / sizeof(float)});
  };
  return result;
}

}  // namespace vedette::models::weights
