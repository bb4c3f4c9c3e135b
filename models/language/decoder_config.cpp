#include "models/language/decoder_config.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <stdexcept>

#include "models/weights/file_map.h"

namespace vedette::models::language {

namespace {

using nlohmann::json;

// Reads keys of one JSON object with messages that name file and key.
class Reader {
 public:
  Reader(const json& object, std::string where) : object_(object), where_(std::move(where)) {}

  bool has(const char* key) const { return object_.contains(key) && !object_[key].is_null(); }
  std::int64_t integer(const char* key, std::int64_t fallback, std::int64_t low, std::int64_t high) const {
    if (!has(key)) return fallback;
    const json& value = object_[key];
    if (!value.is_number_integer()) fail(key, "a whole number");
    const auto number = value.get<std::int64_t>();
    if (number < low || number > high) fail(key, std::to_string(low) + " to " + std::to_string(high));
    return number;
  }
  double real(const char* key, double fallback) const {
    if (!has(key)) return fallback;
    if (!object_[key].is_number()) fail(key, "a number");
    const double number = object_[key].get<double>();
    if (!(number > 0.0) || !std::isfinite(number)) fail(key, "a number above 0");
    return number;
  }
  double required_real(const char* key) const {
    if (!has(key)) fail(key, "a number");
    return real(key, 0.0);
  }
  bool boolean(const char* key, bool fallback) const {
    if (!has(key)) return fallback;
    if (!object_[key].is_boolean()) fail(key, "true or false");
    return object_[key].get<bool>();
  }
  std::string text(const char* key, const std::string& fallback) const {
    if (!has(key)) return fallback;
    if (!object_[key].is_string()) fail(key, "a string");
    return object_[key].get<std::string>();
  }
  Reader object(const char* key) const {
    if (!object_[key].is_object()) fail(key, "an object");
    return {object_[key], where_ + ": " + key};
  }
  [[noreturn]] void fail(const char* key, const std::string& expected) const {
    const std::string received = object_.contains(key) ? object_[key].dump().substr(0, 80) : "nothing";
    throw std::runtime_error(where_ + ": " + key + ": expected " + expected + ", received " + received);
  }
  const json& raw(const char* key) const { return object_[key]; }
  std::string dump() const { return object_.dump(); }

 private:
  const json& object_;
  std::string where_;
};

// Llama 3.1's stretching: long wavelengths are slowed by `factor`, short ones stay, between them a ramp.
void stretch_llama3(const Reader& scaling, std::vector<float>& rate) {
  const double factor = scaling.required_real("factor");
  const double low = scaling.required_real("low_freq_factor"),
               high = scaling.required_real("high_freq_factor");
  const double context = scaling.required_real("original_max_position_embeddings");
  if (high <= low) scaling.fail("high_freq_factor", "more than low_freq_factor");
  for (float& value : rate) {
    const double wavelength = 2.0 * std::numbers::pi / static_cast<double>(value);
    if (wavelength < context / high) continue;
    const double slowed = static_cast<double>(value) / factor;
    if (wavelength > context / low) {
      value = static_cast<float>(slowed);
    } else {
      const double smooth = (context / wavelength - low) / (high - low);
      value = static_cast<float>((1.0 - smooth) * slowed + smooth * static_cast<double>(value));
    }
  }
}

// Published configs have rope_theta and rope_scaling, transformers 5 writes one rope_parameters.
ops::RopeFrequencies read_rope(const Reader& config, int head_dim) {
  const bool joined = config.has("rope_parameters");
  const char* key = joined ? "rope_parameters" : "rope_scaling";
  const Reader scaling = config.has(key) ? config.object(key) : config;
  const double theta = joined ? scaling.real("rope_theta", config.real("rope_theta", 10000.0))
                              : config.real("rope_theta", 10000.0);
  ops::RopeFrequencies rope;
  for (int i = 0; i < head_dim; i += 2) {
    rope.rate.push_back(
        1.0F / std::pow(static_cast<float>(theta), static_cast<float>(i) / static_cast<float>(head_dim)));
  }
  rope.axis.assign(rope.rate.size(), 0);
  if (!config.has(key)) return rope;
  const std::string type = scaling.text("rope_type", scaling.text("type", "default"));
  if (type == "linear") {
    const double factor = scaling.required_real("factor");
    for (float& value : rope.rate) value = static_cast<float>(static_cast<double>(value) / factor);
  } else if (type == "llama3") {
    stretch_llama3(scaling, rope.rate);
  } else if (type != "default") {
    scaling.fail(scaling.has("rope_type") ? "rope_type" : "type", "default, linear or llama3");
  }
  return rope;
}

std::vector<std::int32_t> read_tokens(const Reader& config, const char* key, std::int64_t vocabulary) {
  std::vector<std::int32_t> tokens;
  if (!config.has(key)) return tokens;
  const json& value = config.raw(key);
  for (const json& id : value.is_array() ? value : json::array({value})) {
    if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() >= vocabulary) {
      config.fail(key, "token ids below " + std::to_string(vocabulary));
    }
    tokens.push_back(id.get<std::int32_t>());
  }
  return tokens;
}

json parse_object(std::string_view text, const std::string& file) {
  json document = json::parse(text, nullptr, false);
  if (!document.is_object()) throw std::runtime_error(file + ": not a JSON object");
  return document;
}

}  // namespace

