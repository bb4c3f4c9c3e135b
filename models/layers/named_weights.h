#pragma once

#include <string>

#include "models/backend/backend.h"
#include "models/weights/weight_table.h"

namespace vedette::models::layers {

struct NormWeights {
  tensor::Tensor weight, bias;  // [columns] f32
};

// Gets tensors of a checkpoint whose names all begin alike. All throw std::runtime_error naming the file, the
// tensor, what was expected and what stands there.
class NamedWeights {
 public:
  // The table must outlive it.
  explicit NamedWeights(const weights::WeightTable& table, std::string prefix = "")
      : table_(&table), prefix_(std::move(prefix)) {}

  bool contains(const std::string& name) const { return table_->contains(prefix_ + name); }
  // The tensor as the file has it: f32, bf16 or f16.
  tensor::TensorView view(const std::string& name, const tensor::Shape& shape) const;
  // The tensor as f32, owned.
  tensor::Tensor f32(const std::string& name, const tensor::Shape& shape) const;
  // "<name>.weight" [out, in] and, unless `bias` is false, "<name>.bias" [out].
  backend::LinearPart part(const std::string& name, std::int64_t out, std::int64_t in,
                           bool bias = true) const;
  // "<name>.weight" and "<name>.bias".
  NormWeights norm(const std::string& name, std::int64_t columns) const;

  NamedWeights under(const std::string& name) const { return NamedWeights(*table_, prefix_ + name); }
  const weights::WeightTable& table() const { return *table_; }

 private:
  const weights::WeightTable* table_;
  std::string prefix_;
};

// The first of the prefixes under which a tensor of that name stands; the last one when there is none.
NamedWeights find_weights(const weights::WeightTable& table, std::initializer_list<const char*> prefixes,
                          const std::string& name);

}  // namespace vedette::models::layers
