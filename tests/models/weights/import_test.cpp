#include "models/weights/import.h"

#include <gmock/gmock.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "models/text/tokenizer.h"
#include "models/weights/weight_table.h"
#include "tests/models/weights/model_files.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/thrown_message.h"

namespace vedette::models::weights {
namespace {

using nlohmann::json;
using test::TemporaryFolder;
using test::thrown_message;
using testing::ElementsAre;
using testing::HasSubstr;

json read_json(const std::filesystem::path& file) {
  return json::parse(std::ifstream(file));
}

TEST(ImportGguf, MakesAWholeModelFolder) {
  const TemporaryFolder folder;
  const auto made = folder.path() / "tiny";
  const auto summary = import_model(folder.write("tiny.gguf", tiny_llama().build()), made);
  EXPECT_EQ(summary.model_type, "llama");
  EXPECT_EQ(summary.tensors, 11U);

  const json config = read_json(made / "config.json");
  EXPECT_EQ(config["rms_norm_eps"], 1e-5);  // and not the nearest f32's long form
  EXPECT_EQ(config["num_key_value_heads"], 1);
  EXPECT_EQ(config["vocab_size"], 6);
  EXPECT_EQ(config["tie_word_embeddings"], true);
  EXPECT_EQ(read_json(made / "generation_config.json")["eos_token_id"], 0);

  const auto tokenizer = text::Tokenizer::load(made);
  EXPECT_THAT(tokenizer.encode("ab <|end|><tool>", true), ElementsAre(3, 5, 0, 4));
  EXPECT_TRUE(tokenizer.is_special(0));
  EXPECT_FALSE(tokenizer.is_special(4));
}

TEST(ImportGguf, UndoesTheRotaryOrderOfQAndKOnly) {
  const TemporaryFolder folder;
  GgufBuilder file = tiny_llama();
  import_model(folder.write("tiny.gguf", file.build()), folder.path() / "tiny");
  const WeightTable table = WeightTable::open(folder.path() / "tiny");
  // Heads of size 2 keep their order: rows 2i and 2i + 1 are the two halves already.
  EXPECT_THAT(table.read_f32("model.layers.0.self_attn.v_proj.weight", {2, 4}).as<float>(),
              ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));

  GgufBuilder wide;  // one head of 4: file rows 0 1 2 3 are the published rows 0 2 1 3
  wide.text("general.architecture", "llama")
      .integer("llama.block_count", 1)
      .integer("llama.embedding_length", 4);
  wide.integer("llama.feed_forward_length", 4)
      .integer("llama.attention.head_count", 1)
      .integer("llama.context_length", 16);
  wide.number("llama.attention.layer_norm_rms_epsilon", 1e-5F).text("tokenizer.ggml.model", "gpt2");
  wide.texts("tokenizer.ggml.tokens", {"a"}).texts("tokenizer.ggml.merges", {});
  wide.tensor("token_embd.weight", {1, 4}, 0, floats(4)).tensor("blk.0.attn_q.weight", {4, 1}, 0, floats(4));
  wide.tensor("blk.0.attn_k.bias", {4}, 0, floats(4)).tensor("blk.0.attn_v.bias", {4}, 0, floats(4));
  import_model(folder.write("wide.gguf", wide.build()), folder.path() / "wide");
  const WeightTable rotated = WeightTable::open(folder.path() / "wide");
  EXPECT_THAT(rotated.read_f32("model.layers.0.self_attn.q_proj.weight", {4, 1}).as<float>(),
              ElementsAre(0, 2, 1, 3));
  EXPECT_THAT(rotated.read_f32("model.layers.0.self_attn.k_proj.bias", {4}).as<float>(),
              ElementsAre(0, 2, 1, 3));
  EXPECT_THAT(rotated.read_f32("model.layers.0.self_attn.v_proj.bias", {4}).as<float>(),
              ElementsAre(0, 1, 2, 3));
}

std::string gguf_message(const std::function<void(GgufBuilder&)>& change) {
  const TemporaryFolder folder;
  GgufBuilder file;
  change(file);
  const auto source = folder.write("t.gguf", file.build());
  const std::string message = thrown_message([&] { import_model(source, folder.path() / "made"); });
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "made"));
  return message;
}

