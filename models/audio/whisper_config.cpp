#include "models/audio/whisper_config.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "models/weights/file_map.h"

namespace vedette::models::audio {
namespace {

using nlohmann::json;

// One JSON object of a model folder; every message names the file and the key.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : path_(path) {
    root_ = json::parse(weights::read_text_file(path), nullptr, false);
    if (!root_.is_object()) throw std::runtime_error(path.string() + ": not a JSON object");
  }

  bool has(const char* key) const { return root_.contains(key) && !root_[key].is_null(); }

  [[noreturn]] void fail(const char* key, const std::string& expected) const {
    throw std::runtime_error(path_.string() + ": " + key + ": expected " + expected + ", received " +
                             (root_.contains(key) ? root_[key].dump().substr(0, 80) : "nothing"));
  }

  std::int64_t integer(const char* key, std::int64_t least, std::int64_t most) const {
    const auto found = root_.find(key);
    if (found == root_.end() || !found->is_number_integer() || *found < least || *found > most) {
      fail(key, "an integer from " + std::to_string(least) + " to " + std::to_string(most));
    }
    return found->get<std::int64_t>();
  }
  int size(const char* key, int most) const { return static_cast<int>(integer(key, 1, most)); }

  bool flag(const char* key, bool otherwise) const {
    if (!has(key)) return otherwise;
    if (!root_[key].is_boolean()) fail(key, "true or false");
    return root_[key].get<bool>();
  }

  std::vector<std::int32_t> ids(const char* key, int vocabulary) const {
    std::vector<std::int32_t> result;
    if (!has(key)) return result;
    if (!root_[key].is_array()) fail(key, "a list of token ids");
    for (const json& id : root_[key]) {
      // -1 alone stands for the tokenizer's non-speech symbols in OpenAI's own options; published folders
      // list them.
      if (!id.is_number_integer() || id < 0 || id >= vocabulary)
        fail(key, "token ids below " + std::to_string(vocabulary));
      result.push_back(id.get<std::int32_t>());
    }
    return result;
  }

  // A table of "<|name|>" (or "name") to token id.
  std::vector<std::pair<std::string, std::int32_t>> names(const char* key, int vocabulary) const {
    std::vector<std::pair<std::string, std::int32_t>> result;
    if (!has(key)) return result;
    if (!root_[key].is_object()) fail(key, "an object of token ids");
    for (const auto& [name, id] : root_[key].items()) {
      if (!id.is_number_integer() || id < 0 || id >= vocabulary)
        fail(key, "token ids below " + std::to_string(vocabulary));
      const bool marked = name.size() > 4 && name.starts_with("<|") && name.ends_with("|>");
      result.emplace_back(marked ? name.substr(2, name.size() - 4) : name, id.get<std::int32_t>());
    }
    return result;
  }

  std::vector<std::pair<int, int>> pairs(const char* key, int most_first, int most_second) const {
    std::vector<std::pair<int, int>> result;
    if (!has(key)) return result;
    const std::string expected = "a list of [layer, head], below " + std::to_string(most_first) + " and " +
                                 std::to_string(most_second);
    if (!root_[key].is_array()) fail(key, expected);
    for (const json& pair : root_[key]) {
      const bool good = pair.is_array() && pair.size() == 2 && pair[0].is_number_integer() &&
                        pair[1].is_number_integer() && pair[0] >= 0 && pair[1] >= 0 && pair[0] < most_first &&
                        pair[1] < most_second;
      if (!good) fail(key, expected);
      result.emplace_back(pair[0].get<int>(), pair[1].get<int>());
    }
    return result;
  }

  const json& root() const { return root_; }

 private:
  std::filesystem::path path_;
  json root_;
};

constexpr int kTimestamps = 1501;  // 0.00 to 30.00 s

