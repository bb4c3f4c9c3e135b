// Frames to tensors by published processors' settings, against transformers, and of planes against RGB.
#include "models/vision/image_processor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "models/backend/cpu/cpu_backend.h"
#include "models/preprocess/image_to_tensor.h"
#include "models/text/image_prompt.h"
#include "models/vision/patches.h"
#include "models/weights/weight_table.h"

namespace vedette::models::vision {
namespace {

using preprocess::ImageSpec;
using preprocess::ImageToTensor;

std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(VEDETTE_SOURCE_DIR) / "tests/golden/images" / name;
}

struct Machine {
  std::unique_ptr<backend::Backend> backend = backend::cpu::make_cpu_backend();
  backend::WorkerPool pool{2};
  backend::ComputeContext context{*backend, pool, tensor::DType::kF32};
};

class ImageProcessor : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Cases, ImageProcessor,
                         testing::Values("clip", "clip_padded", "vit", "siglip", "siglip_plain",
                                         "smolvlm_tiles", "smolvlm_whole", "idefics3_one_tile"));

TEST_P(ImageProcessor, GivesTheReferencesValues) {
  Machine machine;
  const ImageSpec spec = load_image_spec(golden(GetParam()));
  const auto pictures = weights::WeightTable::open_file(golden("pictures.safetensors"));
  const auto outputs = weights::WeightTable::open_file(golden(GetParam()) / "outputs.safetensors");
  // A patch that divides no output but itself, and one that cuts it.
  for (const int patch : {0, 4}) {
    if (patch != 0 && GetParam() != "siglip" && GetParam() != "smolvlm_tiles") continue;
    const ImageToTensor to_tensor(spec, {patch});
    for (const auto& [name, weight] : outputs.all()) {
      const auto& picture = pictures.get(name).view;
      preprocess::FrameView frame;
      frame.format = preprocess::PixelFormat::kRgb;
      frame.height = static_cast<int>(picture.shape()[0]);
      frame.width = static_cast<int>(picture.shape()[1]);
      frame.strides[0] = 3 * frame.width;
      frame.planes[0] = {static_cast<const std::uint8_t*>(picture.data()), picture.bytes()};
      const auto& shape = weight.view.shape();
      ASSERT_EQ(to_tensor.tiles({frame.width, frame.height}).pictures(), shape[0]) << name;
      ASSERT_EQ(to_tensor.picture_size({frame.width, frame.height}),
                (preprocess::ImageSize{static_cast<int>(shape[3]), static_cast<int>(shape[2])}));
      tensor::Tensor expected(tensor::DType::kF32, shape);
      outputs.read_f32(name, shape, expected.as<float>());
      if (patch != 0) {
        tensor::Tensor cut(tensor::DType::kF32,
                           {shape[0] * (shape[2] / patch) * (shape[3] / patch), 3 * patch * patch});
        const auto each = static_cast<std::size_t>(3 * shape[2] * shape[3]);
        for (std::int64_t i = 0; i < shape[0]; ++i) {
          cut_patches(
              expected.as<float>().subspan(static_cast<std::size_t>(i) * each, each), 3,
              static_cast<int>(shape[2]), static_cast<int>(shape[3]), patch,
              backend::Matrix(cut).row_range(i * (cut.shape()[0] / shape[0]), cut.shape()[0] / shape[0]));
        }
        expected = std::move(cut);
      } else {
        expected = tensor::Tensor(tensor::DType::kF32, {shape[0], 3 * shape[2] * shape[3]});
        outputs.read_f32(name, shape, expected.as<float>());
      }
      const tensor::Tensor received(tensor::DType::kF32, expected.shape());
      to_tensor.run(machine.context, frame, received.view());
      // One 8-bit step, the reference's scale and deviation taken into account.
      const float step = spec.scale / *std::min_element(spec.deviation.begin(), spec.deviation.end());
      std::size_t off = 0;
      float worst = 0.0F;
      for (std::size_t i = 0; i < expected.as<float>().size(); ++i) {
        const float difference = std::abs(expected.as<float>()[i] - received.as<float>()[i]);
        off += difference > 5e-4F ? 1 : 0;
        worst = std::max(worst, difference);
      }
      EXPECT_LE(static_cast<double>(off), 1e-3 * static_cast<double>(expected.as<float>().size())) << name;
      EXPECT_LE(worst, step + 5e-4F) << name;
    }
  }
}

