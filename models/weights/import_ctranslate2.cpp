// CTranslate2 -> Hugging Face, for Whisper.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "models/weights/ct2_source.h"
#include "models/weights/import_parts.h"

namespace vedette::models::weights {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::int64_t kGelu = 3;                // ActivationType of the file
constexpr std::int64_t kTimestampTokens = 1501;  // <|0.00|> to <|30.00|>, every 0.02 s

[[noreturn]] void fail(const std::string& file, const std::string& what) {
  throw std::runtime_error(file + ": " + what);
}

using Tensors = std::vector<ImportedTensor>;

// weight and bias under their usual names.
void take_pair(const Ct2Source& source, Tensors& out, const std::string& from, const std::string& to) {
  out.push_back(source.take(from + "/weight", to + ".weight"));
  out.push_back(source.take(from + "/bias", to + ".bias"));
}
void take_norm(const Ct2Source& source, Tensors& out, const std::string& from, const std::string& to) {
  out.push_back(source.take(from + "/gamma", to + ".weight"));
  out.push_back(source.take(from + "/beta", to + ".bias"));
}

// Projections that the file stacks row-wise. k has no bias of its own: the file holds zeros in its place.
void take_stack(const Ct2Source& source, Tensors& out, const std::string& from, const std::string& to,
                std::initializer_list<const char*> names, std::int64_t width) {
  const std::int64_t rows = source.get(from + "/weight", 2).extents[0];
  if (rows != width * static_cast<std::int64_t>(names.size())) {
    source.fail("variable " + from + "/weight: expected " + std::to_string(names.size()) +
                " stacked projections of " + std::to_string(width) + " rows, received " +
                std::to_string(rows));
  }
  std::int64_t first = 0;
  for (const std::string name : names) {
    out.push_back(source.take(from + "/weight", to + "." + name + ".weight", first, width));
    if (name != "k_proj") out.push_back(source.take(from + "/bias", to + "." + name + ".bias", first, width));
    first += width;
  }
}

std::int64_t take_layers(const Ct2Source& source, Tensors& out, const std::string& side, std::int64_t width) {
  std::int64_t count = 0;
  for (; source.has(side + "/layer_" + std::to_string(count) + "/ffn/linear_0/weight"); ++count) {
    const std::string from = side + "/layer_" + std::to_string(count);
    const std::string to = "model." + side + ".layers." + std::to_string(count);
    take_norm(source, out, from + "/self_attention/layer_norm", to + ".self_attn_layer_norm");
    take_stack(source, out, from + "/self_attention/linear_0", to + ".self_attn",
               {"q_proj", "k_proj", "v_proj"}, width);
    take_pair(source, out, from + "/self_attention/linear_1", to + ".self_attn.out_proj");
    if (side == "decoder") {
      take_norm(source, out, from + "/attention/layer_norm", to + ".encoder_attn_layer_norm");
      take_stack(source, out, from + "/attention/linear_0", to + ".encoder_attn", {"q_proj"}, width);
      take_stack(source, out, from + "/attention/linear_1", to + ".encoder_attn", {"k_proj", "v_proj"},
                 width);
      take_pair(source, out, from + "/attention/linear_2", to + ".encoder_attn.out_proj");
    }
    take_norm(source, out, from + "/ffn/layer_norm", to + ".final_layer_norm");
    take_pair(source, out, from + "/ffn/linear_0", to + ".fc1");
    take_pair(source, out, from + "/ffn/linear_1", to + ".fc2");
  }
  if (count == 0) source.fail("variable " + side + "/layer_0/ffn/linear_0/weight is missing");
  if (source.has(side + "/layer_norm/gamma"))
    take_norm(source, out, side + "/layer_norm", "model." + side + ".layer_norm");
  out.push_back(
      source.take(side + "/position_encodings/encodings", "model." + side + ".embed_positions.weight"));
  return count;
}

// ---- configs

// Ids of the special tokens by name, from tokenizer.json's added tokens.
std::map<std::string, std::int64_t> special_ids(const fs::path& file, const std::string& text) {
  const json root = json::parse(text, nullptr, false);
  std::map<std::string, std::int64_t> ids;
  if (!root.is_object() || !root.contains("added_tokens") || !root["added_tokens"].is_array()) {
    fail(file.string(), "expected a JSON object with an array added_tokens");
  }
  for (const json& token : root["added_tokens"]) {
    if (!token.is_object() || !token.contains("content") || !token["content"].is_string() ||
        !token.contains("id") || !token["id"].is_number_integer()) {
      fail(file.string(), "added_tokens: expected objects with id and content");
    }
    ids[token["content"].get<std::string>()] = token["id"].get<std::int64_t>();
  }
  for (const char* name : {"<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>", "<|startofprev|>"}) {
    if (!ids.contains(name)) fail(file.string(), std::string("added_tokens: ") + name + " is missing");
  }
  return ids;
}

json read_object(const fs::path& file) {
  json root = json::parse(read_text_file(file), nullptr, false);
  if (!root.is_object()) fail(file.string(), "expected a JSON object");
  return root;
}

// A list of integers of the source's config.json, or null.
json list_of(const json& config, const char* key, const fs::path& file) {
  if (!config.contains(key) || config[key].is_null()) return nullptr;
  if (!config[key].is_array())
    fail(file.string(), std::string("key ") + key + ": expected an array, received " + config[key].dump());
  return config[key];
}

json make_generation_config(const fs::path& folder, const std::map<std::string, std::int64_t>& ids,
                            bool multilingual, std::int64_t context) {
  const fs::path file = folder / "config.json";
  const json source = read_object(file);
  json config = {{"bos_token_id", ids.at("<|endoftext|>")},
                 {"decoder_start_token_id", ids.at("<|startoftranscript|>")},
                 {"eos_token_id", ids.at("<|endoftext|>")},
                 {"pad_token_id", ids.at("<|endoftext|>")},
                 {"no_timestamps_token_id", ids.at("<|notimestamps|>")},
                 {"prev_sot_token_id", ids.at("<|startofprev|>")},
                 {"is_multilingual", multilingual},
                 {"max_initial_timestamp_index", 50},
                 {"max_length", context},
                 {"return_timestamps", false}};
  const std::array<std::pair<const char*, const char*>, 3> lists{
      {{"suppress_ids", "suppress_tokens"},
       {"suppress_ids_begin", "begin_suppress_tokens"},
       {"alignment_heads", "alignment_heads"}}};
  for (const auto& [from, to] : lists) {
    json list = list_of(source, from, file);
    if (!list.is_null()) config[to] = std::move(list);
  }
  if (!multilingual) return config;
  json languages = json::object();
  const std::int64_t after = ids.at("<|startoftranscript|>");
  const auto translate = ids.find("<|translate|>");
  if (translate == ids.end() || !ids.contains("<|transcribe|>"))
    fail((folder / "tokenizer.json").string(), "added_tokens: <|translate|> or <|transcribe|> is missing");
  for (const auto& [name, id] : ids) {  // the languages stand between the start and the tasks
    if (id > after && id < std::min(translate->second, ids.at("<|transcribe|>"))) languages[name] = id;
  }
  config["lang_to_id"] = languages;
  config["task_to_id"] = {{"transcribe", ids.at("<|transcribe|>")}, {"translate", translate->second}};
  return config;
}

json make_preprocessor_config(std::int64_t mels) {
  return {{"feature_extractor_type", "WhisperFeatureExtractor"},
          {"processor_class", "WhisperProcessor"},
          {"feature_size", mels},
          {"sampling_rate", 16000},
          {"n_fft", 400},
          {"hop_length", 160},
          {"chunk_length", 30},
          {"n_samples", 480000},
          {"nb_max_frames", 3000},
          {"padding_side", "right"},
          {"padding_value", 0.0},
          {"return_attention_mask", false}};
}

void check_family(const Ct2Source& source) {
  if (source.model.spec != "WhisperSpec" || source.model.revision != 3) {
    source.fail("expected WhisperSpec revision 3, received " + source.model.spec + " revision " +
                std::to_string(source.model.revision));
  }
  for (const char* side : {"encoder", "decoder"}) {
    const std::string variable = std::string(side) + "/activation";
    if (source.has(variable) && source.scalar(variable) != kGelu) {
      source.fail("variable " + variable + ": expected 3 (GELU), received " +
                  std::to_string(source.scalar(variable)));
    }
  }
  const auto tied = source.model.aliases.find("decoder/projection/weight");
  if (tied == source.model.aliases.end() || tied->second != "decoder/embeddings/weight") {
    source.fail("decoder/projection/weight: expected an alias of decoder/embeddings/weight");
  }
}

}  // namespace

