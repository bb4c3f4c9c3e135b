// What this machine can do at most: the floor under the other figures. Give --benchmark_filter and the
// threads to use.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <numeric>
#include <vector>

#include "models/backend/cpu/kernels/gemm.h"
#include "models/backend/cpu/kernels/isa.h"
#include "models/backend/cpu/kernels/microkernels.h"

namespace vedette::models::backend::cpu::kernels {
namespace {

// Reading memory once, in order: every thread sums its own 128 MiB.
void read_memory(benchmark::State& state) {
  const std::vector<std::uint64_t> values(16 * 1024 * 1024, 3);
  for (auto _ : state) {
    std::uint64_t sums[8] = {};
    for (std::size_t i = 0; i < values.size(); i += 8) {
      for (std::size_t j = 0; j < 8; ++j) sums[j] += values[i + j];
    }
    benchmark::DoNotOptimize(std::accumulate(std::begin(sums), std::end(sums), std::uint64_t{0}));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * values.size() * 8));
}
BENCHMARK(read_memory)->ThreadRange(1, 2)->UseRealTime();

// Register tiles over a panel and rows that stay in the first-level cache: what the arithmetic units give.
constexpr std::int64_t kRows = 96, kDepth = 128;

void multiply_add_f32(benchmark::State& state) {
  alignas(64) static thread_local float panel[kDepth * kPanel], a[kRows * kDepth], tile[kRows * kPanel];
  for (auto _ : state) {
    tile_f32(panel, kDepth, a, kDepth, kRows, tile, kPanel, false);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * 2 * kRows * kDepth * kPanel);
}
BENCHMARK(multiply_add_f32)->ThreadRange(1, 2)->UseRealTime();

void multiply_add_bf16(benchmark::State& state) {
  if (current_isa() < Isa::kAvx512Bf16) return state.SkipWithError("this processor has no bf16 dot product");
  alignas(64) static thread_local BFloat16 panel[kDepth * kPanel], a[kRows * kDepth];
  alignas(64) static thread_local float tile[kRows * kPanel];
  const AmxScope amx;
  const BFloat16* const pieces = panel;
  for (auto _ : state) {
    tile_bf16({&pieces, 1, kDepth}, a, kDepth, kRows, tile, kPanel, false);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * 2 * kRows * kDepth * kPanel);
}
BENCHMARK(multiply_add_bf16)->ThreadRange(1, 2)->UseRealTime();

}  // namespace
}  // namespace vedette::models::backend::cpu::kernels
