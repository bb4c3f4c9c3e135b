#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "models/backend/context.h"
#include "models/backend/cpu/cpu_backend.h"
#include "models/language/model_folder.h"
#include "models/weights/weight_table.h"
#include "tests/support/differences.h"

namespace vedette::models::language {

using tests::max_difference;
using tests::normalised_error;

inline std::filesystem::path golden_folder(const std::string& name) {
  return std::filesystem::path(VEDETTE_SOURCE_DIR) / "tests/golden/llama" / name;
}
inline const std::vector<std::string> kGoldenCases = {"kv1_head16_tied", "kv3of9_head64_untied",
                                                      "kv4_head80_bias"};

// A golden model, loaded, with the tokens of one row of its inputs and the logits that the reference gives
// for them.
struct GoldenModel {
  explicit GoldenModel(const std::string& name, tensor::DType dtype = tensor::DType::kF32, int threads = 2)
      : backend(backend::cpu::make_cpu_backend()),
        pool(threads),
        context(*backend, pool, dtype),
        decoder(load_decoder(*backend, golden_folder(name), dtype)),
        kv(*backend, decoder.kv_layout(*backend, dtype),
           64 * decoder.kv_layout(*backend, dtype).page_bytes()),
        inputs(weights::WeightTable::open_file(golden_folder(name) / "inputs.safetensors")),
        outputs(weights::WeightTable::open_file(golden_folder(name) / "outputs.safetensors")) {}

  std::int64_t vocabulary() const { return decoder.config().vocabulary; }
  std::int64_t batch() const { return inputs.get("input_ids").view.shape()[0]; }
  std::int64_t length() const { return inputs.get("input_ids").view.shape()[1]; }
  // Where the row's first token stands; what comes before is padding.
  std::int64_t start(std::int64_t row) const {
    const auto* mask = inputs.find("attention_mask");
    std::int64_t at = 0;
    while (mask != nullptr &&
           mask->view.as<std::int64_t>()[static_cast<std::size_t>(row * length() + at)] == 0)
      ++at;
    return at;
  }
  std::vector<std::int32_t> tokens(std::int64_t row) const {
    const auto ids = inputs.get("input_ids")
                         .view.as<std::int64_t>()
                         .subspan(static_cast<std::size_t>(row * length() + start(row)),
                                  static_cast<std::size_t>(length() - start(row)));
    return {ids.begin(), ids.end()};
  }
  std::span<const float> expected(std::int64_t row) const {
    const auto all = outputs.get("logits").view.as<float>();
    return all.subspan(static_cast<std::size_t>((row * length() + start(row)) * vocabulary()),
                       static_cast<std::size_t>((length() - start(row)) * vocabulary()));
  }

  // Logits of all the tokens, given to the sequence in one call.
  std::vector<float> run(layers::KvSequence& sequence, std::span<const std::int32_t> ids) {
    std::vector<float> logits(ids.size() * static_cast<std::size_t>(vocabulary()));
    if (!sequence.reserve(static_cast<std::int64_t>(ids.size()))) throw std::runtime_error("no room");
    const DecoderSlice slice{&sequence, 0, static_cast<std::int64_t>(ids.size()), Logits::kAll};
    decoder.forward(context, {.tokens = ids, .slices = std::span(&slice, 1)},
                    {logits.data(), slice.count, vocabulary(), vocabulary()});
    return logits;
  }

  std::unique_ptr<backend::Backend> backend;
  backend::WorkerPool pool;
  backend::ComputeContext context;
  Decoder decoder;
  layers::KvPool kv;
  weights::WeightTable inputs, outputs;
};

}  // namespace vedette::models::language
