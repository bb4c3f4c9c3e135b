#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace vedette::models::weights {

struct ImportSummary {
  std::string format;      // "GGUF" or "CTranslate2"
  std::string model_type;  // "llama", "whisper"
  std::size_t tensors = 0;
  std::size_t bytes = 0;  // of their data as written
};

// Makes a Hugging Face model folder from a GGUF file (or a folder that holds exactly one) or from a
// CTranslate2 folder: config.json, generation_config.json, model.safetensors, tokenizer.json,
// tokenizer_config.json, and what else the family has. Tensors stored as f16, bf16 or f32 keep their type;
// quantised ones become f32, the only type that holds their exact values. The folder appears whole or not at
// all. Requires: `folder` does not exist, or is empty. Throws: std::runtime_error naming file, key or tensor.
ImportSummary import_model(const std::filesystem::path& source, const std::filesystem::path& folder);

}  // namespace vedette::models::weights
