#include "models/weights/weight_table.h"

#include <gmock/gmock.h>

#include <array>
#include <cstring>

#include "models/weights/safetensors_writer.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/thrown_message.h"

namespace vedette::models::weights {
namespace {

using tensor::DType;
using tensor::Tensor;
using test::TemporaryFolder;
using test::thrown_message;
using testing::ElementsAre;
using testing::HasSubstr;

Tensor filled(std::initializer_list<float> values, tensor::Shape shape) {
  Tensor tensor(DType::kF32, shape);
  std::copy(values.begin(), values.end(), tensor.as<float>().begin());
  return tensor;
}

void write_one(const std::filesystem::path& file, const std::string& name, const Tensor& tensor) {
  const std::array<NamedTensor, 1> list{{{name, tensor.view()}}};
  write_safetensors(file, list);
}

TEST(WeightTable, ReadsWhatTheWriterWrote) {
  const TemporaryFolder folder;
  const Tensor a = filled({1, 2, 3, 4, 5, 6}, {2, 3});
  Tensor b(DType::kBF16, {2});
  b.as<tensor::BFloat16>()[0] = tensor::to_bfloat16(0.5F);
  b.as<tensor::BFloat16>()[1] = tensor::to_bfloat16(-3.0F);
  const std::array<NamedTensor, 2> list{{{"b", b.view()}, {"a", a.view()}}};
  write_safetensors(folder.path() / "model.safetensors", list, {{"format", "pt"}});

  const WeightTable table = WeightTable::open(folder.path());
  EXPECT_EQ(table.all().size(), 2U);
  EXPECT_EQ(table.metadata().at("format"), "pt");
  EXPECT_THAT(table.read_f32("a", {2, 3}).as<float>(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(table.read_f32("b", {2}).as<float>(), ElementsAre(0.5F, -3.0F));
  EXPECT_EQ(table.get("b").view.dtype(), DType::kBF16);
}

TEST(WeightTable, FollowsShardsAndSymbolicLinks) {
  const TemporaryFolder folder;
  write_one(folder.path() / "store", "a", filled({1}, {1}));
  std::filesystem::create_symlink("store", folder.path() / "model-1.safetensors");
  write_one(folder.path() / "model-2.safetensors", "b", filled({2}, {1}));
  folder.write("model.safetensors.index.json",
               R"({"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}})");
  const WeightTable table = WeightTable::open(folder.path());
  EXPECT_THAT(table.read_f32("a", {1}).as<float>(), ElementsAre(1));
  EXPECT_THAT(table.read_f32("b", {1}).as<float>(), ElementsAre(2));
}

TEST(WeightTable, RefusesABadIndex) {
  const TemporaryFolder folder;
  const auto open = [&] { WeightTable::open(folder.path()); };
  folder.write("model.safetensors.index.json", R"({"weight_map":{"a":"../secret.safetensors"}})");
  EXPECT_THAT(thrown_message(open), HasSubstr("weight_map: a: expected a file of the same folder"));
  folder.write("model.safetensors.index.json", R"({"weight_map":{"a":"gone.safetensors"}})");
  EXPECT_THAT(thrown_message(open), HasSubstr("gone.safetensors: cannot open"));
  folder.write("model.safetensors.index.json", "{");
  EXPECT_THAT(thrown_message(open), HasSubstr("expected a JSON object with weight_map"));
}

TEST(WeightTable, ATensorInTwoShardsIsAnError) {
  const TemporaryFolder folder;
  write_one(folder.path() / "1.safetensors", "a", filled({1}, {1}));
  write_one(folder.path() / "2.safetensors", "a", filled({2}, {1}));
  folder.write("model.safetensors.index.json", R"({"weight_map":{"a":"1.safetensors","b":"2.safetensors"}})");
  EXPECT_THAT(thrown_message([&] { WeightTable::open(folder.path()); }), HasSubstr("tensor a stands in"));
}

TEST(WeightTable, SaysWhichTensorIsMissingOrOfAnotherShape) {
  const TemporaryFolder folder;
  write_one(folder.path() / "model.safetensors", "a", filled({1, 2}, {2}));
  const WeightTable table = WeightTable::open(folder.path());
  EXPECT_FALSE(table.contains("b"));
  EXPECT_THAT(thrown_message([&] { table.get("b"); }), HasSubstr("tensor b is missing"));
  EXPECT_THAT(thrown_message([&] {
                table.get("a", {2, 1});
              }),
              HasSubstr("model.safetensors: tensor a: expected shape [2, 1], received [2]"));
  std::array<float, 3> room{};
  EXPECT_THAT(thrown_message([&] { table.read_f32("a", {2}, room); }),
              HasSubstr("expected room for 2 elements, received 3"));
}

TEST(WeightTable, UnalignedAndUnusedTensorsAreNoError) {
  const std::string header =
      R"({"odd":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"F32","shape":[1],"data_offsets":[1,5]},)"
      R"("deep":{"dtype":"U8","shape":[1,1,1,1,1,1],"data_offsets":[5,6]},"wide":{"dtype":"F64","shape":[1],"data_offsets":[6,14]}})";
  const std::uint64_t length = header.size();
  const float value = 42.0F;
  std::string file(reinterpret_cast<const char*>(&length), sizeof length);
  file +=
      header + "x" + std::string(reinterpret_cast<const char*>(&value), sizeof value) + std::string(9, '\0');
  const TemporaryFolder folder;
  const WeightTable table = WeightTable::open_file(folder.write("any.name", file));
  EXPECT_THAT(table.read_f32("w", {1}).as<float>(), ElementsAre(42.0F));
  EXPECT_THAT(thrown_message([&] { table.get("deep"); }), HasSubstr("received rank 6"));
  EXPECT_THAT(thrown_message([&] { table.get("wide"); }), HasSubstr("received type F64"));
}

TEST(WeightTable, SaysWhatTheFolderLacks) {
  const TemporaryFolder folder;
  EXPECT_THAT(thrown_message([&] { WeightTable::open(folder.path()); }),
              HasSubstr("expected model.safetensors"));
  EXPECT_THAT(thrown_message([&] { WeightTable::open(folder.path() / "no"); }),
              HasSubstr("expected a model folder"));
  folder.write("model.safetensors", "");
  EXPECT_THAT(thrown_message([&] { WeightTable::open(folder.path()); }), HasSubstr("not a safetensors file"));
}

TEST(SafetensorsWriter, HeadersOfEveryLengthAreReadBack) {
  const TemporaryFolder folder;
  for (std::size_t length = 1; length <= 130; ++length) {
    write_one(folder.path() / "m.safetensors", std::string(length, 'n'), filled({7}, {1}));
    const WeightTable table = WeightTable::open_file(folder.path() / "m.safetensors");
    ASSERT_EQ(table.read_f32(std::string(length, 'n'), {1}).as<float>()[0], 7) << length;
    ASSERT_EQ(table.all().begin()->second.offset % 64, 0U) << length;
  }
}

TEST(SafetensorsWriter, LeavesNothingWhenItIsNotFinished) {
  const TemporaryFolder folder;
  const std::array<TensorSpec, 1> specs{{{"a", DType::kF32, {2}}}};
  {
    SafetensorsWriter writer(folder.path() / "m.safetensors", specs);
    const std::array<std::byte, 4> half{};
    writer.append(half);
    EXPECT_THAT(thrown_message([&] { writer.finish(); }),
                HasSubstr("expected 8 bytes of tensors, received 4"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace vedette::models::weights
