#include "models/weights/safetensors.h"

#include <gmock/gmock.h>

#include "tests/support/exact_bytes.h"
#include "tests/support/thrown_message.h"

namespace vedette::models::weights {
namespace {

using test::thrown_message;
using testing::HasSubstr;

SafetensorsHeader parse(const std::string& content) {
  return parse_safetensors(test::ExactBytes(content).span(), "t.safetensors");
}

std::string file_of(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), sizeof length);
  return file + header + std::string(data_bytes, '\1');
}

std::string message(const std::string& header, std::size_t data_bytes) {
  return thrown_message([&] { parse(file_of(header, data_bytes)); });
}

TEST(Safetensors, ReadsNamesShapesAndMetadata) {
  const auto header = parse(
      file_of(R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[2,10]},)"
              R"("a":{"dtype":"BF16","shape":[],"data_offsets":[0,2]}}  )",
              10));
  ASSERT_EQ(header.entries.size(), 2U);
  EXPECT_EQ(header.entries[0].name, "a");
  EXPECT_EQ(header.entries[0].dtype, tensor::DType::kBF16);
  EXPECT_TRUE(header.entries[0].extents.empty());
  EXPECT_EQ(header.entries[1].extents, (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(header.entries[1].offset, header.entries[0].offset + 2);
  EXPECT_EQ(header.metadata.at("format"), "pt");
}

TEST(Safetensors, EmptyTensorsMayShareAnOffset) {
  const auto header = parse(file_of(R"({"e":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]},)"
                                    R"("a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})",
                                    3));
  EXPECT_EQ(header.entries.size(), 2U);
}

TEST(Safetensors, UnknownTypesAreListedOnly) {
  const auto header = parse(file_of(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})", 2));
  EXPECT_FALSE(header.entries[0].dtype.has_value());
}

TEST(Safetensors, SaysWhatIsWrongWithTheHeader) {
  EXPECT_THAT(thrown_message([] { parse("abc"); }),
              HasSubstr("t.safetensors: not a safetensors file: expected at least 8"));
  EXPECT_THAT(thrown_message([] { parse(std::string(8, '\xff')); }),
              HasSubstr("header of 18446744073709551615 bytes"));
  EXPECT_THAT(message("{\"a\":", 0), HasSubstr("header is not JSON"));
  EXPECT_THAT(message("[1]", 0), HasSubstr("expected a JSON object"));
  EXPECT_THAT(message(R"({"__metadata__":{"a":1}})", 0), HasSubstr("__metadata__: a: expected a string"));
  EXPECT_THAT(message(std::string(20000, '['), 0), HasSubstr("header is not JSON"));
  EXPECT_THAT(message("{\"\xff\":1}", 0), HasSubstr("header is not JSON"));
}

TEST(Safetensors, SaysWhatIsWrongWithATensor) {
  EXPECT_THAT(message(R"({"a":1})", 0), HasSubstr("tensor a: expected an object"));
  EXPECT_THAT(message(R"({"a":{"dtype":5,"shape":[],"data_offsets":[0,4]}})", 4),
              HasSubstr("dtype: expected a string, received 5"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4),
              HasSubstr("shape: expected a non-negative"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4),
              HasSubstr("shape: expected a non-negative"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})", 4),
              HasSubstr("is too large"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,4]}})", 4),
              HasSubstr("is too large"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4),
              HasSubstr("F32 [2] needs 8 bytes, received data_offsets of 4"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4),
              HasSubstr("expected a range within 4 bytes"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4),
              HasSubstr("expected two integers"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4),
              HasSubstr("expected a range within 4 bytes"));
}

TEST(Safetensors, RefusesOverlapGapAndLeftover) {
  const std::string a = R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
  EXPECT_THAT(message("{" + a + R"(,"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", 6),
              HasSubstr("tensor b: expected data at byte 4, received 2"));
  EXPECT_THAT(message("{" + a + R"(,"b":{"dtype":"U8","shape":[2],"data_offsets":[6,8]}})", 8),
              HasSubstr("tensor b: expected data at byte 4, received 6"));
  EXPECT_THAT(message("{" + a + "}", 9), HasSubstr("bytes from the header, received a file of"));
}

}  // namespace
}  // namespace vedette::models::weights
