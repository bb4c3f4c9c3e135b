#include "tests/support/run_program.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "tests/support/temporary_folder.h"

namespace vedette::test {

namespace {

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

[[noreturn]] void become(const std::vector<std::string>& command, const std::vector<std::string>& environment,
                         const std::filesystem::path& folder) {
  if (std::freopen((folder / "in").c_str(), "r", stdin) == nullptr ||
      std::freopen((folder / "out").c_str(), "w", stdout) == nullptr ||
      std::freopen((folder / "err").c_str(), "w", stderr) == nullptr) {
    ::_exit(127);
  }
  for (const std::string& setting : environment) ::putenv(const_cast<char*>(setting.c_str()));
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& command, const std::string& input,
                          const std::vector<std::string>& environment) {
  const TemporaryFolder folder;
  folder.write("in", input);
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) become(command, environment, folder.path());
  int status = 0;
  if (::waitpid(child, &status, 0) != child) throw std::runtime_error("waitpid failed");
  const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  if (code == 127) throw std::runtime_error("cannot run " + command[0]);
  return {code, content(folder.path() / "out"), content(folder.path() / "err")};
}

}  // namespace vedette::test
