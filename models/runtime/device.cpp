#include "models/runtime/device.h"

#include <array>
#include <filesystem>

#include "models/backend/cuda_library.h"

namespace vedette::models::runtime {

namespace {

constexpr const char* kCannotRun = "models do not run on it: their results are read in host memory";

}  // namespace

Gpu find_gpu() {
  // The driver's control device, under Linux and under WSL.
  constexpr std::array<const char*, 2> kDevices{"/dev/nvidiactl", "/dev/dxg"};
  std::error_code ignored;
  bool driver = false;
  for (const char* device : kDevices) driver = driver || std::filesystem::exists(device, ignored);
  if (!driver) return {"", "this machine has no NVIDIA driver"};
  Gpu gpu;
  if (const auto backend = backend::open_cuda_backend(gpu.reason)) gpu.name = backend->name();
  return gpu;
}

std::string choose_device(DeviceChoice wanted, const std::function<Gpu()>& look) {
  if (wanted == DeviceChoice::kCpu) return "CPU: as asked for";
  const Gpu gpu = look();
  if (wanted == DeviceChoice::kCuda) {
    throw DeviceError(gpu.name.empty() ? "device cuda: no GPU can be used: " + gpu.reason
                                       : "device cuda: " + gpu.name + " is there, but " + kCannotRun);
  }
  if (gpu.name.empty()) return "CPU: no GPU can be used: " + gpu.reason;
  return "CPU: " + gpu.name + " is there, but " + kCannotRun;
}

}  // namespace vedette::models::runtime
