#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

// Tiny GGUF and CTranslate2 files, written field by field, so that a test can make any of them wrong.
namespace vedette::models::weights {

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

inline std::string floats(std::size_t count, float first = 0.0F) {
  std::string data;
  for (std::size_t i = 0; i < count; ++i) put(data, first + static_cast<float>(i));
  return data;
}

// ---- GGUF

inline void put_gguf_text(std::string& out, std::string_view text) {
  put<std::uint64_t>(out, text.size());
  out += text;
}

class GgufBuilder {
 public:
  GgufBuilder& integer(std::string_view key, std::uint32_t value) { return entry(key, 4, bytes_of(value)); }
  GgufBuilder& number(std::string_view key, float value) { return entry(key, 6, bytes_of(value)); }
  GgufBuilder& flag(std::string_view key, bool value) {
    return entry(key, 7, std::string(1, value ? '\1' : '\0'));
  }
  GgufBuilder& text(std::string_view key, std::string_view value) {
    std::string data;
    put_gguf_text(data, value);
    return entry(key, 8, data);
  }
  GgufBuilder& texts(std::string_view key, const std::vector<std::string>& values) {
    std::string data = bytes_of<std::uint32_t>(8);
    put<std::uint64_t>(data, values.size());
    for (const auto& value : values) put_gguf_text(data, value);
    return entry(key, 9, data);
  }
  GgufBuilder& integers(std::string_view key, const std::vector<std::int32_t>& values) {
    std::string data = bytes_of<std::uint32_t>(5);
    put<std::uint64_t>(data, values.size());
    for (const auto value : values) put(data, value);
    return entry(key, 9, data);
  }
  // A key with its value's bytes as given, right or wrong.
  GgufBuilder& entry(std::string_view key, std::uint32_t type, const std::string& value) {
    put_gguf_text(keys_, key);
    put(keys_, type);
    keys_ += value;
    ++key_count;
    return *this;
  }
  // Extents outermost first, as everywhere but in the file.
  GgufBuilder& tensor(std::string_view name, const std::vector<std::uint64_t>& extents, std::uint32_t type,
                      const std::string& data) {
    return tensor_at(name, extents, type, data_.size(), data);
  }
  GgufBuilder& tensor_at(std::string_view name, const std::vector<std::uint64_t>& extents, std::uint32_t type,
                         std::uint64_t offset, const std::string& data) {
    put_gguf_text(tensors_, name);
    put(tensors_, static_cast<std::uint32_t>(extents.size()));
    for (auto extent = extents.rbegin(); extent != extents.rend(); ++extent) put(tensors_, *extent);
    put(tensors_, type);
    put(tensors_, offset);
    data_ += data;
    data_.resize((data_.size() + 31) / 32 * 32);
    ++tensor_count;
    return *this;
  }
  std::string build() const {
    std::string file = "GGUF";
    put<std::uint32_t>(file, version);
    put<std::uint64_t>(file, tensor_count);
    put<std::uint64_t>(file, key_count);
    file += keys_ + tensors_;
    file.resize((file.size() + 31) / 32 * 32);
    return file + data_;
  }

  std::uint32_t version = 3;
  std::uint64_t tensor_count = 0;
  std::uint64_t key_count = 0;

 private:
  template <class T>
  static std::string bytes_of(T value) {
    std::string out;
    put(out, value);
    return out;
  }
  std::string keys_, tensors_, data_;
};

// A whole Llama: one layer, hidden 4, two heads of 2, inner 4, six tokens.
inline GgufBuilder tiny_llama() {
  GgufBuilder file;
  file.text("general.architecture", "llama")
      .integer("llama.block_count", 1)
      .integer("llama.embedding_length", 4);
  file.integer("llama.feed_forward_length", 4)
      .integer("llama.attention.head_count", 2)
      .integer("llama.attention.head_count_kv", 1);
  file.integer("llama.context_length", 16).integer("llama.rope.dimension_count", 2);
  file.number("llama.attention.layer_norm_rms_epsilon", 1e-5F).number("llama.rope.freq_base", 10000.0F);
  file.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", "smollm");
  file.texts("tokenizer.ggml.tokens", {"<|end|>", "a", "b", "ab", "<tool>", "\u0120"});
  file.integers("tokenizer.ggml.token_type", {3, 1, 1, 1, 4, 1}).texts("tokenizer.ggml.merges", {"a b"});
  file.integer("tokenizer.ggml.bos_token_id", 0).integer("tokenizer.ggml.eos_token_id", 0);
  file.tensor("token_embd.weight", {6, 4}, 0, floats(24)).tensor("output_norm.weight", {4}, 0, floats(4));
  file.tensor("blk.0.attn_norm.weight", {4}, 0, floats(4)).tensor("blk.0.ffn_norm.weight", {4}, 0, floats(4));
  file.tensor("blk.0.attn_q.weight", {4, 4}, 0, floats(16))
      .tensor("blk.0.attn_k.weight", {2, 4}, 0, floats(8));
  file.tensor("blk.0.attn_v.weight", {2, 4}, 0, floats(8))
      .tensor("blk.0.attn_output.weight", {4, 4}, 0, floats(16));
  file.tensor("blk.0.ffn_gate.weight", {4, 4}, 0, floats(16))
      .tensor("blk.0.ffn_up.weight", {4, 4}, 0, floats(16));
  file.tensor("blk.0.ffn_down.weight", {4, 4}, 0, floats(16));
  return file;
}

// ---- CTranslate2

inline void put_ct2_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint16_t>(text.size() + 1));
  out += text;
  out += '\0';
}