TEST(ImportGguf, SaysWhatItCannotDo) {
  EXPECT_THAT(gguf_message([](auto& f) { f.text("general.architecture", "mamba"); }),
              HasSubstr("key general.architecture: expected llama, received mamba"));
  EXPECT_THAT(gguf_message([](auto& f) { f.text("general.architecture", "llama"); }),
              HasSubstr("key llama.block_count: expected an integer, but it is missing"));
  EXPECT_THAT(gguf_message([](auto& f) { f = tiny_llama().text("llama.rope.scaling.type", "yarn"); }),
              HasSubstr("llama.rope.scaling.type: expected none, received yarn"));
  EXPECT_THAT(gguf_message([](auto& f) { f = tiny_llama().tensor("rope_freqs.weight", {1}, 0, floats(1)); }),
              HasSubstr("tensor rope_freqs.weight: not one of the Llama family"));
  EXPECT_THAT(gguf_message([](auto& f) { f = tiny_llama().tensor("blk.0.attn_q.bias", {3}, 0, floats(3)); }),
              HasSubstr("tensor blk.0.attn_q.bias: expected rows of whole heads of 2, received 3"));
  EXPECT_THAT(gguf_message([](auto& f) { f = tiny_llama().integer("tokenizer.ggml.padding_token_id", 6); }),
              HasSubstr("there is no token 6"));
}

TEST(ImportGguf, ASecondNameForTheSameTensorIsAnError) {
  EXPECT_THAT(gguf_message([](auto& f) { f = tiny_llama().tensor("output_norm.weight", {4}, 0, floats(4)); }),
              HasSubstr("is named twice"));
}

class ImportWhisper : public testing::Test {
 protected:
  std::filesystem::path write(const Ct2Builder& file) {
    folder_.write("src/model.bin", file.build());
    folder_.write(
        "src/config.json",
        R"({"suppress_ids": [1, 2], "suppress_ids_begin": [3], "alignment_heads": [[0, 0]], "lang_ids": [9]})");
    folder_.write("src/tokenizer.json", kTinyWhisperTokenizer);
    return folder_.path() / "src";
  }
  std::string message(const Ct2Builder& file) {
    const auto source = write(file);
    return thrown_message([&] { import_model(source, folder_.path() / "made"); });
  }
  const TemporaryFolder folder_;
};

