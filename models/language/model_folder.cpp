#include "models/language/model_folder.h"

#include "models/weights/file_map.h"

namespace vedette::models::language {

Decoder load_decoder(backend::Backend& backend, const std::filesystem::path& folder, tensor::DType dtype,
                     std::shared_ptr<const weights::LoraAdapter> adapter) {
  DecoderConfig config = load_decoder_config(folder);
  auto table = weights::WeightTable::open(folder);
  if (adapter) table.merge(std::move(adapter));
  return {backend, std::move(config), std::move(table), default_precision(dtype)};
}

std::vector<std::int32_t> load_end_tokens(const std::filesystem::path& folder, const DecoderConfig& config) {
  const auto file = folder / "generation_config.json";
  if (!std::filesystem::exists(file)) return config.end_tokens;
  const auto tokens = parse_end_tokens(weights::read_text_file(file), file.string(), config.vocabulary);
  return tokens.empty() ? config.end_tokens : tokens;
}

}  // namespace vedette::models::language
