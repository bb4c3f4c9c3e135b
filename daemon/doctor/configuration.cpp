#include <sys/stat.h>

#include "daemon/doctor/access.h"
#include "daemon/doctor/checks.h"

namespace vedette::daemon::doctor {

namespace {

constexpr const char* kSubject = "configuration";

// Where a password stands in the file, not everybody should read it.
void check_mode(const std::filesystem::path& file, bool has_password, const Tell& tell) {
  struct stat status {};
  if (has_password && stat(file.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0) {
    tell({Level::kWarning, kSubject, file.string() + " holds a password, and everybody may read it",
          "chmod 640 " + file.string()});
  }
  if (service_may_read(file) == false) {
    tell({Level::kProblem, kSubject,
          "the user " + std::string(kServiceUser) + " may not read " + file.string(),
          "chgrp " + std::string(kServiceUser) + " " + file.string() + " && chmod 640 " + file.string()});
  }
}

}  // namespace

std::optional<settings::Settings> check_configuration(const std::filesystem::path& file,
                                                      const settings::Environment& environment,
                                                      const Tell& tell) {
  try {
    settings::Settings read = settings::load(file, environment);
    tell({Level::kOk, kSubject,
          file.string() + ", " + std::to_string(read.streams.size()) +
              (read.streams.size() == 1 ? " stream" : " streams"),
          ""});
    bool has_password = false;
    for (const std::string& warning : read.warnings) {
      has_password = has_password || warning.find("in the clear") != std::string::npos;
      tell({Level::kWarning, kSubject, warning, ""});
    }
    check_mode(file, has_password, tell);
    return read;
  } catch (const settings::SettingsError& error) {
    for (const settings::Problem& problem : error.problems()) {
      tell({Level::kProblem, kSubject,
            file.string() + ":" + std::to_string(problem.line) + ":" + std::to_string(problem.column) + ": " +
                problem.key + ": " + problem.message,
            ""});
    }
  } catch (const std::exception& error) {
    tell({Level::kProblem, kSubject, error.what(), "vedette init writes one"});
  }
  return std::nullopt;
}

}  // namespace vedette::daemon::doctor
