#include "models/layers/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/weights/safetensors_writer.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/thrown_message.h"

namespace vedette::models::layers {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(Parameters, NamesEveryTensorThatDoesNotFit) {
  const test::TemporaryFolder folder;
  const auto a = tensor::Tensor::zeros(tensor::DType::kF32, {2, 3}),
             b = tensor::Tensor::zeros(tensor::DType::kF32, {4});
  const weights::NamedTensor tensors[] = {{"a", a}, {"b", b}, {"extra.position_ids", b}};
  weights::write_safetensors(folder.path() / "model.safetensors", tensors);
  const auto table = weights::WeightTable::open(folder.path());

  const Parameter fitting[] = {{"a", {2, 3}}, {"b", {4}, true}, {"c", {9}, true}};
  EXPECT_NO_THROW(check_parameters(table, fitting));
  const Parameter wrong[] = {{"a", {3, 2}}, {"b", {5}, true}, {"c", {9}}};
  EXPECT_THAT(test::thrown_message([&] { check_parameters(table, wrong); }),
              AllOf(HasSubstr(folder.path().string()), HasSubstr("a: expected [3, 2], received [2, 3]"),
                    HasSubstr("b: expected [5], received [4]"), HasSubstr("c: missing, expected [9]")));
}

TEST(Parameters, CutsALongReport) {
  const test::TemporaryFolder folder;
  const auto a = tensor::Tensor::zeros(tensor::DType::kF32, {1});
  const weights::NamedTensor named{"a", a};
  weights::write_safetensors(folder.path() / "model.safetensors", std::span(&named, 1));
  std::vector<Parameter> parameters;
  for (int i = 0; i < 14; ++i) parameters.push_back({"missing." + std::to_string(i), {1}});
  EXPECT_THAT(
      test::thrown_message([&] { check_parameters(weights::WeightTable::open(folder.path()), parameters); }),
      AllOf(HasSubstr("missing.9:"), Not(HasSubstr("missing.10:")), HasSubstr("and 4 more")));
}

}  // namespace
}  // namespace vedette::models::layers
