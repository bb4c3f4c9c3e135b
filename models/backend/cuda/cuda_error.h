#pragma once

#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>

namespace vedette::models::backend::cuda {

// Throws: std::runtime_error with the call, its code and CUDA's text when it failed.
inline void check(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  throw std::runtime_error(std::string(call) + ": " + cudaGetErrorName(code) + " (" + std::to_string(code) +
                           "): " + cudaGetErrorString(code));
}

}  // namespace vedette::models::backend::cuda
