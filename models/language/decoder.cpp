#include "models/language/decoder.h"

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

#include "models/layers/parameters.h"
#include "models/ops/attention.h"
#include "models/ops/rows.h"

namespace vedette::models::language {

namespace {

using backend::ComputeContext;
using backend::Matrix;
using backend::ScratchScope;
using backend::WeightFormat;
using layers::Parameter;

std::string layer_name(const DecoderConfig& c, int layer, const char* name) {
  return c.prefix + "layers." + std::to_string(layer) + "." + name;
}

// The tensors of one decoder layer, as LlamaForCausalLM names them.
void add_layer_parameters(const DecoderConfig& c, int layer, std::vector<Parameter>& table) {
  const auto add = [&](const char* name, tensor::Shape shape) {
    table.push_back({layer_name(c, layer, name), shape});
  };
  add("input_layernorm.weight", {c.hidden});
  add("self_attn.q_proj.weight", {c.query_columns(), c.hidden});
  add("self_attn.k_proj.weight", {c.kv_columns(), c.hidden});
  add("self_attn.v_proj.weight", {c.kv_columns(), c.hidden});
  add("self_attn.o_proj.weight", {c.hidden, c.query_columns()});
  if (c.attention_bias) {
    add("self_attn.q_proj.bias", {c.query_columns()});
    add("self_attn.k_proj.bias", {c.kv_columns()});
    add("self_attn.v_proj.bias", {c.kv_columns()});
    add("self_attn.o_proj.bias", {c.hidden});
  }
  add("post_attention_layernorm.weight", {c.hidden});
  add("mlp.gate_proj.weight", {c.intermediate, c.hidden});
  add("mlp.up_proj.weight", {c.intermediate, c.hidden});
  add("mlp.down_proj.weight", {c.hidden, c.intermediate});
  if (c.mlp_bias) {
    add("mlp.gate_proj.bias", {c.intermediate});
    add("mlp.up_proj.bias", {c.intermediate});
    add("mlp.down_proj.bias", {c.hidden});
  }
}

std::vector<Parameter> parameter_table(const DecoderConfig& c) {
  std::vector<Parameter> table{{c.prefix + "embed_tokens.weight", {c.vocabulary, c.hidden}},
                               {c.prefix + "norm.weight", {c.hidden}},
                               {"lm_head.weight", {c.vocabulary, c.hidden}, !c.own_head}};  // absent: tied
  for (int layer = 0; layer < c.layers; ++layer) add_layer_parameters(c, layer, table);
  return table;
}

std::int64_t rows_of(const DecoderSlice& slice) {
  return slice.logits == Logits::kNone ? 0 : slice.logits == Logits::kLast ? 1 : slice.count;
}

void check_batch(const DecoderConfig& config, const DecoderBatch& batch, Matrix logits) {
  const auto fail = [](const std::string& what) { throw std::invalid_argument("decoder batch: " + what); };
  const auto rows = static_cast<std::int64_t>(batch.tokens.size());
  std::int64_t row = 0;
  for (const auto& slice : batch.slices) {
    if (slice.sequence == nullptr || slice.count < 1) fail("a slice without a sequence or rows");
    for (const auto& other : batch.slices.first(static_cast<std::size_t>(&slice - batch.slices.data()))) {
      if (other.sequence == slice.sequence) fail("a sequence stands in two slices");
    }
    if (slice.first != row)
      fail("slice at row " + std::to_string(slice.first) + ", expected " + std::to_string(row));
    row += slice.count;
  }
  if (row != rows) fail(std::to_string(rows) + " rows, slices cover " + std::to_string(row));
  if (!batch.positions.empty() && batch.positions.size() != batch.tokens.size())
    fail("positions for other rows");
  const std::int64_t wanted = Decoder::logits_rows(batch);
  if (logits.rows != wanted || (wanted != 0 && logits.columns != config.vocabulary)) {
    fail("logits of [" + std::to_string(logits.rows) + ", " + std::to_string(logits.columns) +
         "], expected [" + std::to_string(wanted) + ", " + std::to_string(config.vocabulary) + "]");
  }
}

}  // namespace

DecoderPrecision default_precision(tensor::DType dtype) {
  if (dtype == tensor::DType::kBF16) return {WeightFormat::kI8, WeightFormat::kI8};
  return {WeightFormat::kF32, WeightFormat::kF32};
}

Decoder::Decoder(backend::Backend& backend, DecoderConfig config, weights::WeightTable weights,
                 DecoderPrecision precision)
    : config_(std::move(config)), weights_(std::move(weights)) {
  layers::check_parameters(weights_, parameter_table(config_));
  embedding_ = weights_.get(config_.prefix + "embed_tokens.weight").view;
  layers_.reserve(static_cast<std::size_t>(config_.layers));
  for (int i = 0; i < config_.layers; ++i) {
    layers_.push_back(load_layer(backend, i, precision.layers));
    weights_.release_memory();
  }
  norm_ = weights_.read_f32(config_.prefix + "norm.weight", {config_.hidden});
  const bool tied = config_.tied_embeddings || !weights_.contains("lm_head.weight");
  const auto& head = tied ? embedding_ : weights_.get("lm_head.weight").view;
  head_ = ops::pack_linear(backend, head, {}, precision.head);
  weights_.release_memory();
}

Decoder::Layer Decoder::load_layer(backend::Backend& backend, int index, WeightFormat format) const {
  const auto part = [&](const std::string& module, bool biased) {
    const std::string name = layer_name(config_, index, module.c_str());
    return backend::LinearPart{weights_.get(name + ".weight").view,
                               biased ? weights_.get(name + ".bias").view : tensor::TensorView()};
  };
  const bool attention_bias = config_.attention_bias, mlp_bias = config_.mlp_bias;
  const backend::LinearPart qkv[] = {part("self_attn.q_proj", attention_bias),
                                     part("self_attn.k_proj", attention_bias),
                                     part("self_attn.v_proj", attention_bias)};
  const backend::LinearPart attention[] = {part("self_attn.o_proj", attention_bias)};
  const backend::LinearPart gate_up[] = {part("mlp.gate_proj", mlp_bias), part("mlp.up_proj", mlp_bias)};
  const backend::LinearPart down[] = {part("mlp.down_proj", mlp_bias)};
  Layer layer;
  layer.attention_norm =
      weights_.read_f32(layer_name(config_, index, "input_layernorm.weight"), {config_.hidden});
  layer.qkv = ops::pack_linear(backend, qkv, format);
  layer.attention = ops::pack_linear(backend, attention, format);
  layer.mlp_norm =
      weights_.read_f32(layer_name(config_, index, "post_attention_layernorm.weight"), {config_.hidden});
  layer.gate_up = ops::pack_linear(backend, gate_up, format);
  layer.down = ops::pack_linear(backend, down, format);
  return layer;
}

std::size_t Decoder::weight_bytes() const {
  std::size_t bytes = head_.weight->bytes();
  for (const Layer& layer : layers_) {
    bytes += layer.qkv.weight->bytes() + layer.attention.weight->bytes() + layer.gate_up.weight->bytes() +
             layer.down.weight->bytes();
  }
  return bytes;
}

backend::KvLayout Decoder::kv_layout(const backend::Backend& backend, tensor::DType dtype) const {
  return backend.kv_layout(config_.layers, config_.kv_heads, config_.head_dim, dtype);
}

std::int64_t Decoder::logits_rows(const DecoderBatch& batch) {
  std::int64_t rows = 0;
  for (const auto& slice : batch.slices) rows += rows_of(slice);
  return rows;
}

void Decoder::forward(ComputeContext& context, const DecoderBatch& batch, Matrix logits) const {
  check_batch(config_, batch, logits);
  const auto rows = static_cast<std::int64_t>(batch.tokens.size());
  if (rows == 0) return;
  const ScratchScope scope(context.scratch());
  const auto slices = context.array<backend::KvSlice>(static_cast<std::int64_t>(batch.slices.size()));
  const auto own_positions = context.array<ops::Position>(rows);
  for (std::size_t s = 0; s < batch.slices.size(); ++s) {
    const auto& slice = batch.slices[s];
    const std::int64_t past = slice.sequence->tokens();
    new (&slices[s]) backend::KvSlice{slice.sequence->pages(), past, slice.first, slice.count};
    for (std::int64_t i = 0; i < slice.count; ++i) {
      const auto at = static_cast<std::int32_t>(past + i);
      new (&own_positions[static_cast<std::size_t>(slice.first + i)]) ops::Position{at, at, at};
    }
  }
  const backend::KvLayout layout = kv_layout(context.backend(), context.dtype());
  const ops::RopeTable rope =
      ops::rope_table(context, config_.rope, batch.positions.empty() ? own_positions : batch.positions);
  const Matrix hidden = context.matrix(rows, config_.hidden);
  embed(context, batch, hidden);
  for (int i = 0; i < config_.layers; ++i) {
    run_layer(context, layers_[static_cast<std::size_t>(i)], rope, {&layout, i, slices}, hidden);
  }
  run_head(context, batch, hidden, logits);
  for (const auto& slice : batch.slices) slice.sequence->append(slice.count);
}

// Token rows from the table; the others are copied from the batch.
void Decoder::embed(ComputeContext& context, const DecoderBatch& batch, Matrix hidden) const {
  const ScratchScope scope(context.scratch());
  const auto ids = context.array<std::int32_t>(hidden.rows);
  std::int64_t embedded = 0;
  for (std::int64_t i = 0; i < hidden.rows; ++i) {
    const std::int32_t token = batch.tokens[static_cast<std::size_t>(i)];
    embedded += token == kEmbeddingRow ? 1 : 0;
    ids[static_cast<std::size_t>(i)] = token == kEmbeddingRow ? 0 : token;
  }
  if (embedded != (batch.embeddings.empty() ? 0 : batch.embeddings.rows) ||
      (embedded != 0 && batch.embeddings.columns != config_.hidden)) {
    throw std::invalid_argument("decoder batch: " + std::to_string(embedded) +
                                " embedding rows are called for, [" + std::to_string(batch.embeddings.rows) +
                                ", " + std::to_string(batch.embeddings.columns) + "] given");
  }
  ops::embedding(context, embedding_, ids, hidden);
  std::int64_t next = 0;
  for (std::int64_t i = 0; i < hidden.rows && next < embedded; ++i) {
    if (batch.tokens[static_cast<std::size_t>(i)] != kEmbeddingRow) continue;
    ops::copy(context, batch.embeddings.row_range(next++, 1), hidden.row_range(i, 1));
  }
}

void Decoder::run_layer(ComputeContext& context, const Layer& layer, const ops::RopeTable& rope,
                        const backend::PagedKv& kv, Matrix hidden) const {
  const ScratchScope scope(context.scratch());
  const std::int64_t query = config_.query_columns(), key = config_.kv_columns();
  const float scale = 1.0F / std::sqrt(static_cast<float>(config_.head_dim));
  const Matrix normed = context.matrix(hidden.rows, config_.hidden);
  const Matrix qkv = context.matrix(hidden.rows, query + 2 * key);
  const Matrix attended = context.matrix(hidden.rows, query);
  ops::rms_norm(context, hidden, layer.attention_norm, config_.rms_epsilon, normed);
  ops::linear(context, normed, layer.qkv, qkv);
  ops::rope(context, rope, config_.head_dim, qkv.column_range(0, query + key));
  ops::append_kv(context, qkv.column_range(query, key), qkv.column_range(query + key, key), kv);
  ops::causal_attention(context, qkv.column_range(0, query), kv, scale, attended);
  ops::linear(context, attended, layer.attention, hidden, {.residual = hidden});

  const Matrix gate_up = context.matrix(hidden.rows, 2 * config_.intermediate);
  const Matrix gate = gate_up.column_range(0, config_.intermediate);
  ops::rms_norm(context, hidden, layer.mlp_norm, config_.rms_epsilon, normed);
  ops::linear(context, normed, layer.gate_up, gate_up);
  ops::silu_mul(context, gate, gate_up.column_range(config_.intermediate, config_.intermediate), gate);
  ops::linear(context, gate, layer.down, hidden, {.residual = hidden});
}

void Decoder::run_head(ComputeContext& context, const DecoderBatch& batch, Matrix hidden,
                       Matrix logits) const {
  if (logits.rows == 0) return;
  const ScratchScope scope(context.scratch());
  const Matrix normed = context.matrix(logits.rows, config_.hidden);
  std::int64_t row = 0;
  for (const auto& slice : batch.slices) {
    const std::int64_t count = rows_of(slice);
    if (count == 0) continue;
    const std::int64_t first = slice.first + slice.count - count;
    ops::rms_norm(context, hidden.row_range(first, count), norm_, config_.rms_epsilon,
                  normed.row_range(row, count));
    row += count;
  }
  ops::linear(context, normed, head_, logits);
}

}  // namespace vedette::models::language
