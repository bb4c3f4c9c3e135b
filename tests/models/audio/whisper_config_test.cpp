#include "models/audio/whisper_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/temporary_folder.h"

namespace vedette::models::audio {
namespace {

using nlohmann::json;

json small_config() {
  return {{"model_type", "whisper"},
          {"num_mel_bins", 80},
          {"d_model", 384},
          {"encoder_layers", 4},
          {"encoder_attention_heads", 6},
          {"decoder_layers", 4},
          {"decoder_attention_heads", 6},
          {"encoder_ffn_dim", 1536},
          {"decoder_ffn_dim", 1536},
          {"max_source_positions", 1500},
          {"max_target_positions", 448},
          {"vocab_size", 51864},
          {"eos_token_id", 50256},
          {"decoder_start_token_id", 50257}};
}

class WhisperConfigFile : public testing::Test {
 protected:
  WhisperConfig load(const json& config, const json& generation = nullptr) {
    std::ofstream(folder_.path() / "config.json") << config;
    if (!generation.is_null()) std::ofstream(folder_.path() / "generation_config.json") << generation;
    return WhisperConfig::load(folder_.path());
  }
  std::string message(const json& config, const json& generation = nullptr) {
    try {
      load(config, generation);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }

  test::TemporaryFolder folder_;
};

TEST_F(WhisperConfigFile, KnowsTheEnglishVocabularyFromItsSize) {
  const WhisperConfig config = load(small_config());
  EXPECT_EQ(config.tokens.no_timestamps, 50362);
  EXPECT_EQ(config.tokens.no_speech, 50361);
  EXPECT_EQ(config.tokens.previous, 50360);
  EXPECT_EQ(config.tokens.first_timestamp, 50363);
  EXPECT_FALSE(config.tokens.multilingual);
  EXPECT_FALSE(config.tokens.max_initial_timestamp.has_value());
  EXPECT_EQ(config.alignment_heads.size(), 12U);  // all heads of the upper two layers
}

TEST_F(WhisperConfigFile, ReadsAMultilingualGenerationConfig) {
  json config = small_config();
  config["vocab_size"] = 51865;
  const WhisperConfig loaded = load(config, {{"no_timestamps_token_id", 50363},
                                             {"eos_token_id", 50257},
                                             {"decoder_start_token_id", 50258},
                                             {"is_multilingual", true},
                                             {"lang_to_id", {{"<|en|>", 50259}, {"<|de|>", 50261}}},
                                             {"task_to_id", {{"transcribe", 50359}, {"translate", 50358}}},
                                             {"suppress_tokens", {1, 2}},
                                             {"begin_suppress_tokens", {220, 50257}},
                                             {"alignment_heads", {{3, 1}, {2, 5}}},
                                             {"max_initial_timestamp_index", 50}});
  EXPECT_EQ(loaded.tokens.end, 50257);
  EXPECT_EQ(loaded.tokens.transcribe, 50359);
  EXPECT_THAT(loaded.tokens.languages,
              testing::UnorderedElementsAre(std::pair<std::string, std::int32_t>("en", 50259),
                                            std::pair<std::string, std::int32_t>("de", 50261)));
  EXPECT_THAT(loaded.alignment_heads, testing::ElementsAre(std::pair(3, 1), std::pair(2, 5)));
  EXPECT_EQ(loaded.tokens.max_initial_timestamp, 50);
}

TEST_F(WhisperConfigFile, SaysWhatIsWrong) {
  json config = small_config();
  config.erase("d_model");
  EXPECT_THAT(message(config),
              testing::AllOf(testing::HasSubstr("config.json"), testing::HasSubstr("d_model"),
                             testing::HasSubstr("received nothing")));
  config = small_config();
  config["model_type"] = "llama";
  EXPECT_THAT(message(config), testing::HasSubstr("model_type: expected \"whisper\", received \"llama\""));
  config = small_config();
  config["encoder_attention_heads"] = 7;
  EXPECT_THAT(message(config), testing::HasSubstr("a divisor of d_model"));
  config = small_config();
  config["vocab_size"] = -1;
  EXPECT_THAT(message(config), testing::HasSubstr("vocab_size"));
  EXPECT_THAT(message(small_config(), {{"suppress_tokens", {99999999}}}),
              testing::HasSubstr("suppress_tokens"));
  EXPECT_THAT(message(small_config(), {{"alignment_heads", {{9, 0}}}}),
              testing::HasSubstr("alignment_heads"));
  std::ofstream(folder_.path() / "generation_config.json") << "[";
  EXPECT_THAT(message(small_config()), testing::HasSubstr("not a JSON object"));
}

}  // namespace
}  // namespace vedette::models::audio
