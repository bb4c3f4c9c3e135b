#include "models/layers/parameters.h"

#include <stdexcept>

namespace vedette::models::layers {

namespace {

constexpr int kReported = 10;

std::string problem_of(const weights::WeightTable& weights, const Parameter& parameter) {
  const weights::Weight* weight = weights.find(parameter.name);
  if (weight == nullptr) return parameter.optional ? "" : "missing, expected " + parameter.shape.to_string();
  if (!weight->unsupported.empty()) return "cannot be read: " + weight->unsupported;
  const tensor::DType dtype = weight->view.dtype();
  if (dtype != tensor::DType::kF32 && dtype != tensor::DType::kBF16 && dtype != tensor::DType::kF16) {
    return std::string("expected f32, bf16 or f16, received ") + tensor::to_string(dtype);
  }
  if (weight->view.shape() == parameter.shape) return "";
  return "expected " + parameter.shape.to_string() + ", received " + weight->view.shape().to_string();
}

}  // namespace

void check_parameters(const weights::WeightTable& weights, std::span<const Parameter> parameters) {
  std::string report;
  int problems = 0;
  for (const Parameter& parameter : parameters) {
    const std::string problem = problem_of(weights, parameter);
    if (problem.empty()) continue;
    if (++problems > kReported) continue;
    const weights::Weight* weight = weights.find(parameter.name);
    report += "\n  " + parameter.name + ": " + problem;
    if (weight != nullptr) report += " in " + weight->file.filename().string();
  }
  if (problems == 0) return;
  if (problems > kReported) report += "\n  and " + std::to_string(problems - kReported) + " more";
  throw std::runtime_error(weights.source().string() + ": the tensors do not fit the config:" + report);
}

}  // namespace vedette::models::layers
