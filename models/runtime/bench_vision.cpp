#include <chrono>
#include <cmath>

#include "models/preprocess/image_to_tensor.h"
#include "models/runtime/family.h"
#include "models/vision/contrastive_model.h"
#include "models/vision/image_processor.h"

namespace vedette::models::runtime {

namespace {

constexpr int kBatches[] = {1, 8};
constexpr int kWidth = 1920, kHeight = 1080;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Pictures per second for made-up pictures of the model's own size.
BenchResult bench_encoder(const BenchJob& job, const vision::VisionEncoder& encoder, int batch) {
  const int side = encoder.config().grid();
  const tensor::Tensor patches(tensor::DType::kF32,
                               {static_cast<std::int64_t>(side) * side, encoder.config().patch_values()});
  float phase = 0.0F;
  for (float& value : patches.as<float>()) value = std::sin(phase += 0.37F);
  const std::vector<vision::VisionImage> images(static_cast<std::size_t>(batch),
                                                {patches.view(), side, side});
  const tensor::Tensor y(tensor::DType::kF32,
                         {batch * encoder.tokens(images[0]), encoder.config().sizes.hidden});
  std::vector<double> samples;
  for (int repeat = 0; repeat <= job.repeats; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    encoder.forward(job.context, images, y.view());
    job.context.synchronize();
    if (repeat > 0) samples.push_back(batch / seconds_since(start));  // the first warms up
  }
  return summarise("encoder batch " + std::to_string(batch), samples, "pictures/s");
}

// A 1080p I420 frame to the model's patches.
BenchResult bench_frame(const BenchJob& job, const vision::VisionConfig& config) {
  const preprocess::ImageToTensor to_tensor(vision::load_image_spec(job.folder), {config.patch});
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(kWidth) * kHeight * 3 / 2);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 7 + i / 1920);
  preprocess::FrameView frame;
  frame.width = kWidth;
  frame.height = kHeight;
  const std::span<const std::uint8_t> all(pixels);
  const std::size_t luma = static_cast<std::size_t>(kWidth) * kHeight;
  frame.planes = {all.first(luma), all.subspan(luma, luma / 4), all.subspan(luma + luma / 4)};
  frame.strides = {kWidth, kWidth / 2, kWidth / 2};
  const auto grid = to_tensor.patch_grid({kWidth, kHeight});
  const std::int64_t pictures = to_tensor.tiles({kWidth, kHeight}).pictures();
  const tensor::Tensor y(tensor::DType::kF32, {pictures * grid.width * grid.height, config.patch_values()});
  std::vector<double> samples;
  for (int repeat = 0; repeat <= job.repeats + 2; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    to_tensor.run(job.context, frame, y.view());
    if (repeat > 2) samples.push_back(seconds_since(start) * 1e3);  // the first ones warm up
  }
  return summarise("1080p frame to tensor", samples, "ms");
}

bool has_processor(const std::filesystem::path& folder) {
  return std::filesystem::exists(folder / "preprocessor_config.json") ||
         std::filesystem::exists(folder / "processor_config.json");
}

std::vector<BenchResult> bench_vision(const BenchJob& job, const vision::VisionEncoder& encoder) {
  std::vector<BenchResult> results;
  for (const int batch : kBatches) results.push_back(bench_encoder(job, encoder, batch));
  if (has_processor(job.folder)) results.push_back(bench_frame(job, encoder.config()));
  return results;
}

}  // namespace

std::vector<BenchResult> bench_vit(const BenchJob& job) {
  const auto config =
      vision::parse_vision_config(weights::JsonObject::open(job.folder / "config.json"), "vit");
  const auto table = weights::WeightTable::open(job.folder);
  return bench_vision(
      job, {job.context, config, layers::find_weights(table, {"", "vit."}, "embeddings.cls_token")});
}

std::vector<BenchResult> bench_contrastive(const BenchJob& job) {
  return bench_vision(job, vision::ContrastiveModel(job.context, job.folder).vision());
}

}  // namespace vedette::models::runtime
