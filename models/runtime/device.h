#pragma once

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

namespace vedette::models::runtime {

// kAuto: a GPU where models can run on one, else the CPU. kCuda: a GPU or nothing.
enum class DeviceChoice : std::uint8_t { kAuto, kCpu, kCuda };

// What was asked for is not there, or cannot run models; the text says why.
class DeviceError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What a look for a GPU found.
struct Gpu {
  std::string name;    // empty: none that can be used
  std::string reason;  // why not
};
// Loads libvedette-cuda.so and opens the first device; but not where the kernel knows of none, for its vendor
// libraries are large.
Gpu find_gpu();

// Where models run, in one sentence for the log. It is the CPU: the CUDA backend has its operators, but the
// runtime reads what models give in host memory, so a GPU that is there is named and left alone. Throws:
// DeviceError for kCuda.
std::string choose_device(DeviceChoice wanted, const std::function<Gpu()>& look = find_gpu);

}  // namespace vedette::models::runtime
