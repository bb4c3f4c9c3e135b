#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/backend/context.h"
#include "models/language/decoder_config.h"
#include "models/layers/kv_pool.h"
#include "models/ops/linear.h"
#include "models/ops/rope.h"
#include "models/weights/weight_table.h"

namespace vedette::models::language {

// Which rows of a slice get logits.
enum class Logits : std::uint8_t { kNone, kLast, kAll };

// Rows [first, first + count) of a batch continue one sequence.
struct DecoderSlice {
  layers::KvSequence* sequence = nullptr;
  std::int64_t first = 0, count = 0;
  Logits logits = Logits::kLast;
};

// In the place of a token id: the row is the next one of DecoderBatch::embeddings.
inline constexpr std::int32_t kEmbeddingRow = -1;

// Sequences of all lengths at once: prefill, decode, chunks and any mixture are the same call. Slices lie one
// behind the other, cover the rows, and each has a sequence of its own.
struct DecoderBatch {
  std::span<const std::int32_t> tokens = {};      // [rows]
  backend::Matrix embeddings = {};                // [number of kEmbeddingRow in tokens, hidden]; empty: none
  std::span<const ops::Position> positions = {};  // [rows]; empty: each token's index in its sequence
  std::span<const DecoderSlice> slices = {};
};

// How a decoder's matrices are stored.
struct DecoderPrecision {
  backend::WeightFormat layers = backend::WeightFormat::kF32;
  backend::WeightFormat head = backend::WeightFormat::kF32;
};
// f32 for an f32 context; 8-bit weights for a bf16 one, as decoding is bound by reading them.
DecoderPrecision default_precision(tensor::DType dtype);

// A Llama-style decoder (Touvron et al. 2023): RMSNorm, grouped-query attention with RoPE, SwiGLU. Immutable
// once built, so any number of threads may run it, each in its own context.
class Decoder {
 public:
  // Packs the weights; keeps a copy of the table, out of whose files the embedding rows are read.
  // Throws: std::runtime_error when a tensor is missing or misshapen.
  Decoder(backend::Backend& backend, DecoderConfig config, weights::WeightTable weights,
          DecoderPrecision precision);

  const DecoderConfig& config() const { return config_; }
  // Bytes of the packed matrices.
  std::size_t weight_bytes() const;
  backend::KvLayout kv_layout(const backend::Backend& backend, tensor::DType dtype) const;

  // How many rows of logits a batch gives.
  static std::int64_t logits_rows(const DecoderBatch& batch);

  // Runs the batch and appends its tokens to its sequences. logits: [logits_rows(batch), vocabulary], slice
  // by slice. Requires: every sequence has reserved its count. Throws: std::invalid_argument for a batch that
  // does not fit.
  void forward(backend::ComputeContext& context, const DecoderBatch& batch, backend::Matrix logits) const;

 private:
  struct Layer {
    tensor::Tensor attention_norm;    // [hidden] f32
    backend::PackedLinear qkv;        // [query + 2 kv columns, hidden]
    backend::PackedLinear attention;  // [hidden, query columns]
    tensor::Tensor mlp_norm;          // [hidden] f32
    backend::PackedLinear gate_up;    // [2 intermediate, hidden]
    backend::PackedLinear down;       // [hidden, intermediate]
  };

  Layer load_layer(backend::Backend& backend, int index, backend::WeightFormat format) const;
  void embed(backend::ComputeContext& context, const DecoderBatch& batch, backend::Matrix hidden) const;
  void run_layer(backend::ComputeContext& context, const Layer& layer, const ops::RopeTable& rope,
                 const backend::PagedKv& kv, backend::Matrix hidden) const;
  void run_head(backend::ComputeContext& context, const DecoderBatch& batch, backend::Matrix hidden,
                backend::Matrix logits) const;

  DecoderConfig config_;
  weights::WeightTable weights_;
  tensor::TensorView embedding_;  // [vocabulary, hidden], inside weights_
  std::vector<Layer> layers_;
  tensor::Tensor norm_;         // [hidden] f32
  backend::PackedLinear head_;  // [vocabulary, hidden]
};

}  // namespace vedette::models::language
