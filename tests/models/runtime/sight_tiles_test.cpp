// Pictures in tiles, as SmolVLM's processor cuts them, and SmolVLM folders that are spoilt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <tuple>

#include "models/backend/cpu/cpu_backend.h"
#include "models/runtime/runtime.h"
#include "models/runtime/sight_model.h"
#include "models/vision/image_processor.h"
#include "models/weights/safetensors_writer.h"
#include "models/weights/weight_table.h"
#include "tests/support/pictures.h"
#include "tests/support/smolvlm_folder.h"

namespace vedette::models::runtime {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct Machine {
  std::unique_ptr<backend::Backend> backend = backend::cpu::make_cpu_backend();
  backend::WorkerPool pool{2};
  backend::ComputeContext context{*backend, pool, tensor::DType::kF32};
};

// A frame of these many pixels, with something in it.
ImageFrame pattern(int width, int height) {
  ImageFrame frame = tests::plain_picture(width, height, 0, 0, 0);
  auto* pixels = const_cast<std::uint8_t*>(frame.view.planes[0].data());
  for (int i = 0; i < 3 * width * height; ++i) pixels[i] = static_cast<std::uint8_t>(i * 7 + i / 640);
  return frame;
}

// Tiles as the folder's processor cuts them, encoded and projected one by one.
tensor::Tensor one_by_one(backend::ComputeContext& context, const SightFolder& folder,
                          const ImageFrame& frame) {
  const preprocess::ImageToTensor cut(vision::load_image_spec(folder.processor),
                                      {folder.vision_config.patch});
  const SightTowers towers(context, folder);
  const int side = folder.vision_config.grid(), patches = side * side;
  const int pictures = cut.tiles({frame.view.width, frame.view.height}).pictures();
  const std::int64_t tokens = towers.projector->tokens(side, side);
  tensor::Tensor values(tensor::DType::kF32, {pictures * patches, folder.vision_config.patch_values()});
  cut.run(context, frame.view, values.view());
  tensor::Tensor rows(tensor::DType::kF32, {pictures * tokens, towers.projector->config().out});
  const backend::ScratchScope scope(context.scratch());
  const backend::Matrix hidden = context.matrix(patches, folder.vision_config.sizes.hidden);
  for (int i = 0; i < pictures; ++i) {
    const vision::VisionImage image{backend::Matrix(values.view()).row_range(i * patches, patches), side,
                                    side};
    towers.encoder->forward(context, {&image, 1}, hidden);
    towers.projector->forward(context, hidden, side, side,
                              backend::Matrix(rows.view()).row_range(i * tokens, tokens));
  }
  return rows;
}

TEST(SightModelTiles, AreThePublishedOnes) {
  Machine machine;
  const tests::SmolVlmFolder smolvlm;
  const SightFolder folder = SightFolder::open(smolvlm.path());
  SightModel model(machine.context, folder);
  model.allow_tiles(4);
  EXPECT_EQ(model.most_frame_tokens(), 5 * 4);
  std::vector<ImageFrame> frames = {pattern(320, 180), pattern(90, 320), pattern(64, 64), pattern(320, 180)};
  const std::vector<ImageFrame> again = frames;
  std::vector<EncodedImage> encoded(frames.size());
  model.encode(machine.context, frames, encoded);
  const preprocess::TileGrid grids[] = {{2, 2}, {2, 1}, {2, 2}, {2, 2}};
  for (std::size_t i = 0; i < again.size(); ++i) {
    ASSERT_FALSE(encoded[i].error);
    EXPECT_EQ(encoded[i].tiles, grids[i]) << i;
    EXPECT_EQ(encoded[i].tiles_left_out, 0) << i;
    const tensor::Tensor expected = one_by_one(machine.context, folder, again[i]);
    ASSERT_EQ(encoded[i].tokens.shape(), expected.shape()) << i;
    for (std::size_t v = 0; v < expected.as<float>().size(); ++v)
      ASSERT_NEAR(encoded[i].tokens.as<float>()[v], expected.as<float>()[v], 1e-5F) << i << ", value " << v;
  }
}

TEST(SightModelTiles, AreNoMoreThanAllowedAndWhatIsLeftOutIsCounted) {
  Machine machine;
  const tests::SmolVlmFolder smolvlm(160);  // five tiles on the longer side
  const SightFolder folder = SightFolder::open(smolvlm.path());
  SightModel model(machine.context, folder);
  const auto look = [&](int width, int height) {
    ImageFrame frame = pattern(width, height);
    EncodedImage encoded;
    model.encode(machine.context, {&frame, 1}, {&encoded, 1});
    EXPECT_EQ(encoded.tokens.shape()[0], encoded.tiles.pictures() * model.picture_tokens());
    return std::tuple(encoded.tiles.rows, encoded.tiles.columns, encoded.tiles_left_out);
  };
  EXPECT_EQ(look(320, 180), std::tuple(0, 0, 15)) << "at first none are allowed";
  model.allow_tiles(64);
  EXPECT_EQ(look(320, 180), std::tuple(3, 5, 0));
  model.allow_tiles(12);
  EXPECT_EQ(look(320, 180), std::tuple(3, 4, 3));
  EXPECT_EQ(look(180, 320), std::tuple(4, 3, 3));
  EXPECT_EQ(look(320, 60), std::tuple(1, 5, 0)) << "a wide picture has few";
  model.allow_tiles(4);
  EXPECT_EQ(look(320, 180), std::tuple(2, 2, 11));
  EXPECT_EQ(look(8000, 1), std::tuple(1, 4, 1)) << "whatever the shape";
  model.allow_tiles(3);
  EXPECT_EQ(look(320, 180), std::tuple(0, 0, 15));
  EXPECT_EQ(look(320, 60), std::tuple(1, 3, 2));
  EXPECT_EQ(look(1, 1), std::tuple(0, 0, 25)) << "a square, however small, is five by five";
  model.allow_tiles(-1);
  EXPECT_EQ(model.most_frame_tokens(), model.picture_tokens());
}

TEST(SightModelTiles, AFrameThatCannotBeReadStandsAlone) {
  Machine machine;
  const tests::SmolVlmFolder smolvlm;
  SightModel model(machine.context, SightFolder::open(smolvlm.path()));
  model.allow_tiles(4);
  std::vector<ImageFrame> frames = {pattern(320, 180), pattern(320, 180), pattern(320, 180)};
  frames[0].view.width = 0;
  frames[1].view.strides[0] = 1;
  std::vector<EncodedImage> encoded(3);
  model.encode(machine.context, frames, encoded);
  EXPECT_TRUE(encoded[0].error);
  EXPECT_TRUE(encoded[1].error);
  EXPECT_FALSE(encoded[2].error);
  EXPECT_EQ(encoded[2].tokens.shape()[0], 20);
}

// What a folder's message is when one of its tensors is missing, misshapen or of another type.
TEST(SpoiltSmolVlm, IsRefusedNamingFileTensorExpectedAndReceived) {
  const tests::SmolVlmFolder folder;
  const fs::path weights = folder.path() / "model.safetensors", kept = folder.path() / "kept";
  fs::copy_file(weights, kept);
  const auto whole = weights::WeightTable::open_file(kept);
  const auto with = [&](const std::string& name, const tensor::Tensor* other) -> std::string {
    std::vector<weights::NamedTensor> named;
    for (const auto& [key, weight] : whole.all()) {
      if (key != name) named.push_back({key, weight.view});
    }
    if (other != nullptr) named.push_back({name, other->view()});
    weights::write_safetensors(weights, named);
    try {
      RuntimeOptions options;
      options.see = folder.path();
      options.threads = 1;
      options.kv_bytes = 1 << 20;
      Runtime::load(options);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "no error";
  };
  ASSERT_GT(whole.all().size(), 40u);
  for (const auto& [name, weight] : whole.all()) {
    SCOPED_TRACE(name);
    const tensor::Shape shape = weight.view.shape();
    const auto misshapen = tensor::Tensor::zeros(tensor::DType::kF32, {shape.count() + 1});
    const auto numbers = tensor::Tensor::zeros(tensor::DType::kI64, shape);
    EXPECT_THAT(with(name, nullptr),
                testing::AllOf(HasSubstr(folder.path().string()), HasSubstr(name), HasSubstr("missing")));
    EXPECT_THAT(with(name, &misshapen), testing::AllOf(HasSubstr("model.safetensors"), HasSubstr(name),
                                                       HasSubstr(shape.to_string() + ", received [" +
                                                                 std::to_string(shape.count() + 1) + "]")));
    EXPECT_THAT(with(name, &numbers), testing::AllOf(HasSubstr("model.safetensors"), HasSubstr(name),
                                                     HasSubstr("f32"), HasSubstr("received i64")));
  }
}

}  // namespace
}  // namespace vedette::models::runtime
