// vedette models ... on tiny folders: what it prints, and how it ends.
#include <gmock/gmock.h>

#include <array>
#include <nlohmann/json.hpp>

#include "models/weights/safetensors_writer.h"
#include "tests/cli/vedette.h"
#include "tests/models/weights/model_files.h"
#include "tests/support/temporary_folder.h"

namespace vedette::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class ModelsCommand : public testing::Test {
 protected:
  void SetUp() override {
    const auto source = folder_.write("tiny.gguf", models::weights::tiny_llama().build());
    const auto made = vedette({"models", "import", source, model(), "--json"});
    ASSERT_EQ(made.code, 0) << made.err;
    EXPECT_EQ(json::parse(made.out)["tensors"], 11);
  }
  std::string model() const { return (folder_.path() / "tiny").string(); }
  // Runs with an empty cache, so that no fetched model is found.
  ProgramResult run(std::vector<std::string> arguments, const std::string& input = "") const {
    return vedette(std::move(arguments), input, {"XDG_CACHE_HOME=" + (folder_.path() / "cache").string()});
  }
  const TemporaryFolder folder_;
};

TEST_F(ModelsCommand, AMissingModelEndsWithThree) {
  for (const char* command : {"inspect", "bench"}) {
    const auto result = run({"models", command, "no-such-model"});
    EXPECT_EQ(result.code, 3);
    EXPECT_EQ(result.err,
              "vedette: no-such-model: there is no such model folder (tools/fetch-models gets the models)\n");
  }
  EXPECT_EQ(run({"models", "tokenize", "no-such-model", "x"}).code, 3);
  EXPECT_EQ(run({"models", "render", "no-such-model", "-"}, "[]").code, 3);
  EXPECT_EQ(run({"models", "import", "/no/such.gguf", "x"}).code, 3);
}

TEST_F(ModelsCommand, AFetchedModelIsFoundByName) {
  std::filesystem::create_directories(folder_.path() / "cache/vedette/models");
  std::filesystem::rename(model(), folder_.path() / "cache/vedette/models/tiny");
  EXPECT_EQ(run({"models", "inspect", "tiny"}).code, 0);
}

TEST_F(ModelsCommand, ImportNeverOverwrites) {
  const auto again = run({"models", "import", folder_.path() / "tiny.gguf", model()});
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.err, HasSubstr("exists already"));
}

TEST_F(ModelsCommand, InspectShowsConfigAndTensors) {
  const auto text = run({"models", "inspect", model(), "--tensors"});
  EXPECT_EQ(text.code, 0);
  EXPECT_THAT(text.out, HasSubstr("llama, 11 tensors"));
  EXPECT_THAT(text.out, HasSubstr("hidden_size = 4"));
  EXPECT_THAT(text.out, HasSubstr("model.layers.0.self_attn.k_proj.weight f32 [2, 4]"));
  const json shown = json::parse(run({"models", "inspect", model(), "--json"}).out);
  EXPECT_EQ(shown["tensors"].size(), 11U);
  EXPECT_EQ(shown["tokenizer_size"], 6);
}

TEST_F(ModelsCommand, InspectSaysWhatIsBroken) {
  folder_.write("tiny/model.safetensors", "short");
  const auto truncated = run({"models", "inspect", model()});
  EXPECT_EQ(truncated.code, 1);
  EXPECT_THAT(truncated.err,
              HasSubstr("model.safetensors: not a safetensors file: expected at least 8 bytes, received 5"));
  folder_.write("tiny/config.json", "{");
  EXPECT_THAT(run({"models", "inspect", model()}).err, HasSubstr("config.json: expected a JSON object"));
  std::filesystem::remove(folder_.path() / "tiny/config.json");
  const auto missing = run({"models", "inspect", model()});
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("config.json: cannot open: No such file or directory"));
}

TEST_F(ModelsCommand, TokenizeTakesSpecialNamesOnlyWhenTold) {
  EXPECT_EQ(run({"models", "tokenize", model(), "ab <|end|>"}).out, "3 \"ab\"\n5 \" \"\n");
  EXPECT_EQ(run({"models", "tokenize", model(), "ab<|end|>", "--special"}).out, "3 \"ab\"\n0 \"<|end|>\"\n");
  const json shown = json::parse(run({"models", "tokenize", model(), "-", "--json"}, "ab").out);
  EXPECT_EQ(shown["ids"], json({3}));
  EXPECT_EQ(shown["text"], "ab");
}

TEST_F(ModelsCommand, RenderWantsMessagesAndAKnownTemplate) {
  const auto no_template = run({"models", "render", model(), "-"}, R"([{"role":"user","content":"a"}])");
  EXPECT_EQ(no_template.code, 1);
  EXPECT_THAT(no_template.err, HasSubstr("expected chat_template.jinja"));
  folder_.write("tiny/chat_template.jinja",
                "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + "
                "message['content'] + '<|im_end|>' + '\\n'}}"
                "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}");
  const auto file = folder_.write("messages.json", R"([{"role":"user","content":"a"}])");
  EXPECT_EQ(run({"models", "render", model(), file}).out,
            "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(run({"models", "render", model(), file, "--closed"}).out, "<|im_start|>user\na<|im_end|>\n");
  EXPECT_EQ(run({"models", "render", model(), file, "--ids"}).out,
            "1 \"a\"\n1 \"a\"\n1 \"a\"\n1 \"a\"\n1 \"a\"\n");
  for (const char* wrong : {"", "{}", "[1]", R"([{"role":"user"}])", R"([{"role":1,"content":"a"}])"}) {
    const auto result = run({"models", "render", model(), "-"}, wrong);
    EXPECT_EQ(result.code, 2) << wrong;
    EXPECT_THAT(result.err, HasSubstr("standard input: "));
  }
}

TEST_F(ModelsCommand, EvalRunsTheImportedModel) {
  models::tensor::Tensor ids(models::tensor::DType::kI64, {1, 3});
  const std::array<std::int64_t, 3> values{1, 2, 3};
  std::copy(values.begin(), values.end(), ids.as<std::int64_t>().begin());
  const std::array<models::weights::NamedTensor, 1> inputs{{{"input_ids", ids.view()}}};
  const auto in = (folder_.path() / "in.safetensors").string();
  const auto out = (folder_.path() / "out.safetensors").string();
  models::weights::write_safetensors(in, inputs);
  const auto result =
      run({"models", "eval", model(), "--inputs", in, "--outputs", out, "--dtype", "f32", "--generate", "2"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(std::filesystem::exists(out));
  std::filesystem::remove(folder_.path() / "tiny/model.safetensors");
  const auto missing = run({"models", "eval", model(), "--inputs", in, "--outputs", out});
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("tiny"));
}

}  // namespace
}  // namespace vedette::test
