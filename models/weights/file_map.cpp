#include "models/weights/file_map.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace vedette::models::weights {

namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& reason) {
  throw std::runtime_error(path.string() + ": " + reason);
}

std::string error_text(int error) {
  return std::generic_category().message(error);
}

// Closes a file descriptor at the end of its scope.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

std::shared_ptr<const FileMap> FileMap::open(const std::filesystem::path& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) fail(path, "cannot open: " + error_text(errno));
  struct stat status {};
  if (::fstat(file.fd, &status) != 0) fail(path, "cannot stat: " + error_text(errno));
  if (!S_ISREG(status.st_mode)) fail(path, "expected a regular file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return std::shared_ptr<const FileMap>(new FileMap(path, {}));
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (memory == MAP_FAILED) fail(path, "cannot map " + std::to_string(size) + " bytes: " + error_text(errno));
  return std::shared_ptr<const FileMap>(new FileMap(path, {static_cast<const std::byte*>(memory), size}));
}

FileMap::~FileMap() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void FileMap::release_memory() const {
  // Advice only: where it is refused, the pages stay until the system needs them.
  if (!bytes_.empty()) ::madvise(const_cast<std::byte*>(bytes_.data()), bytes_.size(), MADV_DONTNEED);
}

std::string read_text_file(const std::filesystem::path& path, std::size_t limit) {
  const auto map = FileMap::open(path);
  const auto bytes = map->bytes();
  if (bytes.size() > limit) {
    fail(path,
         "expected at most " + std::to_string(limit) + " bytes, received " + std::to_string(bytes.size()));
  }
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace vedette::models::weights
