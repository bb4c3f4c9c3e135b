#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "models/tensor/tensor.h"

namespace vedette::models::ops {

// Throws: std::invalid_argument "linear: columns of x is 3, expected 4" when the two differ.
inline void expect(const char* op, const char* what, std::int64_t received, std::int64_t expected) {
  if (received == expected) return;
  throw std::invalid_argument(std::string(op) + ": " + what + " is " + std::to_string(received) +
                              ", expected " + std::to_string(expected));
}

// A vector that goes with rows of so many columns. Throws: likewise.
inline const float* vector_of(const char* op, const tensor::TensorView& view, std::int64_t columns) {
  expect(op, "length of a weight", view.count(), columns);
  return view.as<float>().data();
}

}  // namespace vedette::models::ops
