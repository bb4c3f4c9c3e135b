#include "models/language/decoder_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

namespace vedette::models::language {
namespace {

using testing::HasSubstr;

std::string message_of(const std::string& json) {
  try {
    parse_decoder_config(json, "some/config.json");
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

TEST(DecoderConfig, FillsInTheClassDefaults) {
  const auto config = parse_decoder_config(R"({"model_type": "llama"})", "c");
  EXPECT_EQ(config.vocabulary, 32000);
  EXPECT_EQ(config.kv_heads, 32);
  EXPECT_EQ(config.head_dim, 128);
  EXPECT_FALSE(config.tied_embeddings);
  EXPECT_FLOAT_EQ(config.rope.rate[0], 1.0F);
  EXPECT_NEAR(config.rope.rate[63], std::pow(10000.0, -126.0 / 128.0), 1e-9);
}

TEST(DecoderConfig, ReadsBothSpellingsOfRope) {
  const auto published = parse_decoder_config(
      R"({"model_type": "llama", "rope_theta": 500000.0, "rope_scaling": {"type": "linear", "factor": 4}})",
      "c");
  const auto saved = parse_decoder_config(
      R"({"model_type": "llama", "rope_parameters": {"rope_theta": 500000.0, "rope_type": "linear", "factor": 4.0}})",
      "c");
  EXPECT_EQ(published.rope.rate, saved.rope.rate);
  EXPECT_FLOAT_EQ(saved.rope.rate[0], 0.25F);
}

TEST(DecoderConfig, EndTokensAreOneOrAList) {
  EXPECT_THAT(parse_end_tokens(R"({"eos_token_id": 2})", "c", 10), testing::ElementsAre(2));
  EXPECT_THAT(parse_end_tokens(R"({"eos_token_id": [2, 7]})", "c", 10), testing::ElementsAre(2, 7));
  EXPECT_THAT(parse_end_tokens(R"({"eos_token_id": null})", "c", 10), testing::IsEmpty());
  EXPECT_THROW(parse_end_tokens(R"({"eos_token_id": [2, "x"]})", "c", 10), std::runtime_error);
}

TEST(DecoderConfig, SaysFileKeyExpectedAndReceived) {
  EXPECT_THAT(message_of("[1]"), HasSubstr("some/config.json: not a JSON object"));
  EXPECT_THAT(message_of("{"), HasSubstr("some/config.json"));
  EXPECT_THAT(message_of(R"({"model_type": "mamba"})"),
              HasSubstr("model_type: expected llama, received \"mamba\""));
  EXPECT_THAT(message_of(R"({"model_type": "llama", "hidden_size": "wide"})"),
              HasSubstr("hidden_size: expected a whole number, received \"wide\""));
  EXPECT_THAT(message_of(R"({"model_type": "llama", "num_hidden_layers": -1})"),
              HasSubstr("num_hidden_layers"));
  EXPECT_THAT(message_of(R"({"model_type": "llama", "num_attention_heads": 9, "num_key_value_heads": 2})"),
              HasSubstr("num_key_value_heads: expected a divisor of 9, received 2"));
  EXPECT_THAT(message_of(R"({"model_type": "llama", "hidden_size": 8, "num_attention_heads": 16})"),
              HasSubstr("head_dim"));
  EXPECT_THAT(message_of(R"({"model_type": "llama", "rope_scaling": {"type": "yarn", "factor": 2}})"),
              HasSubstr("rope_scaling: type: expected default, linear or llama3, received \"yarn\""));
  EXPECT_THAT(
      message_of(R"({"model_type": "llama", "rope_parameters": {"rope_type": "llama3", "factor": 8}})"),
      HasSubstr("low_freq_factor: expected a number, received nothing"));
  EXPECT_THAT(message_of(R"({"model_type": "llama", "eos_token_id": 99999})"), HasSubstr("eos_token_id"));
}

}  // namespace
}  // namespace vedette::models::language
