#include "models/vision/text_tower.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "models/layers/kv_pool.h"
#include "models/ops/linear.h"
#include "models/ops/rows.h"
#include "models/vision/vision_config.h"

namespace vedette::models::vision {

using backend::AttentionSegment;
using backend::ComputeContext;
using backend::KvSlice;
using backend::Matrix;

namespace {

constexpr layers::EncoderBlockNames kNames = {.attention_norm = "layer_norm1",
                                              .query = "self_attn.q_proj",
                                              .key = "self_attn.k_proj",
                                              .value = "self_attn.v_proj",
                                              .out = "self_attn.out_proj",
                                              .ffn_norm = "layer_norm2",
                                              .fc1 = "mlp.fc1",
                                              .fc2 = "mlp.fc2"};

// The run of a row's tokens that may be seen.
struct Seen {
  std::int64_t first = 0, count = 0;
};

Seen seen_tokens(const TextBatch& texts, std::int64_t row) {
  if (texts.mask.empty()) return {0, texts.length};
  const auto mask = texts.mask.subspan(static_cast<std::size_t>(row * texts.length),
                                       static_cast<std::size_t>(texts.length));
  const auto begin = std::find_if(mask.begin(), mask.end(), [](std::uint8_t value) { return value != 0; });
  const auto end = std::find(begin, mask.end(), 0);
  if (begin == mask.end() || std::any_of(end, mask.end(), [](std::uint8_t value) { return value != 0; })) {
    throw std::invalid_argument("text tower: a mask must show one run of tokens in each row");
  }
  return {begin - mask.begin(), end - begin};
}

}  // namespace

TextTowerConfig parse_text_tower_config(const weights::JsonObject& config, const std::string& type) {
  const bool siglip = type == "siglip_text_model";
  if (!siglip && type != "clip_text_model") config.fail("model_type", "clip_text_model or siglip_text_model");
  TextTowerConfig result;
  result.sizes.hidden = config.size_or("hidden_size", siglip ? 768 : 512, 1 << 16);
  result.sizes.ffn = config.size_or("intermediate_size", siglip ? 3072 : 2048, 1 << 18);
  result.sizes.heads = config.size_or("num_attention_heads", siglip ? 12 : 8, 1024);
  if (result.sizes.hidden % result.sizes.heads != 0) {
    config.fail("num_attention_heads", "a divisor of " + std::to_string(result.sizes.hidden));
  }
  result.sizes.epsilon = static_cast<float>(config.positive_or("layer_norm_eps", siglip ? 1e-6 : 1e-5));
  result.sizes.activation =
      parse_activation(config, "hidden_act", siglip ? "gelu_pytorch_tanh" : "quick_gelu");
  result.layers = config.size_or("num_hidden_layers", 12, 1024);
  result.vocabulary = config.size_or("vocab_size", siglip ? 32000 : 49408, 1 << 24);
  result.positions = config.size_or("max_position_embeddings", siglip ? 64 : 77, 1 << 16);
  result.causal = !siglip;
  result.last_token = siglip;
  result.end_token = static_cast<std::int32_t>(config.integer_or("eos_token_id", 49407, -1, 1 << 24));
  if (siglip) {
    result.projection = config.size_or("projection_size", static_cast<int>(result.sizes.hidden), 1 << 16);
  }
  return result;
}

TextTower::TextTower(ComputeContext& context, const TextTowerConfig& config,
                     const layers::NamedWeights& weights)
    : config_(config) {
  const std::int64_t hidden = config.sizes.hidden;
  const auto table = weights.view("embeddings.token_embedding.weight", {config.vocabulary, hidden});
  embedding_ = tensor::Tensor(table.dtype(), table.shape());
  std::memcpy(embedding_.view().data(), table.data(), table.bytes());
  positions_ = weights.f32("embeddings.position_embedding.weight", {config.positions, hidden});
  for (int i = 0; i < config.layers; ++i) {
    blocks_.emplace_back(context, config.sizes, weights.under("encoder.layers." + std::to_string(i) + "."),
                         kNames);
  }
  norm_ = weights.norm("final_layer_norm", hidden);
  if (config.projection == 0) return;
  const auto part = weights.part("head", config.projection, hidden);
  head_ = ops::pack_linear(context.backend(), {&part, 1}, ops::weight_format(context.dtype()));
}

void TextTower::forward(ComputeContext& context, const TextBatch& texts, Matrix hidden) const {
  const std::int64_t rows = texts.batch * texts.length;
  if (texts.batch < 1 || texts.length < 1 || texts.length > config_.positions ||
      static_cast<std::int64_t>(texts.ids.size()) != rows || hidden.rows != rows) {
    throw std::invalid_argument("text tower: expected [batch, length] ids of at most " +
                                std::to_string(config_.positions) + " each, received [" +
                                std::to_string(texts.batch) + ", " + std::to_string(texts.length) + "]");
  }
  const backend::ScratchScope scope(context.scratch());
  const Matrix x = context.matrix(rows, config_.sizes.hidden);
  ops::embedding(context, embedding_, texts.ids, x);
  const Matrix places = Matrix(positions_).row_range(0, texts.length);
  for (std::int64_t row = 0; row < texts.batch; ++row) {
    const Matrix own = x.row_range(row * texts.length, texts.length);
    ops::add(context, own, places, own);
  }
  config_.causal ? run_causal(context, texts, x) : run_both_ways(context, texts, x);
  ops::layer_norm(context, x, norm_.weight, norm_.bias, config_.sizes.epsilon, hidden);
}

// One page pool serves all layers in turn, as nothing is kept for later.
void TextTower::run_causal(ComputeContext& context, const TextBatch& texts, Matrix x) const {
  const int heads = config_.sizes.heads;
  const auto layout =
      context.backend().kv_layout(1, heads, static_cast<int>(config_.sizes.hidden / heads), context.dtype());
  const std::int64_t pages = texts.batch * (texts.length / layout.page_tokens + 1);
  layers::KvPool pool(context.backend(), layout, static_cast<std::size_t>(pages) * layout.page_bytes());
  std::vector<layers::KvSequence> sequences;
  std::vector<KvSlice> slices;
  for (std::int64_t row = 0; row < texts.batch; ++row) {
    const Seen seen = seen_tokens(texts, row);
    sequences.push_back(pool.make_sequence(seen.count));
    if (!sequences.back().reserve(seen.count)) throw std::runtime_error("text tower: the KV pool is full");
    slices.push_back({sequences.back().pages(), 0, row * texts.length + seen.first, seen.count});
  }
  const backend::PagedKv kv{&layout, 0, slices};
  for (const layers::EncoderBlock& block : blocks_) block.run_causal(context, kv, x);
}

void TextTower::run_both_ways(ComputeContext& context, const TextBatch& texts, Matrix x) const {
  const auto segments = context.array<AttentionSegment>(texts.batch);
  for (std::int64_t row = 0; row < texts.batch; ++row) {
    const Seen seen = seen_tokens(texts, row);
    const std::int64_t first = row * texts.length;
    segments[static_cast<std::size_t>(row)] = {first, texts.length, first + seen.first, seen.count};
  }
  for (const layers::EncoderBlock& block : blocks_) block.run(context, segments, x);
}

// Published CLIP folders say end token 2, which is wrong: there the greatest id ends a text.
std::int64_t TextTower::pooled_place(const TextBatch& texts, std::int64_t row) const {
  if (config_.last_token) return texts.length - 1;
  const auto ids =
      texts.ids.subspan(static_cast<std::size_t>(row * texts.length), static_cast<std::size_t>(texts.length));
  if (config_.end_token == 2) return std::max_element(ids.begin(), ids.end()) - ids.begin();
  const auto end = std::find(ids.begin(), ids.end(), config_.end_token);
  return end == ids.end() ? 0 : end - ids.begin();
}

void TextTower::pool(ComputeContext& context, const TextBatch& texts, Matrix hidden, Matrix y) const {
  const backend::ScratchScope scope(context.scratch());
  const Matrix taken = config_.projection > 0 ? context.matrix(texts.batch, hidden.columns) : y;
  for (std::int64_t row = 0; row < texts.batch; ++row) {
    ops::copy(context, hidden.row_range(row * texts.length + pooled_place(texts, row), 1),
              taken.row_range(row, 1));
  }
  if (config_.projection > 0) ops::linear(context, taken, head_, y);
}

}  // namespace vedette::models::vision
