#pragma once

#include <cudnn.h>

#include <mutex>

#include "models/backend/backend.h"

namespace vedette::models::backend::cuda {

// What cuDNN does for the backend. Thread-safe: its handle is used by one thread at a time.
class Dnn {
 public:
  explicit Dnn(cudaStream_t stream);
  ~Dnn();
  Dnn(const Dnn&) = delete;
  Dnn& operator=(const Dnn&) = delete;

  // y = softmax or log softmax of each row. Throws: std::runtime_error when cuDNN refuses.
  void softmax(Matrix x, bool log, Matrix y);

 private:
  std::mutex mutex_;
  cudnnHandle_t handle_ = nullptr;
  cudnnTensorDescriptor_t x_ = nullptr, y_ = nullptr;
};

}  // namespace vedette::models::backend::cuda
