#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "models/weights/safetensors_writer.h"

// Between the importers and `import_model`; nothing else includes this.
namespace vedette::models::weights {

struct ImportedTensor {
  TensorSpec spec;
  std::function<void(std::span<std::byte> dst)> fill;  // writes exactly the bytes of the spec
};

// A model as it will be written. The tensors read from the source's mapping, which their functions keep
// alive.
struct ImportedModel {
  std::string format;
  std::string model_type;
  std::vector<ImportedTensor> tensors;
  std::map<std::string, std::string> files;  // name -> content, besides model.safetensors
};

ImportedModel import_gguf(const std::filesystem::path& file);
ImportedModel import_ctranslate2(const std::filesystem::path& folder);

}  // namespace vedette::models::weights
