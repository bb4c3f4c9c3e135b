#include "models/backend/cuda_library.h"

#include <dlfcn.h>

#include <filesystem>

namespace vedette::models::backend {

namespace {

// The folder that this code was loaded from, so that a build tree and an installed one each find their own.
std::filesystem::path own_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&open_cuda_backend), &info) == 0 || info.dli_fname == nullptr)
    return {};
  return std::filesystem::path(info.dli_fname).parent_path();
}

}  // namespace

std::unique_ptr<Backend> open_cuda_backend(std::string& reason) {
  // RTLD_LOCAL: its vendor libraries must not meet those of others. Never closed: the backend's code lives
  // there.
  const std::string path = own_folder() / "libvedette-cuda.so";
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    reason = dlerror();  // names this library, or only one of the toolkit's that it needs
    if (reason.find(path) == reason.npos) reason = path + ": " + reason;
    return nullptr;
  }
  using Open = void* (*)(char*, std::size_t);
  const auto open = reinterpret_cast<Open>(dlsym(library, "vedette_cuda_open"));
  if (open == nullptr) {
    reason = "libvedette-cuda.so does not offer vedette_cuda_open";
    return nullptr;
  }
  char text[512] = "";
  auto* backend = static_cast<Backend*>(open(text, sizeof(text)));
  reason = text;
  return std::unique_ptr<Backend>(backend);
}

}  // namespace vedette::models::backend
