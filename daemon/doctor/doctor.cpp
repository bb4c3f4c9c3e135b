#include "daemon/doctor/doctor.h"

#include "daemon/doctor/checks.h"

namespace vedette::daemon::doctor {

void examine(const std::filesystem::path& file, const settings::Environment& environment,
             const DoctorOptions& options, const std::function<void(const Finding&)>& tell) {
  const auto settings = check_configuration(file, environment, tell);
  if (!settings) return;
  check_redis(*settings, tell);
  const std::uint64_t model_bytes = check_models(settings->models, environment, tell);
  check_evidence(settings->evidence, environment, tell);
  const bool running = check_http(*settings, tell);
  if (!running) check_memory(*settings, model_bytes, tell);  // else it has it already
  check_elements(*settings, tell);
  if (options.streams) check_streams(*settings, options, tell);
}

}  // namespace vedette::daemon::doctor