// What stands in the place of a picture, by the tiles that the picture is cut into: the whole processor's.
TEST(ImagePrompts, AreTheReferencesForTheTilesOfAPicture) {
  std::ifstream file(golden("prompts.json"));
  const auto prompts = nlohmann::json::parse(file);
  const auto pictures = weights::WeightTable::open_file(golden("pictures.safetensors"));
  int compared = 0;
  for (const auto& [name, texts] : prompts.at("cases").items()) {
    const ImageToTensor to_tensor(load_image_spec(golden(name)), {});
    for (const auto& [picture, text] : texts.items()) {
      const auto& shape = pictures.get(picture).view.shape();
      const auto tiles = to_tensor.tiles({static_cast<int>(shape[1]), static_cast<int>(shape[0])});
      EXPECT_EQ(text::image_prompt(tiles.rows, tiles.columns, prompts.at("image_tokens")),
                text.get<std::string>())
          << name << ", " << picture;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 4);
}

// A picture in planes, by the textbook's formula, chroma as the mean of the pixels around it.
struct Planes {
  std::vector<std::uint8_t> y, u, v, uv;
  preprocess::FrameView i420, nv12;
};

// Smooth colours, so that what chroma loses in subsampling hardly shows.
std::array<double, 3> color_at(double x, double y) {
  return {128.0 + 90.0 * std::sin(x / 23.0), 128.0 + 80.0 * std::cos(y / 19.0),
          90.0 + 60.0 * std::sin((x + y) / 31.0)};
}

std::uint8_t byte(double value) {
  return static_cast<std::uint8_t>(std::clamp(std::lround(value), 0L, 255L));
}

Planes make_planes(int width, int height, preprocess::ColorMatrix matrix, preprocess::ColorRange range) {
  const double kr = matrix == preprocess::ColorMatrix::kBt709    ? 0.2126
                    : matrix == preprocess::ColorMatrix::kBt2020 ? 0.2627
                                                                 : 0.299;
  const double kb = matrix == preprocess::ColorMatrix::kBt709    ? 0.0722
                    : matrix == preprocess::ColorMatrix::kBt2020 ? 0.0593
                                                                 : 0.114;
  const bool limited = range == preprocess::ColorRange::kLimited;
  const double luma_scale = limited ? 219.0 / 255.0 : 1.0, chroma_scale = limited ? 224.0 / 255.0 : 1.0;
  const auto luma = [&](std::array<double, 3> c) { return kr * c[0] + (1.0 - kr - kb) * c[1] + kb * c[2]; };
  const int half_width = (width + 1) / 2, half_height = (height + 1) / 2, stride = width + 5;
  Planes planes;
  planes.y.resize(static_cast<std::size_t>(stride * height));
  for (int row = 0; row < height; ++row) {
    for (int x = 0; x < width; ++x)
      planes.y[static_cast<std::size_t>(row * stride + x)] =
          byte(luma(color_at(x, row)) * luma_scale + (limited ? 16.0 : 0.0));
  }
  for (int row = 0; row < half_height; ++row) {
    for (int x = 0; x < half_width; ++x) {
      const auto color = color_at(2 * x, 2 * row + 0.5);  // left, between two rows
      planes.u.push_back(byte((color[2] - luma(color)) / (2.0 * (1.0 - kb)) * chroma_scale + 128.0));
      planes.v.push_back(byte((color[0] - luma(color)) / (2.0 * (1.0 - kr)) * chroma_scale + 128.0));
      planes.uv.push_back(planes.u.back());
      planes.uv.push_back(planes.v.back());
    }
  }
  planes.i420 = {preprocess::PixelFormat::kI420,   width,  height, {planes.y, planes.u, planes.v},
                 {stride, half_width, half_width}, matrix, range};
  planes.nv12 = {preprocess::PixelFormat::kNv12, width,  height, {planes.y, planes.uv, {}},
                 {stride, 2 * half_width, 0},    matrix, range};
  return planes;
}

TEST(FramePlanes, EqualTheSamePictureInRgb) {
  Machine machine;
  for (const auto& [width, height] :
       {std::pair{96, 64}, std::pair{101, 77}, std::pair{40, 30}, std::pair{33, 2}}) {
    std::vector<std::uint8_t> rgb;
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        for (const double value : color_at(x, y)) rgb.push_back(byte(value));
      }
    }
    const preprocess::FrameView reference{
        preprocess::PixelFormat::kRgb, width, height, {rgb, {}, {}}, {3 * width, 0, 0}};
    for (const auto filter :
         {preprocess::Filter::kBilinear, preprocess::Filter::kBicubic, preprocess::Filter::kLanczos}) {
      ImageSpec spec;
      spec.size = {48, 32};
      spec.filter = filter;
      spec.scale = 1.0F;
      const ImageToTensor to_tensor(spec, {16});
      const tensor::Tensor expected(tensor::DType::kF32, {6, 768}), received(tensor::DType::kF32, {6, 768});
      to_tensor.run(machine.context, reference, expected.view());
      for (const auto matrix : {preprocess::ColorMatrix::kBt601, preprocess::ColorMatrix::kBt709,
                                preprocess::ColorMatrix::kBt2020}) {
        for (const auto range : {preprocess::ColorRange::kLimited, preprocess::ColorRange::kFull}) {
          const Planes planes = make_planes(width, height, matrix, range);
          for (const auto* frame : {&planes.i420, &planes.nv12}) {
            to_tensor.run(machine.context, *frame, received.view());
            float worst = 0.0F;
            for (std::size_t i = 0; i < received.as<float>().size(); ++i)
              worst = std::max(worst, std::abs(received.as<float>()[i] - expected.as<float>()[i]));
            EXPECT_LE(worst, 4.0F) << width << "x" << height << " filter " << static_cast<int>(filter)
                                   << " matrix " << static_cast<int>(matrix) << " range "
                                   << static_cast<int>(range);
          }
        }
      }
    }
  }
}

