#include "models/runtime/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/runtime/runtime.h"
#include "tests/support/thrown_message.h"

namespace vedette::models::runtime {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

Gpu none() {
  return {"", "no driver here"};
}
Gpu some() {
  return {"GPU 9000", ""};
}

TEST(Device, AutoFallsBackToTheCpuAndSaysWhy) {
  EXPECT_THAT(choose_device(DeviceChoice::kAuto, none),
              AllOf(StartsWith("CPU"), HasSubstr("no driver here")));
}

TEST(Device, AutoStaysOnTheCpuWhereModelsCannotRunOnTheGpu) {
  EXPECT_THAT(choose_device(DeviceChoice::kAuto, some),
              AllOf(StartsWith("CPU"), HasSubstr("GPU 9000"), HasSubstr("host memory")));
}

TEST(Device, TheCpuAsksNobody) {
  const auto look = []() -> Gpu { throw std::logic_error("looked for a GPU"); };
  EXPECT_THAT(choose_device(DeviceChoice::kCpu, look), StartsWith("CPU"));
}

TEST(Device, CudaOrNothing) {
  EXPECT_THROW(choose_device(DeviceChoice::kCuda, none), DeviceError);
  const auto message = [](Gpu (*look)()) {
    return test::thrown_message([look] { choose_device(DeviceChoice::kCuda, look); });
  };
  EXPECT_THAT(message(none), HasSubstr("no driver here"));
  EXPECT_THAT(message(some), HasSubstr("GPU 9000"));
}

TEST(Device, TheRuntimeRefusesBeforeItLoadsAnything) {
  RuntimeOptions options;
  options.device = DeviceChoice::kCuda;
  options.hear = "/nowhere";
  EXPECT_THROW(Runtime::load(options), DeviceError);
}

TEST(Device, TheRuntimeSaysWhereItComputes) {
  EXPECT_THAT(Runtime::load({})->device(), StartsWith("CPU"));
}

}  // namespace
}  // namespace vedette::models::runtime
