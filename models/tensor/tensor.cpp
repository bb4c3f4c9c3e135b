#include "models/tensor/tensor.h"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

namespace vedette::models::tensor {

namespace {
constexpr std::size_t kAlignment = 64;  // a cache line, and one AVX-512 register
}

float to_float(BFloat16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}

BFloat16 to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return {static_cast<std::uint16_t>((bits >> 16) | 0x40U)};
  return {static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16)};
}

Shape::Shape(std::span<const std::int64_t> extents) {
  if (extents.size() > kMaxRank)
    throw std::invalid_argument("rank " + std::to_string(extents.size()) + " is over 5");
  std::int64_t product = 1;
  for (const std::int64_t extent : extents) {
    if (extent < 0) throw std::invalid_argument("negative extent " + std::to_string(extent));
    if (extent != 0 && product > (std::int64_t{1} << 62) / extent)
      throw std::invalid_argument("shape is too large");
    product *= extent;
    extents_[static_cast<std::size_t>(rank_++)] = extent;
  }
}

std::int64_t Shape::count() const {
  std::int64_t product = 1;
  for (const std::int64_t extent : extents()) product *= extent;
  return product;
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (int axis = 0; axis < rank_; ++axis) text += (axis == 0 ? "" : ", ") + std::to_string((*this)[axis]);
  return text + "]";
}

TensorView TensorView::reshaped(Shape shape) const {
  if (shape.count() != count()) {
    throw std::invalid_argument("cannot reshape " + shape_.to_string() + " to " + shape.to_string());
  }
  return {data_, dtype_, shape, device_};
}

TensorView TensorView::rows(std::int64_t first, std::int64_t count) const {
  if (shape_.rank() == 0 || first < 0 || count < 0 || first + count > shape_[0]) {
    throw std::invalid_argument("rows " + std::to_string(first) + " to " + std::to_string(first + count) +
                                " of " + shape_.to_string());
  }
  std::array<std::int64_t, Shape::kMaxRank> extents{};
  std::copy(shape_.extents().begin(), shape_.extents().end(), extents.begin());
  const std::int64_t row = shape_[0] == 0 ? 0 : shape_.count() / shape_[0];
  extents[0] = count;
  auto* start = static_cast<std::byte*>(data_) + static_cast<std::size_t>(first * row) * size_of(dtype_);
  return {start, dtype_, Shape(std::span(extents.data(), static_cast<std::size_t>(shape_.rank()))), device_};
}

Tensor::Tensor(DType dtype, Shape shape) {
  const std::size_t bytes = static_cast<std::size_t>(shape.count()) * size_of(dtype);
  const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  void* memory = std::aligned_alloc(kAlignment, rounded == 0 ? kAlignment : rounded);
  if (memory == nullptr) throw std::bad_alloc();
  view_ = TensorView(memory, dtype, shape);
  storage_ = {memory, [](void* p) { std::free(p); }};
}

Tensor Tensor::zeros(DType dtype, Shape shape) {
  Tensor tensor(dtype, shape);
  std::memset(tensor.view().data(), 0, tensor.view().bytes());
  return tensor;
}

}  // namespace vedette::models::tensor
