#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/byte_tokenizer.h"
#include "tests/support/temporary_folder.h"

namespace vedette::tests {

// The golden model of 64 tokens, with what a published folder has beside the weights.
class SmolVlmFolder {
 public:
  // `edge`: to which its processor brings the longer side, in tiles of 32.
  explicit SmolVlmFolder(int edge = 64) {
    const std::filesystem::path golden =
        std::filesystem::path(VEDETTE_SOURCE_DIR) / "tests/golden/idefics3/smolvlm_two_tiles";
    for (const char* name : {"config.json", "generation_config.json", "model.safetensors"})
      std::filesystem::copy_file(golden / name, folder_.path() / name);
    folder_.write("preprocessor_config.json", std::string(R"({"image_processor_type": "SmolVLMImageProcessor",
      "do_image_splitting": true, "do_resize": true, "do_rescale": true, "do_normalize": true, "do_pad": true,
      "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 1,
      "rescale_factor": 0.00392156862745098, "max_image_size": {"longest_edge": 32}, "size": {"longest_edge": )") +
                                                  std::to_string(edge) + "}}");
    folder_.write("tokenizer.json", tokenizer());
    folder_.write("tokenizer_config.json",
                  nlohmann::json{{"chat_template",
                                  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
                                  "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
                                  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"}}
                      .dump());
    folder_.write("prompt_layout.json", R"({"narrates": true})");
  }
  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  // Small letters, digits and what the prompt's lines are made of; other bytes have no token.
  static std::string tokenizer() {
    nlohmann::json vocabulary;
    int id = 3;
    for (const char c : std::string("abcdefghijklmnopqrstuvwxyz0123456789[].,=-?"))
      vocabulary[std::string(1, c)] = id++;
    vocabulary["\u0120"] = id++;
    vocabulary["\u010a"] = id++;
    nlohmann::json root = tests::byte_level(std::move(vocabulary));
    id = 56;
    for (const char* special :
         {"<fake_token_around_image>", "<global-img>", "<|im_start|>", "<|im_end|>", "<image>"}) {
      root["added_tokens"].push_back({{"id", id++}, {"content", special}, {"special", true}});
    }
    return root.dump();
  }
  test::TemporaryFolder folder_;
};

}  // namespace vedette::tests
