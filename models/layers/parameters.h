#pragma once

#include <span>
#include <string>

#include "models/tensor/shape.h"
#include "models/weights/weight_table.h"

namespace vedette::models::layers {

// One line of a model's data table: a tensor that its checkpoint must have.
struct Parameter {
  std::string name;
  tensor::Shape shape;
  bool optional = false;  // may be missing, but if it is there it has this shape
};

// Holds a checkpoint against the table. Throws: std::runtime_error with the file or folder and, for up to ten
// tensors that are missing or misshapen, the name, the shape expected and the shape received.
void check_parameters(const weights::WeightTable& weights, std::span<const Parameter> parameters);

}  // namespace vedette::models::layers
