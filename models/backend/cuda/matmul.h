#pragma once

#include <cublasLt.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

#include "models/backend/context.h"

namespace vedette::models::backend::cuda {

// y = x w^T by cuBLASLt, f32 or bf16 inputs, f32 sums and result. Plans are made once per shape and kept;
// thread-safe.
class Matmul {
 public:
  Matmul();
  ~Matmul();
  Matmul(const Matmul&) = delete;
  Matmul& operator=(const Matmul&) = delete;

  // w: [y.columns, in] on the device, x: [y.rows, in] of the same type, rows `x_stride` apart. Enqueues on
  // the stream. Throws: std::runtime_error when cuBLASLt refuses.
  void multiply(ComputeContext& context, cudaStream_t stream, const void* w, const void* x,
                std::int64_t x_stride, std::int64_t in, bool bf16, Matrix y);

 private:
  struct Plan;
  // rows, in, out, strides of x and y, alignment in bytes, bf16
  using Key =
      std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::uint32_t, bool>;
  const Plan& plan_of(ComputeContext& context, const Key& key);

  cublasLtHandle_t handle_ = nullptr;
  std::mutex mutex_;
  std::map<Key, std::unique_ptr<const Plan>> plans_;
};

}  // namespace vedette::models::backend::cuda
