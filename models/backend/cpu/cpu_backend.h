#pragma once

#include <memory>

#include "models/backend/backend.h"
#include "models/backend/worker_pool.h"

namespace vedette::models::backend::cpu {

// The backend that is always there. Memory is the host's, everything is done when a call returns.
// `pool`: packs weights, so that models load faster, and must outlive the backend; null: the caller's thread
// does.
std::unique_ptr<Backend> make_cpu_backend(WorkerPool* pool = nullptr);

}  // namespace vedette::models::backend::cpu
