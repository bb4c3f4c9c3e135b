#include "models/backend/cuda_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vedette::models::backend {
namespace {

TEST(CudaLibraryTest, GivesABackendOrSaysWhyNot) {
  std::string reason;
  const auto backend = open_cuda_backend(reason);
  if (backend != nullptr) {
    EXPECT_EQ(backend->device(), tensor::Device::kCuda);
    EXPECT_STRNE(backend->name(), "");
    EXPECT_EQ(reason, "");
    return;
  }
#ifdef VEDETTE_HAS_CUDA_LIBRARY
  // It loads without a driver or a device, and names the call that found none.
  EXPECT_THAT(reason, testing::StartsWith("cudaGetDeviceCount: "))
      << "the library itself should have been opened";
#else
  EXPECT_THAT(reason, testing::HasSubstr("libvedette-cuda.so"));
#endif
}

TEST(CudaLibraryTest, SaysTheSameAgain) {
  std::string first, second;
  const bool had = open_cuda_backend(first) != nullptr;
  EXPECT_EQ(open_cuda_backend(second) != nullptr, had);
  EXPECT_EQ(first, second);
}

}  // namespace
}  // namespace vedette::models::backend
