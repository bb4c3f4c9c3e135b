#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "models/tensor/tensor.h"

namespace vedette::models::weights {

// What one tensor of a new file will be.
struct TensorSpec {
  std::string name;
  tensor::DType dtype = tensor::DType::kF32;
  tensor::Shape shape;
};

// Writes a safetensors file piece by piece, so that a model larger than memory can be converted: the list of
// tensors first, then their bytes in that order. The file appears under its name only when `finish` has
// succeeded. One thread.
class SafetensorsWriter {
 public:
  // Throws: std::runtime_error naming the file when it cannot be written, or a tensor is named twice.
  SafetensorsWriter(std::filesystem::path path, std::span<const TensorSpec> tensors,
                    const std::map<std::string, std::string>& metadata = {});
  ~SafetensorsWriter();  // removes what was not finished
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  // The next bytes of the data, in any portions.
  void append(std::span<const std::byte> bytes);
  // Throws: std::runtime_error when more or fewer bytes came than the tensors need, or the disk refused them.
  void finish();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::ofstream out_;
  std::size_t expected_ = 0;
  std::size_t received_ = 0;
  bool finished_ = false;
};

struct NamedTensor {
  std::string name;
  tensor::TensorView view;  // on the CPU
};

// All at once. Throws: as SafetensorsWriter.
void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace vedette::models::weights