std::vector<std::int32_t> parse_end_tokens(std::string_view text, const std::string& file,
                                           std::int64_t vocabulary) {
  const json document = parse_object(text, file);
  return read_tokens({document, file}, "eos_token_id", vocabulary);
}

namespace {

// A checkpoint that does not say how it has it may leave the head out: then it is tied.
void read_head(const Reader& reader, DecoderConfig& config) {
  config.tied_embeddings = reader.boolean("tie_word_embeddings", false);
  config.own_head = reader.has("tie_word_embeddings") && !config.tied_embeddings;
}

}  // namespace

DecoderConfig parse_decoder_config(std::string_view text, const std::string& file) {
  const json document = parse_object(text, file);
  const Reader reader(document, file);
  if (reader.text("model_type", "") != "llama") reader.fail("model_type", "llama");
  if (reader.text("hidden_act", "silu") != "silu") reader.fail("hidden_act", "silu");
  DecoderConfig config;
  config.vocabulary = reader.integer("vocab_size", 32000, 1, 1 << 22);
  config.hidden = reader.integer("hidden_size", 4096, 1, 1 << 17);
  config.intermediate = reader.integer("intermediate_size", 11008, 1, 1 << 19);
  config.layers = static_cast<int>(reader.integer("num_hidden_layers", 32, 1, 1024));
  config.heads = static_cast<int>(reader.integer("num_attention_heads", 32, 1, 1024));
  config.kv_heads = static_cast<int>(reader.integer("num_key_value_heads", config.heads, 1, config.heads));
  if (config.heads % config.kv_heads != 0) {
    reader.fail("num_key_value_heads", "a divisor of " + std::to_string(config.heads));
  }
  const std::int64_t head_dim = reader.integer("head_dim", config.hidden / config.heads, 2, 1024);
  if (head_dim < 2 || head_dim % 2 != 0) reader.fail("head_dim", "an even number of at least 2");
  config.head_dim = static_cast<int>(head_dim);
  config.rms_epsilon = static_cast<float>(reader.real("rms_norm_eps", 1e-6));
  config.context = reader.integer("max_position_embeddings", 2048, 1, 1 << 24);
  read_head(reader, config);
  config.attention_bias = reader.boolean("attention_bias", false);
  config.mlp_bias = reader.boolean("mlp_bias", false);
  config.rope = read_rope(reader, config.head_dim);
  config.end_tokens = read_tokens(reader, "eos_token_id", config.vocabulary);
  return config;
}

DecoderConfig load_decoder_config(const std::filesystem::path& folder) {
  const auto file = folder / "config.json";
  const std::string text = weights::read_text_file(file);
  const json document = parse_object(text, file.string());
  const Reader reader(document, file.string());
  const std::string type = reader.text("model_type", "");
  if (type != "idefics3" && type != "smolvlm") return parse_decoder_config(text, file.string());
  if (!reader.has("text_config")) reader.fail("text_config", "an object");
  DecoderConfig config =
      parse_decoder_config(reader.object("text_config").dump(), file.string() + ": text_config");
  read_head(reader, config);
  config.prefix = "model.text_model.";
  if (config.end_tokens.empty()) config.end_tokens = read_tokens(reader, "eos_token_id", config.vocabulary);
  return config;
}

}  // namespace vedette::models::language
