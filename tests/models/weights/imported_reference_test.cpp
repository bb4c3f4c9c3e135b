// The imported real models against what other programs read from the same packages.
#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "models/weights/weight_table.h"
#include "tests/support/real_models.h"

namespace vedette::models::weights {
namespace {

using nlohmann::json;

class ImportedReference : public testing::TestWithParam<const char*> {};

TEST_P(ImportedReference, HoldsTheSameValues) {
  const json golden =
      json::parse(std::ifstream(VEDETTE_SOURCE_DIR "/tests/golden/weights/imported.json")).at(GetParam());
  const WeightTable table = WeightTable::open(test::real_model(GetParam()));
  ASSERT_GE(golden.size(), 10U);
  for (const auto& [name, expected] : golden.items()) {
    const auto values =
        table.read_f32(name, tensor::Shape(expected["shape"].get<std::vector<std::int64_t>>()));
    const auto data = values.as<float>();
    for (std::size_t i = 0; i < expected["first"].size(); ++i)
      EXPECT_EQ(data[i], expected["first"][i].get<float>()) << name;
    EXPECT_EQ(data.back(), expected["last"].get<float>()) << name;
    const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size_bytes());
    EXPECT_EQ(crc, expected["crc32"].get<unsigned long>()) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, ImportedReference,
                         testing::Values("whisper-tiny.en", "smollm2-135m-instruct"),
                         [](const auto& model) { return std::string(model.param).substr(0, 7); });

}  // namespace
}  // namespace vedette::models::weights
