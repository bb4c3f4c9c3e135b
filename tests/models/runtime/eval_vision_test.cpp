// ViT, CLIP and SigLIP folders through `models eval`, against transformers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include <unistd.h>

#include "models/runtime/eval.h"
#include "models/weights/safetensors_writer.h"
#include "models/weights/weight_table.h"

namespace vedette::models::runtime {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kCases = {"vit_published",   "vit_pooled_wide", "clip_published",
                                         "clip_gelu_wide",  "siglip_square",   "siglip_tower",
                                         "siglip_headless", "clip_projected"};

class EvalVision : public testing::TestWithParam<std::string> {
 protected:
  EvalVision() : scratch_(fs::path(testing::TempDir()) / ("eval-vision-" + std::to_string(::getpid()))) {
    fs::create_directories(scratch_);
  }
  ~EvalVision() override { fs::remove_all(scratch_); }

  static fs::path folder(const std::string& name) {
    return fs::path(VEDETTE_SOURCE_DIR) / "tests/golden/vision" / name;
  }
  weights::WeightTable run(const fs::path& model, tensor::DType dtype) const {
    eval_folder(model, model / "inputs.safetensors", scratch_ / "out.safetensors",
                {.dtype = dtype, .threads = 2});
    return weights::WeightTable::open_file(scratch_ / "out.safetensors");
  }
  fs::path scratch_;
};
INSTANTIATE_TEST_SUITE_P(Cases, EvalVision, testing::ValuesIn(kCases));

TEST_P(EvalVision, F32IsTheReferences) {
  const auto expected = weights::WeightTable::open_file(folder(GetParam()) / "outputs.safetensors");
  const auto received = run(folder(GetParam()), tensor::DType::kF32);
  for (const auto& [name, weight] : expected.all()) {
    const auto ours = received.get(name, weight.view.shape()).view.as<float>();
    const auto theirs = weight.view.as<float>();
    float worst = 0.0F;
    for (std::size_t i = 0; i < ours.size(); ++i) worst = std::max(worst, std::abs(ours[i] - theirs[i]));
    EXPECT_LE(worst, 1e-4F) << name;
  }
}

TEST_P(EvalVision, Bf16IsClose) {
  const auto expected = weights::WeightTable::open_file(folder(GetParam()) / "outputs.safetensors");
  const auto received = run(folder(GetParam()), tensor::DType::kBF16);
  for (const auto& [name, weight] : expected.all()) {
    const auto ours = received.get(name, weight.view.shape()).view.as<float>();
    const auto theirs = weight.view.as<float>();
    double error = 0.0, power = 0.0;
    for (std::size_t i = 0; i < ours.size(); ++i) {
      const double difference = static_cast<double>(ours[i]) - static_cast<double>(theirs[i]);
      error += difference * difference;
      power += static_cast<double>(theirs[i]) * static_cast<double>(theirs[i]);
    }
    EXPECT_LE(error, 1e-2 * power) << name;
  }
}

// A copy of a golden folder whose checkpoint a test spoils.
class SpoiltVision : public EvalVision {
 protected:
  SpoiltVision() {
    for (const char* file : {"config.json", "inputs.safetensors"}) {
      fs::copy_file(folder("clip_published") / file, scratch_ / file, fs::copy_options::overwrite_existing);
    }
    const auto table = weights::WeightTable::open(folder("clip_published"));
    for (const auto& [name, weight] : table.all()) {
      tensor::Tensor copy(weight.view.dtype(), weight.view.shape());
      std::memcpy(copy.view().data(), weight.view.data(), weight.view.bytes());
      tensors_.emplace(name, std::move(copy));
    }
  }

  std::string message() {
    std::vector<weights::NamedTensor> named;
    for (const auto& [name, tensor] : tensors_) named.push_back({name, tensor.view()});
    fs::remove(scratch_ / "model.safetensors");
    weights::write_safetensors(scratch_ / "model.safetensors", named);
    try {
      run(scratch_, tensor::DType::kF32);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "no error";
  }
  std::map<std::string, tensor::Tensor> tensors_;
};
INSTANTIATE_TEST_SUITE_P(Clip, SpoiltVision, testing::Values("clip_published"));

TEST_P(SpoiltVision, IsRefusedNamingTheTensor) {
  const std::string fc1 = "vision_model.encoder.layers.1.mlp.fc1.weight";
  EXPECT_EQ(message(), "no error");
  tensor::Tensor kept = std::move(tensors_.at(fc1));
  tensors_.erase(fc1);
  EXPECT_THAT(message(), testing::AllOf(testing::HasSubstr(fc1), testing::HasSubstr("missing")));
  tensors_[fc1] = tensor::Tensor::zeros(tensor::DType::kBF16, {32, 48});
  EXPECT_THAT(message(),
              testing::AllOf(testing::HasSubstr(fc1), testing::HasSubstr("expected shape [48, 32]"),
                             testing::HasSubstr("received [32, 48]")));
  tensors_[fc1] = tensor::Tensor::zeros(tensor::DType::kI32, {48, 32});
  EXPECT_THAT(message(), testing::AllOf(testing::HasSubstr(fc1),
                                        testing::HasSubstr("expected f32, bf16 or f16, received i32")));
  tensors_[fc1] = std::move(kept);
  tensors_["logit_scale"] = tensor::Tensor::zeros(tensor::DType::kI64, {});
  EXPECT_THAT(message(), testing::HasSubstr("logit_scale"));
}

TEST_P(SpoiltVision, PicturesOfOtherShapesAreRefused) {
  const auto refused = [&](tensor::Shape shape, tensor::DType dtype) -> std::string {
    const tensor::Tensor pixels = tensor::Tensor::zeros(dtype, shape);
    const weights::NamedTensor named{"pixel_values", pixels};
    weights::write_safetensors(scratch_ / "inputs.safetensors", std::span(&named, 1));
    return message();
  };
  EXPECT_THAT(refused({1, 28, 28}, tensor::DType::kF32), testing::HasSubstr("received [1, 28, 28]"));
  EXPECT_THAT(refused({1, 1, 28, 28}, tensor::DType::kF32), testing::HasSubstr("received [1, 1, 28, 28]"));
  EXPECT_THAT(refused({1, 3, 6, 28}, tensor::DType::kF32), testing::HasSubstr("at least one patch"));
  EXPECT_THAT(refused({1, 3, 28, 28}, tensor::DType::kI64), testing::HasSubstr("pixel_values"));
  EXPECT_EQ(refused({1, 3, 28, 28}, tensor::DType::kF32), "no error");
}

}  // namespace
}  // namespace vedette::models::runtime
