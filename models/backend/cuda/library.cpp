// The one symbol that libvedette-cuda.so exports; models/backend/cuda_library.cpp is its only caller.
#include <cstddef>
#include <cstdio>
#include <exception>

#include "base/build_id.h"
#include "base/build_id_here.h"
#include "models/backend/cuda/cuda_backend.h"

// A new backend for the first CUDA device, which the caller deletes; or null and a sentence in `reason` (cut
// to `reason_bytes`, ended by a zero): another build's libvedette.so, no driver, no device, one that is too
// old.
extern "C" __attribute__((visibility("default"))) void* vedette_cuda_open(char* reason,
                                                                          std::size_t reason_bytes) {
  const auto refuse = [&](const char* text) -> void* {
    std::snprintf(reason, reason_bytes, "%s", text);
    return nullptr;
  };
  try {
    const std::string mismatch =
        vedette::base::build_mismatch(vedette::base::kBuildIdHere, "libvedette-cuda.so");
    if (!mismatch.empty()) return refuse(mismatch.c_str());
    return static_cast<vedette::models::backend::Backend*>(new vedette::models::backend::cuda::CudaBackend());
  } catch (const std::exception& error) {
    return refuse(error.what());
  }
}
