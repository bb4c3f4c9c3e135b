#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/tensor/tensor.h"

namespace vedette::models::weights {

class FileMap;
class LoraAdapter;

// One tensor of a checkpoint and where it came from, for messages.
struct Weight {
  std::string name;
  tensor::TensorView view;  // read-only memory of the table; empty when `unsupported` is set
  std::filesystem::path file;
  std::size_t offset = 0;   // of its first byte in the file
  std::string unsupported;  // why it cannot be read ("F64", "rank 6"); "" for a usable tensor
};

// The named tensors of a model folder. Files are memory-mapped: opening costs their headers only, and views
// point into the mapping (a tensor that the file leaves unaligned is copied). Immutable after opening, so any
// thread may read it; views live as long as the table or any copy of it. Tensors that nobody asks for, of
// whatever type, are no error.
class WeightTable {
 public:
  // Opens the folder's `model.safetensors`, or what `model.safetensors.index.json` lists, or its only
  // *.safetensors file; symbolic links are followed. A LoRA adapter in the same folder is merged. Throws:
  // std::runtime_error naming the file, and the tensor, expected and received.
  static WeightTable open(const std::filesystem::path& folder);
  // Opens one safetensors file of any name.
  static WeightTable open_file(const std::filesystem::path& file);

  bool contains(std::string_view name) const { return find(name) != nullptr; }
  // As the file has it, also where an adapter changes it: for its shape. Null when there is none of that
  // name.
  const Weight* find(std::string_view name) const;
  // Throws: std::runtime_error saying the folder and the name when it is missing or unsupported.
  const Weight& get(std::string_view name) const;
  // As get; also throws, with file, tensor, expected and received, when the shape differs.
  const Weight& get(std::string_view name, const tensor::Shape& expected) const;

  // The tensor as f32, converted from f32, f16 or bf16, into the caller's buffer.
  // Throws: as get; also for another type, or when dst has not exactly as many elements.
  void read_f32(std::string_view name, const tensor::Shape& expected, std::span<float> dst) const;
  // The same, owned.
  tensor::Tensor read_f32(std::string_view name, const tensor::Shape& expected) const;

  // From now on the tensors that the adapter changes are given merged, each computed when it is first asked
  // for. Throws: std::runtime_error naming an adapter that does not fit.
  void merge(std::shared_ptr<const LoraAdapter> adapter);

  // Gives memory that reading the files has taken back to the system, for after packing. Views of the files
  // stay valid, those of merged tensors do not.
  void release_memory() const;

  // All of them as the files have them, by name.
  const std::map<std::string, Weight, std::less<>>& all() const { return weights_; }
  // Metadata of the files ("__metadata__"), the last file winning.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  // The folder or file that was opened.
  const std::filesystem::path& source() const { return source_; }

 private:
  struct Merging;

  void add_file(const std::filesystem::path& file);

  std::filesystem::path source_;
  std::vector<std::shared_ptr<const FileMap>> files_;
  std::vector<std::shared_ptr<const tensor::Tensor>> copies_;  // of unaligned tensors
  std::map<std::string, Weight, std::less<>> weights_;
  std::map<std::string, std::string> metadata_;
  std::shared_ptr<Merging> merging_;  // null: no adapter
};

}  // namespace vedette::models::weights
