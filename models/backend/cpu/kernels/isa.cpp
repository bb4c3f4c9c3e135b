#include "models/backend/cpu/kernels/isa.h"

#include <array>
#include <atomic>
#include <cassert>
#include <cstdint>

#include "hwy/highway.h"
#include "models/backend/cpu/kernels/microkernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace vedette::models::backend::cpu::kernels {

namespace {

#if defined(__x86_64__)

// The kernel hands out AMX's 8 KiB of tile registers only to processes that ask
// (Documentation/arch/x86/xstate.rst).
bool amx_granted() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
  constexpr unsigned kAmxBf16 = 1U << 22, kAmxTile = 1U << 24;
  if ((edx & kAmxBf16) == 0 || (edx & kAmxTile) == 0) return false;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

Isa detect() {
  __builtin_cpu_init();
  if ((hwy::SupportedTargets() & HWY_AVX2) == 0) return Isa::kBaseline;
  if ((hwy::SupportedTargets() & HWY_AVX3) == 0) return Isa::kAvx2;
  if (!__builtin_cpu_supports("avx512vnni") || !__builtin_cpu_supports("avx512bf16")) return Isa::kAvx512;
  return amx_granted() && amx_multiplies_right() ? Isa::kAmx : Isa::kAvx512Bf16;
}

std::int64_t highway_targets(Isa isa) {
  std::int64_t targets = HWY_SSE4 | HWY_SCALAR;
  if (isa >= Isa::kAvx2) targets |= HWY_AVX2;
  if (isa >= Isa::kAvx512) targets |= HWY_AVX3;
  return targets;
}

#else

Isa detect() {
  return Isa::kBaseline;
}
std::int64_t highway_targets(Isa) {
  return HWY_STATIC_TARGET;
}

#endif

Isa best_isa() {
  static const Isa best = detect();
  return best;
}

constexpr int kUnlimited = -1;
std::atomic<int> limit{kUnlimited};  // a test's wish; kernels ask on every call

}  // namespace

const char* to_string(Isa isa) {
  switch (isa) {
    case Isa::kBaseline: return "baseline";
    case Isa::kAvx2: return "AVX2";
    case Isa::kAvx512: return "AVX-512";
    case Isa::kAvx512Bf16: return "AVX-512 BF16";
    case Isa::kAmx: return "AMX";
  }
  return "?";
}

std::span<const Isa> supported_isas() {
  static constexpr std::array kAll{Isa::kBaseline, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Bf16, Isa::kAmx};
  return {kAll.data(), static_cast<std::size_t>(best_isa()) + 1};
}

Isa current_isa() {
  const int wish = limit.load(std::memory_order_relaxed);
  return wish == kUnlimited ? best_isa() : static_cast<Isa>(wish);
}

void limit_isa(Isa isa) {
  assert(isa <= best_isa());
  hwy::SetSupportedTargetsForTest(0);
  if (isa < best_isa()) hwy::SetSupportedTargetsForTest(highway_targets(isa));
  limit = static_cast<int>(isa);
}

}  // namespace vedette::models::backend::cpu::kernels
