#include "models/layers/named_weights.h"

#include <stdexcept>

namespace vedette::models::layers {

tensor::TensorView NamedWeights::view(const std::string& name, const tensor::Shape& shape) const {
  const weights::Weight& weight = table_->get(prefix_ + name, shape);
  const tensor::DType dtype = weight.view.dtype();
  if (dtype != tensor::DType::kF32 && dtype != tensor::DType::kBF16 && dtype != tensor::DType::kF16) {
    throw std::runtime_error(weight.file.string() + ": tensor " + weight.name +
                             ": expected f32, bf16 or f16, received " + tensor::to_string(dtype));
  }
  return weight.view;
}

tensor::Tensor NamedWeights::f32(const std::string& name, const tensor::Shape& shape) const {
  return table_->read_f32(prefix_ + name, shape);
}

backend::LinearPart NamedWeights::part(const std::string& name, std::int64_t out, std::int64_t in,
                                       bool bias) const {
  backend::LinearPart part;
  part.weight = view(name + ".weight", {out, in});
  if (bias) part.bias = view(name + ".bias", {out});
  return part;
}

NormWeights NamedWeights::norm(const std::string& name, std::int64_t columns) const {
  return {f32(name + ".weight", {columns}), f32(name + ".bias", {columns})};
}

NamedWeights find_weights(const weights::WeightTable& table, std::initializer_list<const char*> prefixes,
                          const std::string& name) {
  const char* last = "";
  for (const char* prefix : prefixes) {
    last = prefix;
    if (table.contains(prefix + name)) break;
  }
  return NamedWeights(table, last);
}

}  // namespace vedette::models::layers
