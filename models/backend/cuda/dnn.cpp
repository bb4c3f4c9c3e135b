#include "models/backend/cuda/dnn.h"

#include <stdexcept>
#include <string>

namespace vedette::models::backend::cuda {

namespace {

void check(cudnnStatus_t code, const char* call) {
  if (code == CUDNN_STATUS_SUCCESS) return;
  throw std::runtime_error(std::string(call) + ": " + cudnnGetErrorString(code) + " (" +
                           std::to_string(code) + ")");
}

// Rows as pictures of one pixel with `columns` channels.
void describe(cudnnTensorDescriptor_t descriptor, const Matrix& matrix) {
  const int columns = static_cast<int>(matrix.columns);
  check(cudnnSetTensor4dDescriptorEx(descriptor, CUDNN_DATA_FLOAT, static_cast<int>(matrix.rows), columns, 1,
                                     1, static_cast<int>(matrix.stride), 1, 1, 1),
        "cudnnSetTensor4dDescriptorEx");
}

}  // namespace

Dnn::Dnn(cudaStream_t stream) {
  check(cudnnCreate(&handle_), "cudnnCreate");
  check(cudnnSetStream(handle_, stream), "cudnnSetStream");
  check(cudnnCreateTensorDescriptor(&x_), "cudnnCreateTensorDescriptor");
  check(cudnnCreateTensorDescriptor(&y_), "cudnnCreateTensorDescriptor");
}

Dnn::~Dnn() {
  cudnnDestroyTensorDescriptor(y_);
  cudnnDestroyTensorDescriptor(x_);
  cudnnDestroy(handle_);
}

void Dnn::softmax(Matrix x, bool log, Matrix y) {
  const std::lock_guard lock(mutex_);
  const float one = 1.0F, zero = 0.0F;
  describe(x_, x);
  describe(y_, y);
  check(cudnnSoftmaxForward(handle_, log ? CUDNN_SOFTMAX_LOG : CUDNN_SOFTMAX_ACCURATE,
                            CUDNN_SOFTMAX_MODE_INSTANCE, &one, x_, x.data, &zero, y_, y.data),
        "cudnnSoftmaxForward");
}

}  // namespace vedette::models::backend::cuda