TEST_F(ImportWhisper, MakesAWholeModelFolder) {
  const auto made = folder_.path() / "made";
  import_model(write(tiny_whisper()), made);
  const WeightTable table = WeightTable::open(made);
  EXPECT_THAT(table.read_f32("model.encoder.layers.0.self_attn.q_proj.weight", {2, 2}).as<float>(),
              ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(table.read_f32("model.encoder.layers.0.self_attn.k_proj.weight", {2, 2}).as<float>(),
              ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(table.read_f32("model.encoder.layers.0.self_attn.v_proj.bias", {2}).as<float>(),
              ElementsAre(104, 105));
  EXPECT_FALSE(table.contains("model.encoder.layers.0.self_attn.k_proj.bias"));
  EXPECT_THAT(table.read_f32("model.decoder.layers.0.encoder_attn.v_proj.weight", {2, 2}).as<float>(),
              ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(table.read_f32("model.decoder.layers.0.fc2.weight", {2, 4})
                  .as<float>(),  // int8: value = stored / its row's scale
              ElementsAre(0.5F, 1.0F, 1.5F, 2.0F, -1.0F / 3.0F, -2.0F / 3.0F, -1.0F, -4.0F / 3.0F));
  EXPECT_FALSE(table.contains("proj_out.weight"));

  const json config = read_json(made / "config.json");
  EXPECT_EQ(config["num_mel_bins"], 4);
  EXPECT_EQ(config["encoder_layers"], 1);
  EXPECT_EQ(config["max_target_positions"], 3);
  const json generation = read_json(made / "generation_config.json");
  EXPECT_EQ(generation["suppress_tokens"], json({1, 2}));
  EXPECT_EQ(generation["alignment_heads"], json::parse("[[0, 0]]"));
  EXPECT_EQ(generation["no_timestamps_token_id"], 4);
  EXPECT_FALSE(generation.contains("lang_to_id"));
  EXPECT_EQ(read_json(made / "preprocessor_config.json")["feature_size"], 4);
}

TEST_F(ImportWhisper, SaysWhatIsWrong) {
  Ct2Builder other = tiny_whisper();
  other.spec = "TransformerSpec";
  EXPECT_THAT(message(other),
              HasSubstr("expected WhisperSpec revision 3, received TransformerSpec revision 3"));
  EXPECT_THAT(message(Ct2Builder()), HasSubstr("decoder/projection/weight: expected an alias"));
  Ct2Builder tanh = tiny_whisper();
  EXPECT_THAT(message(tanh.variable("encoder/activation", {}, kCt2I8, "\1")),
              HasSubstr("encoder/activation: expected 3 (GELU), received 1"));
  write(tiny_whisper());
  folder_.write("src/tokenizer.json", R"({"added_tokens": []})");
  const auto import = [&] { import_model(folder_.path() / "src", folder_.path() / "made"); };
  EXPECT_THAT(thrown_message(import), HasSubstr("added_tokens: <|endoftext|> is missing"));
  std::filesystem::remove(folder_.path() / "src/tokenizer.json");
  EXPECT_THAT(thrown_message(import), HasSubstr("tokenizer.json: cannot open"));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "made"));
}

TEST_F(ImportWhisper, SaysWhichVariableIsMissing) {
  for (const char* gone :
       {"encoder/conv1/bias", "decoder/layer_0/attention/linear_1/weight", "encoder/num_heads"}) {
    std::string file = tiny_whisper().build();
    file.replace(file.find(gone), 3, "xxx");
    folder_.write("src/model.bin", file);
    write(tiny_whisper());
    folder_.write("src/model.bin", file);
    EXPECT_THAT(thrown_message([&] { import_model(folder_.path() / "src", folder_.path() / "made"); }),
                HasSubstr(std::string("variable ") + gone + " is missing"));
  }
}

TEST(Import, LeavesWhatIsThereAlone) {
  const TemporaryFolder folder;
  const auto source = folder.write("tiny.gguf", tiny_llama().build());
  folder.write("made/file", "x");
  EXPECT_THAT(thrown_message([&] { import_model(source, folder.path() / "made"); }),
              HasSubstr("made: exists already"));
  std::filesystem::create_directory(folder.path() / "empty");
  import_model(folder.path(), folder.path() / "empty/");  // a folder with one .gguf, and a closing slash
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "empty/config.json"));
}

TEST(Import, SaysWhatIsNoModel) {
  const TemporaryFolder folder;
  const auto import = [&](const char* source) {
    return thrown_message([&] { import_model(folder.path() / source, folder.path() / "made"); });
  };
  EXPECT_THAT(import("gone"), HasSubstr("gone: does not exist"));
  EXPECT_THAT(import(""), HasSubstr("expected a .gguf file, or a CTranslate2 folder"));
  folder.write("text.gguf", "hello");
  EXPECT_THAT(import("text.gguf"), HasSubstr("text.gguf: not a GGUF file"));
  folder.write("other.gguf", "hello");
  EXPECT_THAT(import(""), HasSubstr("expected one .gguf file, received several"));
}

}  // namespace
}  // namespace vedette::models::weights
