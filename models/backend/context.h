#pragma once

#include <cstdint>
#include <span>

#include "models/backend/arena.h"
#include "models/backend/backend.h"
#include "models/backend/worker_pool.h"

namespace vedette::models::backend {

// What a forward pass runs in: the device, the precision, the shared worker pool and scratch memory of its
// own. One thread at a time uses a context; threads that compute side by side (engine, encoder batches) have
// one each over the same backend and pool. Backend and pool must outlive it.
//
// Activations are f32 in memory. `dtype` (f32 or bf16) is that of matrix operands: packed weights, the rows
// that a multiplication reads, and KV pages.
class ComputeContext {
 public:
  ComputeContext(Backend& backend, WorkerPool& pool, tensor::DType dtype)
      : backend_(backend), pool_(pool), scratch_(backend), dtype_(dtype) {}

  Backend& backend() { return backend_; }
  WorkerPool& pool() { return pool_; }
  Arena& scratch() { return scratch_; }
  tensor::DType dtype() const { return dtype_; }

  // Scratch of the current scope, uninitialised, on the device.
  Matrix matrix(std::int64_t rows, std::int64_t columns);
  // As matrix, for anything else that is plain data.
  template <class T>
  std::span<T> array(std::int64_t count) {
    return {reinterpret_cast<T*>(scratch_.take(static_cast<std::size_t>(count) * sizeof(T))),
            static_cast<std::size_t>(count)};
  }

  void parallel_for(std::int64_t count, std::int64_t grain,
                    FunctionRef<void(std::int64_t, std::int64_t)> body) {
    pool_.parallel_for(count, grain, body);
  }
  // Completes what was enqueued; nothing to do on a CPU.
  void synchronize() { backend_.synchronize(); }

  // Neither moves once every shape in use has been seen: tests hold this against operator new as well.
  std::uint64_t arena_growths() const { return scratch_.growths(); }
  std::uint64_t plan_builds() const { return plan_builds_; }
  void count_plan_build() { ++plan_builds_; }  // called by a backend when it builds a vendor plan

 private:
  Backend& backend_;
  WorkerPool& pool_;
  Arena scratch_;
  tensor::DType dtype_;
  std::uint64_t plan_builds_ = 0;
};

}  // namespace vedette::models::backend
