// The CPU kernels alone, on one thread, at the sizes of Whisper tiny and SmolLM2-135M. `work/s` is
// multiply-adds times two for products, bytes of weights for a decoder's step.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "models/backend/cpu/kernels/attention.h"
#include "models/backend/cpu/kernels/gemm.h"
#include "models/backend/cpu/kernels/rows.h"

namespace vedette::models::backend::cpu::kernels {
namespace {

std::vector<float> random_values(std::int64_t count) {
  std::mt19937 generator{5};
  std::uniform_real_distribution<float> distribution(-1.0F, 1.0F);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = distribution(generator);
  return values;
}

struct AlignedBytes {
  explicit AlignedBytes(std::int64_t bytes)
      : memory(std::aligned_alloc(64, static_cast<std::size_t>(bytes + 63) / 64 * 64), &std::free) {
    std::fill_n(static_cast<char*>(memory.get()), bytes, '\0');
  }
  std::unique_ptr<void, void (*)(void*)> memory;
};

// Arguments: format, m, n, k. Enough copies of the weights that a decoder's step finds them in memory, not in
// cache.
void product(benchmark::State& state) {
  const auto format = static_cast<WeightFormat>(state.range(0));
  const std::int64_t m = state.range(1), n = state.range(2), k = state.range(3);
  const auto a = random_values(m * k), w = random_values(n * k);
  std::vector<PackedMatrix> copies;
  const std::int64_t wanted = m > 16 ? 1 : 128 * 1024 * 1024 / (n * k) + 1;
  for (std::int64_t i = 0; i < wanted; ++i) copies.push_back(pack_matrix(format, w.data(), k, n, k));
  std::vector<float> c(static_cast<std::size_t>(m * n));
  AlignedBytes scratch(activation_bytes(copies[0], m));
  Epilogue epilogue;
  epilogue.f32 = c.data();
  epilogue.ld = n;
  const GemmPlan plan = plan_gemm(copies[0], m, 2);
  std::size_t turn = 0;
  for (auto _ : state) {
    const PackedMatrix& packed = copies[turn++ % copies.size()];
    const Activations rows = prepare_activations(packed, m, a.data(), k, 0, m, scratch.memory.get());
    for (std::int64_t task = 0; task < plan.tasks(); ++task)
      run_gemm_task(packed, rows, epilogue, plan, task);
    benchmark::ClobberMemory();
  }
  const double work = m > 16 ? 2.0 * static_cast<double>(m * n * k) : static_cast<double>(copies[0].bytes());
  state.counters["work"] = benchmark::Counter(work, benchmark::Counter::kIsIterationInvariantRate);
}

void product_sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"format", "m", "n", "k"});
  for (const int format : {0, 1, 2}) {
    b->Args({format, 1500, 1152, 384})->Args({format, 1500, 1536, 384})->Args({format, 1500, 384, 1536});
    b->Args({format, 512, 960, 576})->Args({format, 512, 1536, 576})->Args({format, 512, 576, 1536});
    for (const int m : {1, 4, 8, 16}) b->Args({format, m, 1536, 576});
  }
}
BENCHMARK(product)->Apply(product_sizes)->Unit(benchmark::kMicrosecond);

// Arguments: bf16?, head_dim, keys, tokens, group.
void attention(benchmark::State& state) {
  const KvFormat format = state.range(0) != 0 ? KvFormat::kBF16 : KvFormat::kF32;
  const std::int64_t head_dim = state.range(1), keys = state.range(2), tokens = state.range(3),
                     group = state.range(4);
  const auto rows = random_values((keys + kPageTokens) * head_dim),
             q = random_values(tokens * group * head_dim);
  const std::int64_t count = (keys + kPageTokens - 1) / kPageTokens, bytes = kv_page_bytes(format, head_dim);
  AlignedBytes memory(count * bytes);
  std::vector<const void*> pages;
  for (std::int64_t page = 0; page < count; ++page) {
    auto* at = static_cast<std::byte*>(memory.memory.get()) + page * bytes;
    const float* first = rows.data() + page * kPageTokens * head_dim;
    kv_store(format, at, head_dim, 0, std::min(kPageTokens, keys - page * kPageTokens), first, head_dim,
             first, head_dim);
    pages.push_back(at);
  }
  std::vector<float> out(q.size());
  AttentionArgs args;
  args.format = format;
  args.head_dim = head_dim;
  args.scale = 0.125F;
  args.pages = pages.data();
  args.keys = keys;
  args.q = q.data();
  args.ldq = args.ldo = group * head_dim;
  args.tokens = tokens;
  args.group = group;
  args.first_visible = tokens == keys && group > 1 ? 1 : keys;
  args.out = out.data();
  for (auto _ : state) {
    for (std::int64_t task = 0; task < attention_tasks(tokens, group); ++task) run_attention_task(args, task);
    benchmark::ClobberMemory();
  }
  const double share = args.first_visible == 1 ? 0.5 : 1.0;
  state.counters["work"] =
      benchmark::Counter(4.0 * share * static_cast<double>(tokens * group * keys * head_dim),
                         benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(attention)
    ->ArgNames({"bf16", "dim", "keys", "tokens", "group"})
    ->ArgsProduct({{0, 1}, {64}, {1500}, {1500, 1}, {1}})
    ->ArgsProduct({{0, 1}, {64}, {512}, {512, 1}, {3}})
    ->Unit(benchmark::kMicrosecond);

void store_window(benchmark::State& state) {
  const KvFormat format = state.range(0) != 0 ? KvFormat::kBF16 : KvFormat::kF32;
  const auto rows = random_values(kPageTokens * 64);
  AlignedBytes page(kv_page_bytes(format, 64));
  for (auto _ : state) {
    kv_store(format, page.memory.get(), 64, 0, kPageTokens, rows.data(), 64, rows.data(), 64);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(store_window)->ArgName("bf16")->Arg(0)->Arg(1);

void layer_norm_1500x384(benchmark::State& state) {
  auto x = random_values(1500 * 384);
  const auto gamma = random_values(384);
  std::vector<float> y(x.size());
  for (auto _ : state) {
    layer_norm(x.data(), 384, 1500, 384, gamma.data(), gamma.data(), 1e-5F, y.data(), 384);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(layer_norm_1500x384)->Unit(benchmark::kMicrosecond);

void gelu_erf_1500x1536(benchmark::State& state) {
  auto x = random_values(1500 * 1536);
  std::vector<float> y(x.size());
  for (auto _ : state) {
    gelu_erf(x.data(), 1500 * 1536, y.data());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(gelu_erf_1500x1536)->Unit(benchmark::kMicrosecond);

void argmax_49152(benchmark::State& state) {
  const auto x = random_values(49152);
  for (auto _ : state) benchmark::DoNotOptimize(argmax(x.data(), 49152));
}
BENCHMARK(argmax_49152)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace vedette::models::backend::cpu::kernels
