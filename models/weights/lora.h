#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "models/tensor/tensor.h"

namespace vedette::models::weights {

class WeightTable;

// Low-rank adapters (Hu et al. 2021) as PEFT publishes them: adapter_config.json and
// adapter_model.safetensors. Merged into a base's tensors when they are read: WeightTable::merge. Immutable.
class LoraAdapter {
 public:
  // Throws: std::runtime_error naming the file, the key or tensor, expected and received; also for kinds of
  // adapters that are not plain LoRA on linear layers.
  static std::shared_ptr<const LoraAdapter> load(const std::filesystem::path& folder);
  // Whether the folder has one.
  static bool stands_in(const std::filesystem::path& folder);

  // base_model_name_or_path.
  const std::string& base() const { return base_; }

  // Which of the base's tensors each adapter belongs to. Throws: std::runtime_error naming an adapter that
  // fits none of them, or not by its shape.
  struct Change;
  using Changes = std::map<std::string, Change, std::less<>>;  // by the base's tensor
  Changes changes_of(const WeightTable& base) const;

  // base + scale * B A, in f32. base: f32, bf16 or f16.
  tensor::Tensor merge(const Change& change, const tensor::TensorView& base) const;

 private:
  struct Pair {
    tensor::TensorView a, b;  // [rank, in], [out, rank]
    float scale = 1.0F;
  };

  LoraAdapter() = default;

  std::filesystem::path folder_;
  std::string base_;
  std::shared_ptr<const WeightTable> table_;
  std::map<std::string, Pair> pairs_;                       // by module
  std::map<std::string, tensor::TensorView> replacements_;  // whole tensors (modules_to_save, biases)
};

struct LoraAdapter::Change {
  std::string module;              // of pairs_; "": the tensor is replaced
  tensor::TensorView replacement;  // then by this one
};

}  // namespace vedette::models::weights
