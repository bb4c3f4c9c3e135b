#pragma once

#include <memory>

#include "models/backend/backend.h"

namespace vedette::models::backend::cpu {

// The backend that is always there. Memory is the host's, everything is done when a call returns.
std::unique_ptr<Backend> make_cpu_backend();

}  // namespace vedette::models::backend::cpu
