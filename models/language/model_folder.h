#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "models/language/decoder.h"
#include "models/weights/lora.h"

namespace vedette::models::language {

// Reads config.json and the weights of a folder and packs them for contexts of `dtype` with that type's
// default precision. An adapter is merged into the weights. Throws: std::runtime_error naming the file and
// what is wrong with it.
Decoder load_decoder(backend::Backend& backend, const std::filesystem::path& folder, tensor::DType dtype,
                     std::shared_ptr<const weights::LoraAdapter> adapter = nullptr);

// The tokens that end a generation: generation_config.json's eos_token_id, else the config's.
// Throws: std::runtime_error as load_decoder_config.
std::vector<std::int32_t> load_end_tokens(const std::filesystem::path& folder, const DecoderConfig& config);

}  // namespace vedette::models::language