class Ct2Builder {
 public:
  Ct2Builder& variable(std::string_view name, const std::vector<std::uint32_t>& extents, std::uint8_t type,
                       const std::string& data) {
    put_ct2_text(variables_, name);
    put(variables_, static_cast<std::uint8_t>(extents.size()));
    for (const auto extent : extents) put(variables_, extent);
    put(variables_, type);
    put(variables_, static_cast<std::uint32_t>(data.size()));
    variables_ += data;
    ++variable_count;
    return *this;
  }
  Ct2Builder& alias(std::string_view name, std::string_view target) {
    put_ct2_text(aliases_, name);
    put_ct2_text(aliases_, target);
    ++alias_count;
    return *this;
  }
  std::string build() const {
    std::string file;
    put(file, version);
    put_ct2_text(file, spec);
    put<std::uint32_t>(file, revision);
    put(file, variable_count);
    file += variables_;
    put(file, alias_count);
    return file + aliases_;
  }

  std::uint32_t version = 6;
  std::string spec = "WhisperSpec";
  std::uint32_t revision = 3;
  std::uint32_t variable_count = 0;
  std::uint32_t alias_count = 0;

 private:
  std::string variables_, aliases_;
};

constexpr std::uint8_t kCt2F32 = 0;
constexpr std::uint8_t kCt2I8 = 1;
constexpr std::uint8_t kCt2I16 = 2;

// A whole Whisper: width 2, one layer a side, 1,506 tokens, with one int8 matrix.
inline Ct2Builder tiny_whisper() {
  Ct2Builder file;
  const auto matrix = [&](const std::string& name, std::uint32_t rows, std::uint32_t columns) {
    file.variable(name + "/weight", {rows, columns}, kCt2F32, floats(rows * columns));
    file.variable(name + "/bias", {rows}, kCt2F32, floats(rows, 100.0F));
  };
  const auto norm = [&](const std::string& name) {
    file.variable(name + "/gamma", {2}, kCt2F32, floats(2, 1.0F))
        .variable(name + "/beta", {2}, kCt2F32, floats(2));
  };
  for (const std::string side : {"encoder", "decoder"}) {
    const std::string layer = side + "/layer_0";
    std::string heads;
    put<std::int16_t>(heads, 1);
    file.variable(side + "/num_heads", {}, kCt2I16, heads);
    norm(layer + "/self_attention/layer_norm");
    matrix(layer + "/self_attention/linear_0", 6, 2);
    matrix(layer + "/self_attention/linear_1", 2, 2);
    if (side == "decoder") {
      norm(layer + "/attention/layer_norm");
      matrix(layer + "/attention/linear_0", 2, 2);
      matrix(layer + "/attention/linear_1", 4, 2);
      matrix(layer + "/attention/linear_2", 2, 2);
    }
    norm(layer + "/ffn/layer_norm");
    matrix(layer + "/ffn/linear_0", 4, 2);
    file.variable(layer + "/ffn/linear_1/weight", {2, 4}, kCt2I8, std::string("\1\2\3\4\xff\xfe\xfd\xfc"));
    file.variable(layer + "/ffn/linear_1/weight_scale", {2}, kCt2F32, floats(2, 2.0F));
    file.variable(layer + "/ffn/linear_1/bias", {2}, kCt2F32, floats(2));
    norm(side + "/layer_norm");
    file.variable(side + "/position_encodings/encodings", {3, 2}, kCt2F32, floats(6));
  }
  file.variable("encoder/conv1/weight", {2, 4, 3}, kCt2F32, floats(24))
      .variable("encoder/conv1/bias", {2}, kCt2F32, floats(2));
  file.variable("encoder/conv2/weight", {2, 2, 3}, kCt2F32, floats(12))
      .variable("encoder/conv2/bias", {2}, kCt2F32, floats(2));
  file.variable("decoder/embeddings/weight", {1506, 2}, kCt2F32, floats(3012));
  file.alias("decoder/projection/weight", "decoder/embeddings/weight");
  return file;
}

inline const char* const kTinyWhisperTokenizer = R"({"added_tokens": [
  {"id": 0, "content": "<|endoftext|>", "special": true}, {"id": 1, "content": "<|startoftranscript|>", "special": true},
  {"id": 2, "content": "<|startofprev|>", "special": true}, {"id": 4, "content": "<|notimestamps|>", "special": true}]})";

}  // namespace vedette::models::weights
