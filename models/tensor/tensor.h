#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

#include "models/tensor/dtype.h"
#include "models/tensor/shape.h"

namespace vedette::models::tensor {

// Borrowed memory with a type and a shape, contiguous, row-major. Copy freely; the owner must outlive it.
class TensorView {
 public:
  TensorView() = default;
  TensorView(void* data, DType dtype, Shape shape, Device device = Device::kCpu)
      : data_(data), shape_(shape), dtype_(dtype), device_(device) {}

  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }
  std::int64_t count() const { return shape_.count(); }
  std::size_t bytes() const { return static_cast<std::size_t>(count()) * size_of(dtype_); }
  void* data() const { return data_; }
  bool empty() const { return data_ == nullptr; }

  // The elements. Throws: std::invalid_argument when T is not the stored type.
  template <class T>
  std::span<T> as() const {
    if (kDTypeOf<std::remove_const_t<T>> != dtype_) {
      throw std::invalid_argument(std::string("tensor of ") + to_string(dtype_) + " read as " +
                                  to_string(kDTypeOf<std::remove_const_t<T>>));
    }
    return {static_cast<T*>(data_), static_cast<std::size_t>(count())};
  }

  // The same elements in another shape. Throws: std::invalid_argument when the counts differ.
  TensorView reshaped(Shape shape) const;
  // Rows [first, first + count) of the outermost axis. Requires: they exist.
  TensorView rows(std::int64_t first, std::int64_t count) const;

 private:
  void* data_ = nullptr;
  Shape shape_;
  DType dtype_ = DType::kF32;
  Device device_ = Device::kCpu;
};

// Owned memory with a type and a shape; move-only. CPU memory is 64-byte aligned; device memory is made by a
// backend, which gives the deleter. Uninitialised unless said otherwise.
class Tensor {
 public:
  Tensor() = default;
  Tensor(DType dtype, Shape shape);  // on the CPU
  Tensor(TensorView memory, std::function<void(void*)> deleter)
      : view_(memory), storage_(memory.data(), std::move(deleter)) {}

  static Tensor zeros(DType dtype, Shape shape);

  const TensorView& view() const { return view_; }
  operator const TensorView&() const { return view_; }
  const Shape& shape() const { return view_.shape(); }
  DType dtype() const { return view_.dtype(); }
  Device device() const { return view_.device(); }
  bool empty() const { return view_.empty(); }
  template <class T>
  std::span<T> as() const {
    return view_.as<T>();
  }

 private:
  TensorView view_;
  std::unique_ptr<void, std::function<void(void*)>> storage_;
};

}  // namespace vedette::models::tensor