WhisperSizes read_sizes(const Reader& config) {
  if (!config.has("model_type") || config.root()["model_type"] != "whisper")
    config.fail("model_type", "\"whisper\"");
  if (config.has("activation_function") && config.root()["activation_function"] != "gelu") {
    config.fail("activation_function", "\"gelu\"");
  }
  WhisperSizes sizes;
  sizes.mels = config.size("num_mel_bins", 1024);
  sizes.hidden = config.size("d_model", 1 << 16);
  sizes.encoder_layers = config.size("encoder_layers", 1024);
  sizes.encoder_heads = config.size("encoder_attention_heads", 1024);
  sizes.encoder_ffn = config.size("encoder_ffn_dim", 1 << 18);
  sizes.decoder_layers = config.size("decoder_layers", 1024);
  sizes.decoder_heads = config.size("decoder_attention_heads", 1024);
  sizes.decoder_ffn = config.size("decoder_ffn_dim", 1 << 18);
  sizes.audio_context = config.size("max_source_positions", 1 << 16);
  sizes.text_context = config.size("max_target_positions", 1 << 16);
  sizes.vocabulary = config.size("vocab_size", 1 << 24);
  sizes.scale_embedding = config.flag("scale_embedding", false);
  sizes.tied_head = config.flag("tie_word_embeddings", true);
  if (sizes.hidden % sizes.encoder_heads != 0) config.fail("encoder_attention_heads", "a divisor of d_model");
  if (sizes.hidden % sizes.decoder_heads != 0) config.fail("decoder_attention_heads", "a divisor of d_model");
  return sizes;
}

std::int32_t read_id(const Reader& generation, const Reader& config, const char* key, int vocabulary) {
  const Reader& from = generation.has(key) ? generation : config;
  // Some folders give a list of end tokens: Whisper's is the first.
  if (from.has(key) && from.root()[key].is_array()) {
    const std::vector<std::int32_t> ids = from.ids(key, vocabulary);
    if (!ids.empty()) return ids.front();
  }
  return static_cast<std::int32_t>(from.integer(key, 0, vocabulary - 1));
}

WhisperTokens read_tokens(const Reader& config, const Reader& generation, const WhisperSizes& sizes) {
  const int vocabulary = sizes.vocabulary;
  WhisperTokens tokens;
  tokens.end = read_id(generation, config, "eos_token_id", vocabulary);
  tokens.start = read_id(generation, config, "decoder_start_token_id", vocabulary);
  if (generation.has("no_timestamps_token_id")) {
    tokens.no_timestamps =
        static_cast<std::int32_t>(generation.integer("no_timestamps_token_id", 2, vocabulary - 1));
  } else {
    if (vocabulary <= kTimestamps + 3) generation.fail("no_timestamps_token_id", "a token id");
    tokens.no_timestamps = vocabulary - kTimestamps - 1;
  }
  // Every published vocabulary ends so: start of previous text, no speech, no timestamps, the timestamps.
  tokens.previous = tokens.no_timestamps - 2;
  tokens.no_speech = tokens.no_timestamps - 1;
  tokens.first_timestamp = tokens.no_timestamps + 1;
  const auto ids = [&](const char* key) {
    return (generation.has(key) ? generation : config).ids(key, vocabulary);
  };
  tokens.suppressed = ids("suppress_tokens");
  tokens.begin_suppressed = ids("begin_suppress_tokens");
  if (generation.has("max_initial_timestamp_index")) {
    tokens.max_initial_timestamp =
        static_cast<int>(generation.integer("max_initial_timestamp_index", 0, 1 << 16));
  }
  tokens.languages = generation.names("lang_to_id", vocabulary);
  tokens.multilingual = generation.flag("is_multilingual", !tokens.languages.empty());
  for (const auto& [task, id] : generation.names("task_to_id", vocabulary)) {
    if (task == "transcribe") tokens.transcribe = id;
    if (task == "translate") tokens.translate = id;
  }
  if (tokens.multilingual && tokens.languages.empty())
    generation.fail("lang_to_id", "an object of token ids");
  return tokens;
}

}  // namespace

WhisperConfig WhisperConfig::load(const std::filesystem::path& folder) {
  const Reader config(folder / "config.json");
  const bool has_generation = std::filesystem::exists(folder / "generation_config.json");
  const Reader generation(folder / (has_generation ? "generation_config.json" : "config.json"));
  WhisperConfig result;
  result.sizes = read_sizes(config);
  result.tokens = read_tokens(config, generation, result.sizes);
  result.alignment_heads =
      generation.pairs("alignment_heads", result.sizes.decoder_layers, result.sizes.decoder_heads);
  if (result.alignment_heads.empty()) {  // as OpenAI's: all heads of the upper half of the layers
    for (int layer = result.sizes.decoder_layers / 2; layer < result.sizes.decoder_layers; ++layer) {
      for (int head = 0; head < result.sizes.decoder_heads; ++head)
        result.alignment_heads.emplace_back(layer, head);
    }
  }
  if (config.has("median_filter_width")) {
    result.median_filter = config.size("median_filter_width", 255);
    if (result.median_filter % 2 == 0) config.fail("median_filter_width", "an odd number");
  }
  return result;
}

}  // namespace vedette::models::audio
