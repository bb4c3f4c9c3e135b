#include "models/weights/gguf.h"

#include <gmock/gmock.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "tests/models/weights/model_files.h"
#include "tests/support/base64.h"
#include "tests/support/exact_bytes.h"
#include "tests/support/thrown_message.h"

namespace vedette::models::weights {
namespace {

using test::ExactBytes;
using test::thrown_message;
using testing::ElementsAre;
using testing::HasSubstr;

std::string message(const std::string& file) {
  return thrown_message([&] { parse_gguf(ExactBytes(file).span(), "t.gguf"); });
}

TEST(Gguf, ReadsMetadataAndTensors) {
  const std::string file = tiny_llama().build();
  const GgufHeader header = parse_gguf(ExactBytes(file).span(), "t.gguf");
  EXPECT_EQ(header.get<std::string>("general.architecture", "t"), "llama");
  EXPECT_EQ(header.get<std::int64_t>("llama.block_count", "t"), 1);
  EXPECT_THAT(header.get<std::vector<std::int64_t>>("tokenizer.ggml.token_type", "t"),
              ElementsAre(3, 1, 1, 1, 4, 1));
  ASSERT_EQ(header.tensors.size(), 11U);
  EXPECT_EQ(header.tensors[0].name, "token_embd.weight");
  EXPECT_THAT(header.tensors[0].extents, ElementsAre(6, 4));
  EXPECT_EQ(header.tensors[0].bytes, 96U);
}

TEST(Gguf, SaysWhichKeyIsMissingOrOfAnotherKind) {
  const GgufHeader header = parse_gguf(ExactBytes(tiny_llama().build()).span(), "t.gguf");
  EXPECT_THAT(thrown_message([&] { header.get<std::int64_t>("gone", "f"); }),
              HasSubstr("f: key gone: expected an integer, but it is missing"));
  EXPECT_THAT(thrown_message([&] { header.get<double>("general.architecture", "f"); }),
              HasSubstr("expected a number, received a string"));
  EXPECT_EQ(header.get_or<bool>("gone", true, "f"), true);
}

TEST(Gguf, EveryTruncationIsAnError) {
  const std::string file = tiny_llama().build();
  for (std::size_t size = 0; size + 32 < file.size(); ++size)
    ASSERT_NE(message(file.substr(0, size)), "nothing was thrown") << size;
}

TEST(Gguf, RefusesHostileCounts) {
  const auto with = [](auto change) {
    GgufBuilder file = tiny_llama();
    change(file);
    return message(file.build());
  };
  EXPECT_THAT(with([](auto& f) { f.version = 1; }), HasSubstr("expected GGUF version 2 or 3, received 1"));
  EXPECT_THAT(with([](auto& f) { f.tensor_count = 1ULL << 60; }),
              HasSubstr("number of tensors of 1152921504606846976"));
  EXPECT_THAT(with([](auto& f) { f.key_count = ~0ULL; }),
              HasSubstr("number of keys of 18446744073709551615"));
  EXPECT_THAT(with([](auto& f) { f.entry("k", 99, "xxxx"); }), HasSubstr("value type 99"));
  EXPECT_THAT(with([](auto& f) { f.entry("k", 8, std::string(8, '\x7f')); }), HasSubstr("string length of"));
  EXPECT_THAT(with([](auto& f) { f.entry("k", 9, std::string("\x09\0\0\0", 4) + std::string(8, '\1')); }),
              HasSubstr("no array of arrays"));
  EXPECT_THAT(with([](auto& f) { f.entry("k", 9, std::string("\x0a\0\0\0", 4) + std::string(8, '\x7f')); }),
              HasSubstr("array length of"));
  EXPECT_THAT(with([](auto& f) { f.entry("k", 10, std::string(8, '\xff')); }), HasSubstr("is past 2^63"));
  EXPECT_THAT(with([](auto& f) { f.integer("llama.block_count", 2); }),
              HasSubstr("key llama.block_count stands twice"));
  EXPECT_THAT(with([](auto& f) { f.integer("general.alignment", 0); }),
              HasSubstr("general.alignment: 0 is out of range"));
  EXPECT_THAT(with([](auto& f) {
                f.tensor("t", {1, 1, 1, 1, 1}, 0, "");
              }),
              HasSubstr("tensor t: expected at most 4 axes, received 5"));
  EXPECT_THAT(with([](auto& f) {
                f.tensor("t", {1ULL << 33, 1ULL << 33}, 0, "");
              }),
              HasSubstr("tensor t: an extent of"));
  EXPECT_THAT(
      with([](auto& f) { f.tensor("t", {4}, 10, ""); }),
      HasSubstr("tensor t: expected F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K or Q6_K, received type 10"));
  EXPECT_THAT(with([](auto& f) {
                f.tensor("t", {2, 16}, 8, std::string(34, 'x'));
              }),
              HasSubstr("tensor t: expected rows of whole blocks of 32, received 16"));
  EXPECT_THAT(with([](auto& f) { f.tensor("t", {1000}, 0, "x"); }),
              HasSubstr("tensor t: expected an aligned place within"));
  EXPECT_THAT(with([](auto& f) { f.tensor_at("t", {1}, 0, 1ULL << 62, "x"); }),
              HasSubstr("tensor t: expected an aligned place within"));
  EXPECT_THAT(with([](auto& f) { f.tensor_at("t", {1}, 0, 4, "x"); }),
              HasSubstr("tensor t: expected an aligned place"));
  EXPECT_THAT(with([](auto& f) { f.tensor_at("t", {1}, 0, 0, "x"); }),
              HasSubstr("tensors token_embd.weight and t overlap"));
}

class GgufBlocks : public testing::TestWithParam<GgufType> {};

TEST_P(GgufBlocks, DequantisesToTheReferencesBits) {
  const auto golden =
      nlohmann::json::parse(std::ifstream(VEDETTE_SOURCE_DIR "/tests/golden/weights/blocks.json"));
  const auto& entry = golden.at(to_string(GetParam()));
  const std::string blocks = test::from_base64(entry.at("blocks").get<std::string>());
  const std::string expected = test::from_base64(entry.at("values").get<std::string>());
  std::vector<float> values(expected.size() / sizeof(float));
  ASSERT_GE(values.size(), 64U);
  dequantise(GetParam(), ExactBytes(blocks).span(), values);
  EXPECT_EQ(std::memcmp(values.data(), expected.data(), expected.size()), 0);
  EXPECT_THROW(dequantise(GetParam(), ExactBytes(blocks.substr(1)).span(), values), std::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Types, GgufBlocks,
                         testing::Values(GgufType::kF16, GgufType::kBF16, GgufType::kQ8_0, GgufType::kQ4_0,
                                         GgufType::kQ4_1, GgufType::kQ4_K, GgufType::kQ6_K),
                         [](const auto& type) { return to_string(type.param); });

}  // namespace
}  // namespace vedette::models::weights
