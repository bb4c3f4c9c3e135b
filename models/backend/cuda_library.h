#pragma once

#include <memory>
#include <string>

#include "models/backend/backend.h"

namespace vedette::models::backend {

// The backend of libvedette-cuda.so, which lies beside libvedette.so; null when that cannot be used, and then
// `reason` says why (the library is missing or of another build, there is no driver, no device, ...). The
// library stays loaded.
std::unique_ptr<Backend> open_cuda_backend(std::string& reason);

}  // namespace vedette::models::backend
