// oneDNN at the sizes of the encoder and of a prompt, for the choice that docs/performance.md explains:
// weights in the layout that it asks for, one primitive per size, one thread.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <unordered_map>

#include "oneapi/dnnl/dnnl.hpp"

namespace {

using dnnl::memory;

// Arguments: bf16?, m, n, k.
void dnnl_product(benchmark::State& state) {
  const auto type = state.range(0) != 0 ? memory::data_type::bf16 : memory::data_type::f32;
  const memory::dim m = state.range(1), n = state.range(2), k = state.range(3);
  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const memory::desc a({m, k}, type, memory::format_tag::ab), w({k, n}, type, memory::format_tag::any),
      c({m, n}, memory::data_type::f32, memory::format_tag::ab);
  const dnnl::matmul::desc description(a, w, c);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::matmul::primitive_desc plan(description, attributes, engine);
  const dnnl::matmul primitive(plan);
  std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, memory(plan.src_desc(), engine)},
                                            {DNNL_ARG_WEIGHTS, memory(plan.weights_desc(), engine)},
                                            {DNNL_ARG_DST, memory(plan.dst_desc(), engine)},
                                            {DNNL_ARG_SCRATCHPAD, memory(plan.scratchpad_desc(), engine)}};
  for (auto _ : state) {
    primitive.execute(stream, arguments);
    stream.wait();
  }
  state.SetLabel(plan.impl_info_str());
  state.counters["work"] =
      benchmark::Counter(2.0 * static_cast<double>(m * n * k), benchmark::Counter::kIsIterationInvariantRate);
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"bf16", "m", "n", "k"});
  for (const int bf16 : {0, 1}) {
    b->Args({bf16, 1500, 1152, 384})->Args({bf16, 1500, 1536, 384})->Args({bf16, 1500, 384, 1536});
    b->Args({bf16, 512, 960, 576})->Args({bf16, 512, 1536, 576})->Args({bf16, 512, 576, 1536});
  }
}
BENCHMARK(dnnl_product)->Apply(sizes)->Unit(benchmark::kMicrosecond);

}  // namespace