ImportedModel import_ctranslate2(const fs::path& folder) {
  Ct2Source source{FileMap::open(folder / "model.bin"), (folder / "model.bin").string(), {}};
  source.model = parse_ctranslate2(source.map->bytes(), source.name);
  check_family(source);

  ImportedModel model{"CTranslate2", "whisper", {}, {}};
  const Ct2Variable& embedding = source.get("decoder/embeddings/weight", 2);
  const Ct2Variable& conv = source.get("encoder/conv1/weight", 3);
  const std::int64_t width = embedding.extents[1];
  take_pair(source, model.tensors, "encoder/conv1", "model.encoder.conv1");
  take_pair(source, model.tensors, "encoder/conv2", "model.encoder.conv2");
  const std::int64_t encoder_layers = take_layers(source, model.tensors, "encoder", width);
  model.tensors.push_back(source.take("decoder/embeddings/weight", "model.decoder.embed_tokens.weight"));
  const std::int64_t decoder_layers = take_layers(source, model.tensors, "decoder", width);

  const std::string tokenizer = read_text_file(folder / "tokenizer.json");
  const auto ids = special_ids(folder / "tokenizer.json", tokenizer);
  const std::int64_t timestamps_end = ids.at("<|notimestamps|>") + 1 + kTimestampTokens;
  if (embedding.extents[0] < timestamps_end) {
    source.fail("variable decoder/embeddings/weight: expected at least " + std::to_string(timestamps_end) +
                " rows for tokenizer.json and the timestamps, received " +
                std::to_string(embedding.extents[0]));
  }
  const bool multilingual = embedding.extents[0] > 51864;  // the English-only models' vocabulary
  const std::int64_t context = source.get("decoder/position_encodings/encodings", 2).extents[0];
  const json generation = make_generation_config(folder, ids, multilingual, context);
  json config = {{"architectures", {"WhisperForConditionalGeneration"}},
                 {"model_type", "whisper"},
                 {"is_encoder_decoder", true},
                 {"activation_function", "gelu"},
                 {"d_model", width},
                 {"vocab_size", embedding.extents[0]},
                 {"num_mel_bins", conv.extents[1]},
                 {"encoder_layers", encoder_layers},
                 {"decoder_layers", decoder_layers},
                 {"encoder_attention_heads", source.scalar("encoder/num_heads")},
                 {"decoder_attention_heads", source.scalar("decoder/num_heads")},
                 {"encoder_ffn_dim", source.get("encoder/layer_0/ffn/linear_0/weight", 2).extents[0]},
                 {"decoder_ffn_dim", source.get("decoder/layer_0/ffn/linear_0/weight", 2).extents[0]},
                 {"max_source_positions", source.get("encoder/position_encodings/encodings", 2).extents[0]},
                 {"max_target_positions", context},
                 {"max_length", context},
                 {"scale_embedding", false},
                 {"tie_word_embeddings", true},
                 {"num_hidden_layers", encoder_layers},
                 {"median_filter_width", 7},
                 {"use_cache", true},
                 {"torch_dtype", embedding.type == Ct2Type::kF16    ? "float16"
                                 : embedding.type == Ct2Type::kBF16 ? "bfloat16"
                                                                    : "float32"}};
  for (const char* key : {"bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id",
                          "suppress_tokens", "begin_suppress_tokens"}) {
    if (generation.contains(key)) config[key] = generation[key];
  }
  const json tokenizer_config = {{"tokenizer_class", "WhisperTokenizer"},
                                 {"bos_token", "<|endoftext|>"},
                                 {"eos_token", "<|endoftext|>"},
                                 {"pad_token", "<|endoftext|>"},
                                 {"unk_token", "<|endoftext|>"},
                                 {"model_max_length", 1024},
                                 {"add_prefix_space", false},
                                 {"errors", "replace"},
                                 {"processor_class", "WhisperProcessor"}};
  model.files["config.json"] = config.dump(2) + "\n";
  model.files["generation_config.json"] = generation.dump(2) + "\n";
  model.files["preprocessor_config.json"] = make_preprocessor_config(conv.extents[1]).dump(2) + "\n";
  model.files["tokenizer_config.json"] = tokenizer_config.dump(2) + "\n";
  model.files["tokenizer.json"] = tokenizer;
  return model;
}

}  // namespace vedette::models::weights
