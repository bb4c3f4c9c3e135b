#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "models/weights/ctranslate2.h"
#include "models/weights/file_map.h"
#include "models/weights/import_parts.h"

namespace vedette::models::weights {

// A parsed model.bin on its way to a Hugging Face folder. Tensors that were taken from it share its map.
struct Ct2Source {
  std::shared_ptr<const FileMap> map;
  std::string name;  // of the file, for errors
  Ct2Model model;

  bool has(const std::string& variable) const { return model.variables.contains(variable); }
  // All that follow throw std::runtime_error naming file and variable.
  const Ct2Variable& get(const std::string& variable, std::size_t rank) const;
  std::int64_t scalar(const std::string& variable) const;  // of int8 or int16
  // Rows [first, first + rows) of a variable under another name; all of them when `rows` is 0. int8 rows come
  // out as f32.
  ImportedTensor take(const std::string& variable, std::string name, std::int64_t first = 0,
                      std::int64_t rows = 0) const;
  [[noreturn]] void fail(const std::string& what) const;
};

}  // namespace vedette::models::weights
