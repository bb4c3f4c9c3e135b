// A folder in vedette-nano's format against the trainer's own code, and folders that cannot see.
#include "models/runtime/sight_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include "models/backend/cpu/cpu_backend.h"
#include "models/runtime/runtime.h"
#include "models/runtime/sound_rows.h"
#include "models/weights/safetensors_writer.h"
#include "models/weights/weight_table.h"

namespace vedette::models::runtime {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

fs::path golden() {
  return fs::path(VEDETTE_SOURCE_DIR) / "tests/golden/nano";
}

struct Machine {
  std::unique_ptr<backend::Backend> backend = backend::cpu::make_cpu_backend();
  backend::WorkerPool pool{2};
  backend::ComputeContext context{*backend, pool, tensor::DType::kF32};
};

ImageFrame rgb_frame(const tensor::TensorView& pixels) {
  ImageFrame frame;
  frame.view.format = preprocess::PixelFormat::kRgb;
  frame.view.height = static_cast<int>(pixels.shape()[0]);
  frame.view.width = static_cast<int>(pixels.shape()[1]);
  frame.view.planes[0] = {static_cast<const std::uint8_t*>(pixels.data()), pixels.bytes()};
  frame.view.strides[0] = 3 * frame.view.width;
  return frame;
}

TEST(SightModel, NanoIsTheTrainers) {
  Machine machine;
  const SightModel model(machine.context, SightFolder::open(golden()));
  EXPECT_EQ(model.picture_tokens(), 25);
  EXPECT_EQ(model.token_columns(), 32);
  const auto table = weights::WeightTable::open_file(golden() / "outputs.safetensors");
  std::vector<ImageFrame> frames;
  const std::vector<std::string> names = {"picture_0", "picture_1", "picture_2"};
  for (const std::string& name : names) frames.push_back(rgb_frame(table.get(name).view));
  // One that cannot be read stands among them, and the others do not mind.
  frames.insert(frames.begin() + 1, frames[0]);
  frames[1].view.strides[0] = 1;
  std::vector<EncodedImage> encoded(frames.size());
  model.encode(machine.context, frames, encoded);
  EXPECT_TRUE(encoded[1].error);
  encoded.erase(encoded.begin() + 1);
  std::ifstream file(golden() / "sightings.json");
  const auto expected = nlohmann::json::parse(file);
  for (std::size_t i = 0; i < names.size(); ++i) {
    ASSERT_FALSE(encoded[i].error);
    const auto theirs = table.get(names[i] + ".tokens", {25, 32}).view.as<float>();
    float worst = 0.0F;
    for (std::size_t v = 0; v < theirs.size(); ++v)
      worst = std::max(worst, std::abs(theirs[v] - encoded[i].tokens.as<float>()[v]));
    EXPECT_LE(worst, 1e-4F) << names[i];
    const auto& seen = expected.at(names[i]);
    ASSERT_EQ(encoded[i].sightings.size(), seen.size()) << names[i];
    for (std::size_t thing = 0; thing < seen.size(); ++thing) {
      EXPECT_EQ(encoded[i].sightings[thing].what, seen[thing]["what"]);
      EXPECT_EQ(encoded[i].sightings[thing].where, seen[thing]["where"]);
      EXPECT_NEAR(encoded[i].sightings[thing].score, seen[thing]["score"].get<float>(), 1e-4F);
      EXPECT_EQ(encoded[i].sightings[thing].of_picture, seen[thing].value("of_picture", false));
    }
  }
}

TEST(SoundRows, AreTheTrainers) {
  Machine machine;
  SoundRows rows(*machine.backend, machine.pool, tensor::DType::kF32, golden() / "sound_projector", 12, 32);
  const auto table = weights::WeightTable::open_file(golden() / "outputs.safetensors");
  for (const std::string name : {"sound_0", "sound_1", "sound_2", "sound_3"}) {
    const tensor::TensorView& states = table.get(name).view;
    const tensor::Tensor received = rows.project(states, 0, states.shape()[0]);
    const auto& expected = table.get(name + ".rows", received.shape()).view;
    for (std::size_t i = 0; i < expected.as<float>().size(); ++i)
      ASSERT_NEAR(received.as<float>()[i], expected.as<float>()[i], 1e-4F) << name << " value " << i;
  }
  // A span inside a window is the span by itself.
  const tensor::TensorView& states = table.get("sound_0").view;
  const tensor::Tensor inside = rows.project(states, 25, 25), whole = rows.project(states, 0, 75);
  for (std::size_t i = 0; i < 32; ++i) EXPECT_EQ(inside.as<float>()[i], whole.as<float>()[32 + i]);
  EXPECT_THROW(rows.project(states, 70, 6), std::invalid_argument);
  EXPECT_THROW(rows.project(states, 0, 0), std::invalid_argument);
  EXPECT_THROW(rows.project(table.get("prompt.rows").view, 0, 1), std::invalid_argument);
}

TEST(SoundRows, AreNotForAnotherSpeechModel) {
  Machine machine;
  const SightFolder folder = SightFolder::open(golden());
  const auto load = [&](const char* hear, std::int64_t states, std::int64_t hidden) {
    return load_sound_rows(*machine.backend, machine.pool, tensor::DType::kF32, folder,
                           {hear, states, hidden});
  };
  EXPECT_NE(load("tiny", 12, 32), nullptr);
  EXPECT_EQ(load("whisper-base", 12, 32), nullptr);
  EXPECT_THROW(load("tiny", 13, 32), std::runtime_error);
}

// A copy of the golden folder of which a test spoils one file.
class SpoiltSight : public testing::Test {
 protected:
  SpoiltSight() : folder_(fs::path(testing::TempDir()) / ("sight-" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::copy(golden(), folder_, fs::copy_options::recursive);
  }
  ~SpoiltSight() override { fs::remove_all(folder_); }

  // The message when `key` of the file is another value.
  std::string with(const std::string& file, const std::string& key, const nlohmann::json& value) {
    std::ifstream in(golden() / file);
    auto config = nlohmann::json::parse(in);
    if (value.is_null()) {
      config.erase(key);
    } else {
      config[key] = value;
    }
    std::ofstream(folder_ / file) << config;
    std::string message = "no error";
    try {
      load();
    } catch (const std::exception& error) {
      message = error.what();
    }
    fs::copy_file(golden() / file, folder_ / file, fs::copy_options::overwrite_existing);
    return message;
  }
  void load() {
    const SightFolder folder = SightFolder::open(folder_);
    const SightModel model(machine_.context, folder);
    load_sound_rows(*machine_.backend, machine_.pool, tensor::DType::kF32, folder, {"tiny", 12, 32});
  }
  Machine machine_;
  fs::path folder_;
};

TEST_F(SpoiltSight, IsRefusedNamingFileAndKey) {
  EXPECT_EQ(with("config.json", "heads", nullptr), "no error");
  EXPECT_THAT(with("config.json", "model_type", "llava"),
              testing::AllOf(HasSubstr("config.json"), HasSubstr("model_type")));
  EXPECT_THAT(with("config.json", "bases", nullptr), HasSubstr("bases: expected an object"));
  EXPECT_THAT(with("config.json", "vision", "../vision"), HasSubstr("vision: expected a folder's name"));
  EXPECT_THAT(with("config.json", "projector", nullptr), HasSubstr("projector: expected"));
  EXPECT_THAT(with("projector/config.json", "in", 17), HasSubstr("in: expected the encoder's 16"));
  EXPECT_THAT(with("projector/config.json", "hidden", 65),
              testing::AllOf(HasSubstr("linear_1.weight"), HasSubstr("[65, 64]")));
  EXPECT_THAT(with("projector/config.json", "scale_factor", 3),
              HasSubstr("scale_factor: expected a divisor"));
  EXPECT_THAT(with("heads/config.json", "kinds", {"nothing", "person"}),
              HasSubstr("patch: expected kind of 2"));
  EXPECT_THAT(with("heads/config.json", "score", {1.0}), HasSubstr("score: expected 3 numbers"));
  EXPECT_THAT(with("heads/config.json", "faults", {"clear", "black"}),
              HasSubstr("whole: expected fault of 2"));
  EXPECT_EQ(with("heads/config.json", "fault_temperature", nullptr), "no error");
  EXPECT_EQ(with("heads/config.json", "presence_least", nullptr), "no error");
  EXPECT_THAT(with("heads/config.json", "presence_least", {0.5}),
              HasSubstr("presence_least: expected 4 numbers"));
  EXPECT_THAT(with("vision/preprocessor_config.json", "size", {{"height", 20}, {"width", 40}}),
              HasSubstr("the image processor gives pictures of 40 x 20"));
  EXPECT_THAT(with("vision/config.json", "hidden_size", 18), HasSubstr("expected"));
  EXPECT_EQ(with("config.json", "sound_projector", nullptr), "no error");
  EXPECT_THAT(with("sound_projector/config.json", "in", 13), HasSubstr("in: expected the speech model's 12"));
  EXPECT_THAT(with("sound_projector/config.json", "out", 33),
              HasSubstr("out: expected the language model's 32"));
  EXPECT_THAT(with("sound_projector/config.json", "model_type", "mlp"),
              HasSubstr("model_type: expected pooled_mlp"));
  EXPECT_THAT(with("sound_projector/config.json", "states_per_row", 0),
              HasSubstr("states_per_row: expected"));
  EXPECT_THAT(with("sound_projector/config.json", "hidden", 25),
              testing::AllOf(HasSubstr("linear_1.weight"), HasSubstr("[25, 24]")));
}

// A weight that is missing, of another shape or of another type.
TEST_F(SpoiltSight, IsRefusedNamingFileAndTensor) {
  using tensor::DType;
  const auto with = [this](const std::string& file, const std::string& name, const tensor::Tensor* other) {
    std::string message = "no error";
    {
      const auto table = weights::WeightTable::open_file(golden() / file);
      EXPECT_EQ(table.all().count(name), 1u) << name;
      std::vector<weights::NamedTensor> named;
      for (const auto& [key, weight] : table.all()) {
        if (key != name) named.push_back({key, weight.view});
      }
      if (other != nullptr) named.push_back({name, other->view()});
      weights::write_safetensors(folder_ / file, named);
    }
    try {
      load();
    } catch (const std::exception& error) {
      message = error.what();
    }
    fs::copy_file(golden() / file, folder_ / file, fs::copy_options::overwrite_existing);
    return message;
  };
  for (const char* file : {"vision/model.safetensors", "projector/model.safetensors",
                           "heads/model.safetensors", "sound_projector/model.safetensors"}) {
    const auto table = weights::WeightTable::open_file(golden() / file);
    const std::string name = table.all().begin()->first;
    const tensor::Shape shape = table.all().begin()->second.view.shape();
    const auto misshapen = tensor::Tensor::zeros(DType::kF32, {shape.count() + 1});
    const auto numbers = tensor::Tensor::zeros(DType::kI64, shape);
    EXPECT_THAT(with(file, name, nullptr), testing::AllOf(HasSubstr(name), HasSubstr("missing"))) << file;
    EXPECT_THAT(with(file, name, &misshapen),
                testing::AllOf(HasSubstr(name), HasSubstr("[" + std::to_string(shape.count() + 1) + "]")))
        << file;
    EXPECT_THAT(with(file, name, &numbers), testing::AllOf(HasSubstr("model.safetensors"), HasSubstr(name)))
        << file;
  }
}

TEST(RuntimeSight, ItsLanguageModelMustBeTheOneThatThinks) {
  RuntimeOptions options;
  options.see = golden();
  options.think = golden();
  std::string message = "no error";
  try {
    Runtime::load(options);
  } catch (const std::exception& error) {
    message = error.what();
  }
  EXPECT_THAT(message, HasSubstr("for the language model llama_lora: expected it as the one that thinks"));
  EXPECT_THAT(message, HasSubstr("received " + golden().string()));
}

TEST(RuntimeSight, EyesAloneNeedNoLanguageModel) {
  RuntimeOptions options;
  options.see = golden();
  const auto runtime = Runtime::load(options);
  EXPECT_TRUE(runtime->can_see());
  EXPECT_FALSE(runtime->can_think());
}

}  // namespace
}  // namespace vedette::models::runtime
