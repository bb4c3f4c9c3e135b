// Idefics3 and SmolVLM folders through `models eval`, and decoders with LoRA adapters, against transformers
// and PEFT.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "models/language/model_folder.h"
#include "models/runtime/eval.h"
#include "models/weights/lora.h"
#include "models/weights/safetensors_writer.h"
#include "models/weights/weight_table.h"

namespace vedette::models::runtime {
namespace {

namespace fs = std::filesystem;

fs::path golden(const std::string& name) {
  return fs::path(VEDETTE_SOURCE_DIR) / "tests/golden/idefics3" / name;
}

class EvalIdefics3 : public testing::TestWithParam<std::string> {
 protected:
  EvalIdefics3() : scratch_(fs::path(testing::TempDir()) / ("eval-idefics3-" + std::to_string(::getpid()))) {
    fs::create_directories(scratch_);
  }
  ~EvalIdefics3() override { fs::remove_all(scratch_); }

  weights::WeightTable run(const fs::path& model, tensor::DType dtype) const {
    eval_folder(model, model / "inputs.safetensors", scratch_ / "out.tensors",
                {.dtype = dtype, .generate = 8, .threads = 2});
    return weights::WeightTable::open_file(scratch_ / "out.tensors");
  }
  fs::path scratch_;
};
INSTANTIATE_TEST_SUITE_P(Cases, EvalIdefics3,
                         testing::Values("smolvlm_two_tiles", "idefics3_padded", "llama_lora", "llama_rslora",
                                         "llama_patterns"));

TEST_P(EvalIdefics3, F32IsTheReferences) {
  const auto expected = weights::WeightTable::open_file(golden(GetParam()) / "outputs.safetensors");
  const auto received = run(golden(GetParam()), tensor::DType::kF32);
  for (const auto& [name, weight] : expected.all()) {
    const auto& ours = received.get(name, weight.view.shape()).view;
    if (weight.view.dtype() == tensor::DType::kI64) {
      EXPECT_THAT(ours.as<std::int64_t>(), testing::ElementsAreArray(weight.view.as<std::int64_t>())) << name;
      continue;
    }
    float worst = 0.0F;
    for (std::size_t i = 0; i < ours.as<float>().size(); ++i)
      worst = std::max(worst, std::abs(ours.as<float>()[i] - weight.view.as<float>()[i]));
    EXPECT_LE(worst, 1e-4F) << name;
  }
}

TEST_P(EvalIdefics3, Bf16IsClose) {
  const auto expected = weights::WeightTable::open_file(golden(GetParam()) / "outputs.safetensors");
  const auto received = run(golden(GetParam()), tensor::DType::kBF16);
  for (const auto& [name, weight] : expected.all()) {
    if (weight.view.dtype() != tensor::DType::kF32) continue;
    const auto ours = received.get(name, weight.view.shape()).view.as<float>();
    double error = 0.0, power = 0.0;
    for (std::size_t i = 0; i < ours.size(); ++i) {
      const double theirs = static_cast<double>(weight.view.as<float>()[i]);
      error += (static_cast<double>(ours[i]) - theirs) * (static_cast<double>(ours[i]) - theirs);
      power += theirs * theirs;
    }
    EXPECT_LE(error, 1e-2 * power) << name;
  }
}

// A copy of the golden adapter, which a test spoils.
class SpoiltAdapter : public testing::Test {
 protected:
  SpoiltAdapter() : folder_(fs::path(testing::TempDir()) / ("lora-" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::copy(golden("llama_lora"), folder_);
    std::ifstream file(folder_ / "adapter_config.json");
    config_.assign(std::istreambuf_iterator<char>(file), {});
  }
  ~SpoiltAdapter() override { fs::remove_all(folder_); }

  std::string message() const {
    try {
      weights::WeightTable::open(folder_);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "no error";
  }
  std::string with_config(const std::string& from, const std::string& to) const {
    std::string text = config_;
    const auto at = text.find(from);
    if (at == std::string::npos) return "the config has no " + from;
    std::ofstream(folder_ / "adapter_config.json") << text.replace(at, from.size(), to);
    return message();
  }
  std::string with_tensor(const std::string& name, tensor::Shape shape) const {
    const tensor::Tensor tensor = tensor::Tensor::zeros(tensor::DType::kF32, shape);
    const auto kept = weights::WeightTable::open_file(golden("llama_lora") / "adapter_model.safetensors");
    std::vector<weights::NamedTensor> named;
    for (const auto& [key, weight] : kept.all()) {
      if (key != name) named.push_back({key, weight.view});
    }
    if (shape.count() > 0) named.push_back({name, tensor.view()});
    weights::write_safetensors(folder_ / "adapter_model.safetensors", named);
    return message();
  }
  fs::path folder_;
  std::string config_;
};

TEST_F(SpoiltAdapter, IsRefusedNamingKeyOrTensor) {
  using testing::AllOf;
  using testing::HasSubstr;
  EXPECT_EQ(message(), "no error");
  EXPECT_THAT(with_config("\"LORA\"", "\"IA3\""), HasSubstr("peft_type: expected LORA"));
  EXPECT_THAT(with_config("\"use_dora\": false", "\"use_dora\": true"), HasSubstr("use_dora"));
  for (const std::string key : {"fan_in_fan_out", "lora_bias", "use_qalora"})
    EXPECT_THAT(with_config("\"" + key + "\": false", "\"" + key + "\": true"),
                HasSubstr(key + ": expected false"));
  for (const std::string key :
       {"layer_replication", "trainable_token_indices", "target_parameters", "arrow_config", "kasa_config",
        "monteclora_config", "alora_invocation_tokens"})
    EXPECT_THAT(with_config("\"" + key + "\": null", "\"" + key + "\": [1]"),
                HasSubstr(key + ": expected null"));
  EXPECT_THAT(with_config("\"init_lora_weights\": true", "\"init_lora_weights\": \"pissa\""),
              HasSubstr("init_lora_weights: expected true"));
  EXPECT_EQ(with_config("\"init_lora_weights\": true", "\"init_lora_weights\": \"gaussian\""), "no error");
  const std::string pattern = "\"layers.1.mlp.down_proj\": 3";
  EXPECT_THAT(with_config(pattern, "\"layers.*.down_proj\": 3"),
              HasSubstr("layers.*.down_proj: expected a module's"));
  EXPECT_THAT(with_config(pattern, pattern + ", \"down_proj\": 4"),
              AllOf(HasSubstr("as both fit"), HasSubstr("layers.1.mlp.down_proj")));
  EXPECT_EQ(with_config(pattern, pattern + ", \"v_proj\": 4"), "no error");
  EXPECT_THAT(with_config("\"lora_alpha\": 10", "\"lora_alpha\": -1"), HasSubstr("lora_alpha"));
  EXPECT_EQ(with_config("LORA", "LORA"), "no error");
  const std::string module = "base_model.model.model.layers.0.self_attn.q_proj";
  EXPECT_THAT(with_tensor(module + ".lora_B.weight", {32, 5}),
              AllOf(HasSubstr(module), HasSubstr("received [4, 32] and [32, 5]")));
  EXPECT_THAT(with_tensor(module + ".lora_B.weight", {31, 4}), HasSubstr("received [31, 32]"));
  EXPECT_THAT(with_tensor(module + ".lora_B.weight", {0}), HasSubstr("lora_B.weight is missing"));
  EXPECT_THAT(with_tensor("base_model.model.model.layers.7.mlp.up_proj.weight", {48, 32}),
              HasSubstr("layers.7.mlp.up_proj"));
  EXPECT_THAT(with_tensor("base_model.model.model.embed_tokens.lora_embedding_A", {4, 64}),
              HasSubstr("lora_embedding_A"));
}

TEST_F(SpoiltAdapter, WholeTensorsReplaceTheBases) {
  EXPECT_EQ(with_tensor("base_model.model.model.norm.weight", {32}), "no error");
  const auto table = weights::WeightTable::open(folder_);
  EXPECT_THAT(table.read_f32("model.norm.weight", {32}).as<float>(), testing::Each(0.0F));
}

}  // namespace
}  // namespace vedette::models::runtime
