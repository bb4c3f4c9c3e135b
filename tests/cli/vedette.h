#pragma once

#include <string>
#include <vector>

#include "tests/support/run_program.h"

namespace vedette::test {

// The built `vedette` command with these arguments.
inline ProgramResult vedette(std::vector<std::string> arguments, const std::string& input = "",
                             const std::vector<std::string>& environment = {}) {
  arguments.insert(arguments.begin(), VEDETTE_BINARY_DIR "/bin/vedette");
  return run_program(arguments, input, environment);
}

}  // namespace vedette::test
