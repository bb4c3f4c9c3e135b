#pragma once

#include <string>
#include <vector>

namespace vedette::test {

// How a program ended and what it printed.
struct ProgramResult {
  int code = 0;  // exit status; 128 + the signal that ended it
  std::string out;
  std::string err;
};

// Runs a program to its end, without a shell. `input` is its standard input; `environment` ("NAME=value") is
// added to ours. Throws: std::runtime_error when it cannot be started.
ProgramResult run_program(const std::vector<std::string>& command, const std::string& input = "",
                          const std::vector<std::string>& environment = {});

}  // namespace vedette::test
