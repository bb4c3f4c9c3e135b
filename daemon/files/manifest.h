#pragma once

#include <chrono>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace vedette::daemon::files {

// One line of a manifest: a question about a stretch of a media file, and what its answer must say.
struct EvalItem {
  int line = 0;                              // counts from 1
  std::filesystem::path file;                // relative ones are from the manifest's folder
  std::chrono::milliseconds from{0}, to{0};  // of the file's time
  std::string slot;                          // what is asked about: answers are counted by it
  std::string question;
  // Right when one of `expect`, if there are any, stands in the answer and none of `reject` does.
  std::vector<std::string> expect, reject;

  bool is_right(std::string_view answer) const;
};

struct Manifest {
  std::vector<EvalItem> items;
  std::vector<std::string>
      problems;  // "NAME:LINE: what was expected and received", of lines that are no item
};

// JSON lines {"file", "from_ms", "to_ms", "slot", "question", "expect": [...], "reject": [...]}; one of the
// two lists may be left out; empty lines are passed over. `name` opens the problems.
Manifest read_manifest(std::istream& in, const std::string& name, const std::filesystem::path& folder);

// Whether `wanted` stands in the answer: whole words, case, spaces and punctuation aside. A number with a
// fraction is one word: "0.9" does not say "0".
bool says(std::string_view answer, std::string_view wanted);

}  // namespace vedette::daemon::files
