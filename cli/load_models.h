#pragma once

#include <memory>
#include <string>

#include "daemon/narration/sight_parts.h"
#include "models/runtime/runtime.h"

namespace vedette::cli {

// The models that a command asks for, by names or folders; "": not wanted.
struct ModelNames {
  std::string hear, see, think;
};

struct LoadedModels {
  std::shared_ptr<models::runtime::Runtime> runtime;
  std::unique_ptr<daemon::narration::SightParts> parts;
};

// Throws: CommandError (kMissing) for a model or device that is not there.
LoadedModels load_models(const ModelNames& names, const std::string& device, int threads);

}  // namespace vedette::cli
