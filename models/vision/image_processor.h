#pragma once

#include <filesystem>

#include "models/preprocess/image_spec.h"
#include "models/weights/json_object.h"

namespace vedette::models::vision {

// What a folder's preprocessor_config.json says, or the image_processor in its processor_config.json, with
// the defaults of the processor's class (image_processor_type) filled in. Throws: std::runtime_error naming
// file, key, expected and received, also for what Vedette cannot do.
preprocess::ImageSpec load_image_spec(const std::filesystem::path& folder);
preprocess::ImageSpec parse_image_spec(const weights::JsonObject& config);

}  // namespace vedette::models::vision
