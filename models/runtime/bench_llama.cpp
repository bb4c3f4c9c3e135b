#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "models/language/model_folder.h"
#include "models/ops/rows.h"
#include "models/runtime/family.h"

namespace vedette::models::runtime {

namespace {

using language::DecoderSlice;
using language::Logits;

constexpr std::int64_t kPromptTokens = 512;   // of the prefill
constexpr std::int64_t kContextTokens = 128;  // before decoding begins
constexpr std::int64_t kDecodedTokens = 64;   // per sequence and repeat
constexpr int kBatches[] = {1, 4, 8};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Tokens that are all over the vocabulary, so that embedding rows are not all in a cache.
std::vector<std::int32_t> made_up_tokens(std::int64_t count, std::int64_t vocabulary) {
  std::vector<std::int32_t> tokens;
  for (std::int64_t i = 0; i < count; ++i) tokens.push_back(static_cast<std::int32_t>(i * 7919 % vocabulary));
  return tokens;
}

// Appends tokens of one sequence and returns the likeliest next one.
std::int32_t prefill(backend::ComputeContext& context, const language::Decoder& decoder,
                     layers::KvSequence& sequence, std::int64_t count, backend::Matrix logits) {
  const auto tokens = made_up_tokens(count, decoder.config().vocabulary);
  const DecoderSlice slice{&sequence, 0, count, Logits::kLast};
  if (!sequence.reserve(count)) throw std::runtime_error("bench: the KV pool is full");
  decoder.forward(context, {.tokens = tokens, .slices = std::span(&slice, 1)}, logits.row_range(0, 1));
  std::int32_t next = 0;
  ops::argmax(context, logits.row_range(0, 1), std::span(&next, 1));
  return next;
}

// Seconds for kDecodedTokens steps of `batch` sequences.
double decode(backend::ComputeContext& context, const language::Decoder& decoder, layers::KvPool& pool,
              int batch, backend::Matrix logits) {
  std::vector<layers::KvSequence> sequences;
  std::vector<DecoderSlice> slices;
  std::vector<std::int32_t> next;
  sequences.reserve(static_cast<std::size_t>(batch));
  for (int i = 0; i < batch; ++i) {
    sequences.push_back(pool.make_sequence(kContextTokens + kDecodedTokens));
    next.push_back(prefill(context, decoder, sequences.back(), kContextTokens, logits));
    slices.push_back({&sequences.back(), i, 1, Logits::kLast});
    if (!sequences.back().reserve(kDecodedTokens)) throw std::runtime_error("bench: the KV pool is full");
  }
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t n = 0; n < kDecodedTokens; ++n) {
    decoder.forward(context, {.tokens = next, .slices = slices}, logits.row_range(0, batch));
    ops::argmax(context, logits.row_range(0, batch), next);
  }
  context.synchronize();
  return seconds_since(start);
}

}  // namespace

std::vector<BenchResult> bench_llama(const BenchJob& job) {
  auto& context = job.context;
  const language::Decoder decoder = language::load_decoder(context.backend(), job.folder, context.dtype());
  const auto layout = decoder.kv_layout(context.backend(), context.dtype());
  const std::int64_t tokens =
      std::max(kPromptTokens, 8 * (kContextTokens + kDecodedTokens + layout.page_tokens));
  const std::int64_t pages = tokens / layout.page_tokens + 1;
  layers::KvPool pool(context.backend(), layout, static_cast<std::size_t>(pages) * layout.page_bytes());
  const tensor::Tensor logits(tensor::DType::kF32, {8, decoder.config().vocabulary});

  std::vector<double> samples;
  for (int repeat = 0; repeat <= job.repeats; ++repeat) {
    auto sequence = pool.make_sequence(kPromptTokens);
    const auto start = std::chrono::steady_clock::now();
    prefill(context, decoder, sequence, kPromptTokens, logits.view());
    context.synchronize();
    if (repeat > 0)
      samples.push_back(static_cast<double>(kPromptTokens) / seconds_since(start));  // the first warms up
  }
  std::vector<BenchResult> results{summarise("prefill " + std::to_string(kPromptTokens), samples, "tok/s")};
  for (const int batch : kBatches) {
    samples.clear();
    for (int repeat = 0; repeat < job.repeats; ++repeat) {
      samples.push_back(static_cast<double>(batch * kDecodedTokens) /
                        decode(context, decoder, pool, batch, logits.view()));
    }
    results.push_back(summarise("decode batch " + std::to_string(batch), samples, "tok/s"));
  }
  results.push_back(summarise("packed weights", {static_cast<double>(decoder.weight_bytes()) / 1e6}, "MB"));
  return results;
}

}  // namespace vedette::models::runtime
