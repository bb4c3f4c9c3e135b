// GGUF -> Hugging Face, for the Llama family with a byte-level BPE vocabulary.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <utility>

#include "models/weights/file_map.h"
#include "models/weights/gguf.h"
#include "models/weights/import_parts.h"

namespace vedette::models::weights {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using tensor::DType;
using tensor::Shape;

constexpr std::int64_t kMaxCount =
    1 << 24;  // of anything that a config counts: layers, heads, widths, context

[[noreturn]] void fail(const std::string& file, const std::string& what) {
  throw std::runtime_error(file + ": " + what);
}

struct Source {
  std::shared_ptr<const FileMap> map;
  std::string name;
  GgufHeader header;

  std::int64_t count(const std::string& key, std::optional<std::int64_t> fallback = std::nullopt) const {
    const std::int64_t value =
        fallback ? header.get_or<std::int64_t>(key, *fallback, name) : header.get<std::int64_t>(key, name);
    if (value < 1 || value > kMaxCount)
      fail(name, "key " + key + ": " + std::to_string(value) + " is out of range");
    return value;
  }
};

// Sizes of the model as the metadata gives them.
struct Sizes {
  std::int64_t layers, hidden, inner, heads, kv_heads, head_dim, context;
};

Sizes read_sizes(const Source& source) {
  Sizes sizes{};
  sizes.layers = source.count("llama.block_count");
  sizes.hidden = source.count("llama.embedding_length");
  sizes.inner = source.count("llama.feed_forward_length");
  sizes.heads = source.count("llama.attention.head_count");
  sizes.kv_heads = source.count("llama.attention.head_count_kv", sizes.heads);
  sizes.head_dim =
      source.count("llama.attention.key_length", std::max<std::int64_t>(1, sizes.hidden / sizes.heads));
  sizes.context = source.count("llama.context_length");
  const std::int64_t rotary = source.count("llama.rope.dimension_count", sizes.head_dim);
  if (rotary != sizes.head_dim || rotary % 2 != 0) {
    fail(source.name, "key llama.rope.dimension_count: expected the head size " +
                          std::to_string(sizes.head_dim) + " and even, received " + std::to_string(rotary));
  }
  const auto scaling = source.header.get_or<std::string>("llama.rope.scaling.type", "none", source.name);
  if (scaling != "none") fail(source.name, "key llama.rope.scaling.type: expected none, received " + scaling);
  return sizes;
}

// A number that the file holds as f32, in its shortest form: 1e-05 and not 9.999999747378752e-06.
double shortest(double value) {
  std::array<char, 32> text{};
  const auto narrow = static_cast<float>(value);
  const auto end = std::to_chars(text.data(), text.data() + text.size(), narrow).ptr;
  double result = value;
  std::from_chars(text.data(), end, result);
  return result;
}

// ---- tensors

// One tensor's place in the other naming. `rotary` marks the rows that GGUF keeps in rotary pair order.
struct Name {
  std::string_view gguf;
  std::string_view hugging_face;
  bool rotary = false;
};
constexpr std::array<Name, 3> kOuterNames{
    {{"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}}};
constexpr std::array<Name, 9> kLayerNames{{{"attn_norm", "input_layernorm"},
                                           {"attn_q", "self_attn.q_proj", true},
                                           {"attn_k", "self_attn.k_proj", true},
                                           {"attn_v", "self_attn.v_proj"},
                                           {"attn_output", "self_attn.o_proj"},
                                           {"ffn_norm", "post_attention_layernorm"},
                                           {"ffn_gate", "mlp.gate_proj"},
                                           {"ffn_up", "mlp.up_proj"},
                                           {"ffn_down", "mlp.down_proj"}}};

struct Place {
  std::string name;
  bool rotary = false;
};

// Where "blk.3.attn_q.weight" goes; empty for a name that this family does not have.
std::optional<Place> place_of(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view kind = name.substr(dot);  // ".weight" or ".bias"
  if (kind != ".weight" && kind != ".bias") return std::nullopt;
  name.remove_suffix(kind.size());
  if (!name.starts_with("blk.")) {
    for (const Name& known : kOuterNames) {
      if (known.gguf == name) return Place{std::string(known.hugging_face) + std::string(kind), false};
    }
    return std::nullopt;
  }
  name.remove_prefix(4);
  const std::size_t end = name.find('.');
  if (end == 0 || end == std::string_view::npos || name.find_first_not_of("0123456789") != end)
    return std::nullopt;
  const std::string layer(name.substr(0, end));
  for (const Name& known : kLayerNames) {
    if (known.gguf != name.substr(end + 1)) continue;
    return Place{"model.layers." + layer + "." + std::string(known.hugging_face) + std::string(kind),
                 known.rotary};
  }
  return std::nullopt;
}

DType written_type(GgufType type) {
  if (type == GgufType::kF16) return DType::kF16;
  if (type == GgufType::kBF16) return DType::kBF16;
  return DType::kF32;
}

// Within each head, row 2i + s of the file is row s * head_dim/2 + i of the published layout.
void undo_rotary_pairs(std::span<std::byte> rows, std::int64_t row_count, std::int64_t head_dim) {
  const std::vector<std::byte> pairs(rows.begin(), rows.end());
  const std::size_t row_bytes = rows.size() / static_cast<std::size_t>(row_count);
  for (std::int64_t row = 0; row < row_count; ++row) {
    const std::int64_t in_head = row % head_dim;
    const std::int64_t to = row - in_head + (in_head % 2) * (head_dim / 2) + in_head / 2;
    std::memcpy(rows.data() + static_cast<std::size_t>(to) * row_bytes,
                pairs.data() + static_cast<std::size_t>(row) * row_bytes, row_bytes);
  }
}

ImportedTensor convert(const Source& source, const GgufTensor& tensor, const Place& place,
                       std::int64_t head_dim) {
  ImportedTensor result;
  result.spec = {place.name, written_type(tensor.type), Shape(tensor.extents)};
  const std::int64_t rows = tensor.extents.empty() ? 0 : tensor.extents[0];
  if (place.rotary && (rows == 0 || rows % head_dim != 0)) {
    fail(source.name, "tensor " + tensor.name + ": expected rows of whole heads of " +
                          std::to_string(head_dim) + ", received " + std::to_string(rows));
  }
  const auto data = source.map->bytes().subspan(tensor.offset, tensor.bytes);
  const bool raw = result.spec.dtype != DType::kF32;
  const std::int64_t rotary_rows = place.rotary ? rows : 0;
  result.fill = [map = source.map, data, raw, type = tensor.type, rotary_rows,
                 head_dim](std::span<std::byte> dst) {
    if (raw) {
      std::copy(data.begin(), data.end(), dst.begin());
    } else {
      dequantise(type, data, {reinterpret_cast<float*>(dst.data()), dst.size() / sizeof(float)});
    }
    if (rotary_rows != 0) undo_rotary_pairs(dst, rotary_rows, head_dim);
  };
  return result;
}

// ---- tokenizer

constexpr std::int64_t kControlToken = 3;      // token_type of the file: a special token
constexpr std::int64_t kUserDefinedToken = 4;  // an added token that is plain text

json byte_level() {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
}

json pre_tokenizer(const Source& source) {
  const auto kind = source.header.get_or<std::string>("tokenizer.ggml.pre", "gpt-2", source.name);
  if (kind == "gpt-2") return byte_level();
  if (kind == "smollm") {
    const json digits = {{"type", "Digits"}, {"individual_digits", true}};
    return {{"type", "Sequence"}, {"pretokenizers", {digits, byte_level()}}};
  }
  fail(source.name, "key tokenizer.ggml.pre: expected gpt-2 or smollm, received " + kind);
}

json make_tokenizer(const Source& source) {
  const GgufHeader& header = source.header;
  const auto model = header.get<std::string>("tokenizer.ggml.model", source.name);
  if (model != "gpt2")
    fail(source.name, "key tokenizer.ggml.model: expected gpt2 (byte-level BPE), received " + model);
  const auto& tokens = header.get<std::vector<std::string>>("tokenizer.ggml.tokens", source.name);
  const auto types = header.get_or<std::vector<std::int64_t>>("tokenizer.ggml.token_type", {}, source.name);
  if (!types.empty() && types.size() != tokens.size()) {
    fail(source.name, "key tokenizer.ggml.token_type: expected " + std::to_string(tokens.size()) +
                          " entries, received " + std::to_string(types.size()));
  }
  json vocab = json::object();
  json added = json::array();
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (!vocab.emplace(tokens[id], id).second)
      fail(source.name, "key tokenizer.ggml.tokens: entry " + std::to_string(id) + " stands twice");
    const std::int64_t type = types.empty() ? 1 : types[id];
    if (type != kControlToken && type != kUserDefinedToken) continue;
    added.push_back({{"id", id},
                     {"content", tokens[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", type == kControlToken}});
  }
  json bpe = {{"type", "BPE"},
              {"dropout", nullptr},
              {"unk_token", nullptr},
              {"continuing_subword_prefix", nullptr},
              {"end_of_word_suffix", nullptr},
              {"fuse_unk", false},
              {"byte_fallback", false},
              {"ignore_merges", false}};
  bpe["vocab"] = std::move(vocab);
  bpe["merges"] = header.get<std::vector<std::string>>("tokenizer.ggml.merges", source.name);
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", std::move(added)},
          {"normalizer", nullptr},
          {"pre_tokenizer", pre_tokenizer(source)},
          {"post_processor", nullptr},
          {"decoder",
           {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
          {"model", std::move(bpe)}};
}

json make_tokenizer_config(const Source& source) {
  const auto& tokens = source.header.get<std::vector<std::string>>("tokenizer.ggml.tokens", source.name);
  json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                 {"clean_up_tokenization_spaces", false},
                 {"model_max_length", source.count("llama.context_length")}};
  for (const auto& [key, name] : {std::pair("bos", "bos_token"), std::pair("eos", "eos_token"),
                                  std::pair("padding", "pad_token"), std::pair("unknown", "unk_token")}) {
    const std::string full = "tokenizer.ggml." + std::string(key) + "_token_id";
    const auto id = source.header.get_or<std::int64_t>(full, -1, source.name);
    if (id == -1) continue;
    if (id < 0 || static_cast<std::size_t>(id) >= tokens.size())
      fail(source.name, "key " + full + ": there is no token " + std::to_string(id));
    config[name] = tokens[static_cast<std::size_t>(id)];
  }
  const auto chat = source.header.get_or<std::string>("tokenizer.chat_template", "", source.name);
  if (!chat.empty()) config["chat_template"] = chat;
  return config;
}

// ---- configs

json make_config(const Source& source, const Sizes& sizes, const std::vector<ImportedTensor>& tensors) {
  const auto has = [&](std::string_view name) {
    return std::any_of(tensors.begin(), tensors.end(),
                       [&](const ImportedTensor& t) { return t.spec.name == name; });
  };
  const auto embedding = std::find_if(tensors.begin(), tensors.end(), [](const ImportedTensor& t) {
    return t.spec.name == "model.embed_tokens.weight";
  });
  if (embedding == tensors.end() || embedding->spec.shape.rank() != 2)
    fail(source.name, "tensor token_embd.weight is missing or not a matrix");
  const bool attention_bias = has("model.layers.0.self_attn.q_proj.bias");
  const double rms = source.header.get<double>("llama.attention.layer_norm_rms_epsilon", source.name);
  const double theta = source.header.get_or<double>("llama.rope.freq_base", 10000.0, source.name);
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"hidden_act", "silu"},
          {"hidden_size", sizes.hidden},
          {"intermediate_size", sizes.inner},
          {"num_hidden_layers", sizes.layers},
          {"num_attention_heads", sizes.heads},
          {"num_key_value_heads", sizes.kv_heads},
          {"head_dim", sizes.head_dim},
          {"max_position_embeddings", sizes.context},
          {"rms_norm_eps", shortest(rms)},
          {"rope_theta", shortest(theta)},
          {"rope_scaling", nullptr},
          {"vocab_size", embedding->spec.shape[0]},
          {"attention_bias", attention_bias},
          {"mlp_bias", has("model.layers.0.mlp.up_proj.bias")},
          {"tie_word_embeddings", !has("lm_head.weight")},
          {"torch_dtype", "float32"},
          {"use_cache", true}};
}

json token_ids(const Source& source) {
  json ids = json::object();
  for (const auto& [key, name] : {std::pair("bos", "bos_token_id"), std::pair("eos", "eos_token_id"),
                                  std::pair("padding", "pad_token_id")}) {
    const auto id = source.header.get_or<std::int64_t>("tokenizer.ggml." + std::string(key) + "_token_id", -1,
                                                       source.name);
    if (id >= 0) ids[name] = id;
  }
  return ids;
}

}  // namespace

ImportedModel import_gguf(const fs::path& file) {
  Source source{FileMap::open(file), file.string(), {}};
  source.header = parse_gguf(source.map->bytes(), source.name);
  const auto architecture = source.header.get<std::string>("general.architecture", source.name);
  if (architecture != "llama")
    fail(source.name, "key general.architecture: expected llama, received " + architecture);
  const Sizes sizes = read_sizes(source);

  ImportedModel model{"GGUF", "llama", {}, {}};
  for (const GgufTensor& tensor : source.header.tensors) {
    const auto place = place_of(tensor.name);
    if (!place) fail(source.name, "tensor " + tensor.name + ": not one of the Llama family");
    model.tensors.push_back(convert(source, tensor, *place, sizes.head_dim));
  }
  json config = make_config(source, sizes, model.tensors);
  const json ids = token_ids(source);
  config.update(ids);
  model.files["config.json"] = config.dump(2) + "\n";
  model.files["generation_config.json"] = ids.dump(2) + "\n";
  model.files["tokenizer.json"] = make_tokenizer(source).dump() + "\n";
  model.files["tokenizer_config.json"] = make_tokenizer_config(source).dump(2) + "\n";
  return model;
}

}  // namespace vedette::models::weights
