#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace vedette::models::weights {

// A whole file mapped read-only. The pages are shared with every process that maps the same file, and stay
// readable until the last copy of the pointer that `open` gave is gone. Immutable, so any thread may read it.
// A file that another program shortens while it is mapped ends the process (SIGBUS): model folders are
// replaced by renaming, never written in place.
class FileMap {
 public:
  // Throws: std::runtime_error naming the file and the reason: missing, not a regular file, unreadable.
  static std::shared_ptr<const FileMap> open(const std::filesystem::path& path);

  ~FileMap();
  FileMap(const FileMap&) = delete;
  FileMap& operator=(const FileMap&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::filesystem::path& path() const { return path_; }
  // Gives the memory of what was read so far back to the system; reading it again gets it from the file
  // again.
  void release_memory() const;

 private:
  FileMap(std::filesystem::path path, std::span<const std::byte> bytes)
      : path_(std::move(path)), bytes_(bytes) {}

  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
};

// The whole of a small text file, such as a config. Throws: std::runtime_error naming the file; also when it
// is larger than `limit` bytes.
std::string read_text_file(const std::filesystem::path& path, std::size_t limit = 256u << 20);

}  // namespace vedette::models::weights