TEST(FramePlanes, TooShortOnesAreRefused) {
  Machine machine;
  const ImageToTensor to_tensor({}, {16});
  const tensor::Tensor y(tensor::DType::kF32, {196, 768});
  Planes planes = make_planes(64, 48, preprocess::ColorMatrix::kBt601, preprocess::ColorRange::kFull);
  EXPECT_NO_THROW(to_tensor.run(machine.context, planes.i420, y.view()));
  auto frame = planes.i420;
  frame.planes[1] = frame.planes[1].first(frame.planes[1].size() - 1);
  EXPECT_THROW(to_tensor.run(machine.context, frame, y.view()), std::invalid_argument);
  frame = planes.nv12;
  frame.strides[1] = 63;
  EXPECT_THROW(to_tensor.run(machine.context, frame, y.view()), std::invalid_argument);
  frame = planes.i420;
  frame.width = 0;
  EXPECT_THROW(to_tensor.run(machine.context, frame, y.view()), std::invalid_argument);
  frame.width = 1 << 20;
  EXPECT_THROW(to_tensor.run(machine.context, frame, y.view()), std::invalid_argument);
  EXPECT_THROW(to_tensor.run(machine.context, planes.i420, backend::Matrix(y.view()).row_range(0, 195)),
               std::invalid_argument);
}

TEST(ImageProcessorConfig, SaysWhatIsWrong) {
  const auto message = [](const char* text) -> std::string {
    try {
      parse_image_spec(weights::JsonObject::parse(text, "preprocessor_config.json"));
    } catch (const std::exception& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message(R"({"image_processor_type": "ViTImageProcessor", "size": 224})"), "no error");
  EXPECT_EQ(message(R"({"feature_extractor_type": "CLIPFeatureExtractor", "crop_size": 224, "size": 224})"),
            "no error");
  EXPECT_EQ(message(R"({"image_processor_type": "SiglipImageProcessorFast"})"), "no error");
  EXPECT_THAT(message(R"({"image_processor_type": "Pix2StructImageProcessor"})"),
              testing::AllOf(testing::HasSubstr("image_processor_type"), testing::HasSubstr("Pix2Struct")));
  EXPECT_THAT(message("{}"), testing::HasSubstr("feature_extractor_type: expected"));
  EXPECT_THAT(message(R"({"image_processor_type": "ViTImageProcessor", "size": {"height": 0, "width": 4}})"),
              testing::HasSubstr("size: height: expected an integer from 1"));
  EXPECT_THAT(message(R"({"image_processor_type": "ViTImageProcessor", "resample": 4})"),
              testing::HasSubstr("resample"));
  EXPECT_THAT(message(R"({"image_processor_type": "ViTImageProcessor", "image_std": [1, 0, 1]})"),
              testing::HasSubstr("image_std"));
  EXPECT_THAT(message(R"({"image_processor_type": "ViTImageProcessor", "image_mean": [1, 2]})"),
              testing::HasSubstr("image_mean: expected three numbers"));
}

}  // namespace
}  // namespace vedette::models::vision
