#include <algorithm>
#include <stdexcept>

#include "models/language/model_folder.h"
#include "models/ops/rows.h"
#include "models/runtime/eval_decoder.h"

namespace vedette::models::runtime {

using language::DecoderSlice;
using language::Logits;

EvalPrompts read_prompts(const EvalJob& job, std::int64_t vocabulary) {
  const auto& ids = job.inputs.get("input_ids");
  if (ids.view.shape().rank() != 2) {
    throw std::runtime_error(ids.file.string() + ": input_ids: expected [batch, length], received " +
                             ids.view.shape().to_string());
  }
  EvalPrompts prompts{.batch = ids.view.shape()[0], .length = ids.view.shape()[1]};
  const auto values = read_integers(ids);
  const weights::Weight* mask_weight = job.inputs.find("attention_mask");
  std::vector<std::int64_t> mask(values.size(), 1);
  if (mask_weight != nullptr) mask = read_integers(job.inputs.get("attention_mask", ids.view.shape()));
  for (std::int64_t row = 0; row < prompts.batch; ++row) {
    const std::size_t before = prompts.tokens.size();
    for (std::int64_t place = row * prompts.length; place < (row + 1) * prompts.length; ++place) {
      const auto i = static_cast<std::size_t>(place);
      if (mask[i] == 0) continue;
      if (values[i] < 0 || values[i] >= vocabulary) {
        throw std::runtime_error(ids.file.string() + ": input_ids: expected ids below " +
                                 std::to_string(vocabulary) + ", received " + std::to_string(values[i]));
      }
      prompts.tokens.push_back(static_cast<std::int32_t>(values[i]));
      prompts.places.push_back(place);
    }
    if (prompts.tokens.size() == before)
      throw std::runtime_error(ids.file.string() + ": input_ids: a row is all padding");
    prompts.counts.push_back(static_cast<std::int64_t>(prompts.tokens.size() - before));
  }
  return prompts;
}

namespace {

// The batch's sequences, each with room for its prompt and what is generated.
std::vector<layers::KvSequence> make_sequences(layers::KvPool& pool, const EvalPrompts& prompts,
                                               int generate) {
  std::vector<layers::KvSequence> sequences;
  for (const std::int64_t count : prompts.counts) {
    sequences.push_back(pool.make_sequence(count + generate));
    if (!sequences.back().reserve(count + generate)) throw std::runtime_error("eval: the KV pool is full");
  }
  return sequences;
}

// Greedy tokens [batch, generate] after the prompts; `next` holds the first of each row.
tensor::Tensor generate_greedily(const EvalJob& job, const language::Decoder& decoder,
                                 std::vector<layers::KvSequence>& sequences, std::vector<std::int32_t> next) {
  const auto batch = static_cast<std::int64_t>(sequences.size());
  const std::int64_t vocabulary = decoder.config().vocabulary;
  tensor::Tensor tokens(tensor::DType::kI64, {batch, job.generate});
  const tensor::Tensor logits(tensor::DType::kF32, {batch, vocabulary});
  std::vector<DecoderSlice> slices;
  for (std::int64_t row = 0; row < batch; ++row) {
    slices.push_back({&sequences[static_cast<std::size_t>(row)], row, 1, Logits::kLast});
  }
  for (int n = 0; n < job.generate; ++n) {
    for (std::int64_t row = 0; row < batch; ++row) {
      tokens.as<std::int64_t>()[static_cast<std::size_t>(row * job.generate + n)] =
          next[static_cast<std::size_t>(row)];
    }
    if (n + 1 == job.generate) break;
    decoder.forward(job.context, {.tokens = next, .slices = slices}, logits.view());
    ops::argmax(job.context, logits.view(), next);
  }
  return tokens;
}

}  // namespace

std::vector<EvalOutput> eval_prompts(const EvalJob& job, const language::Decoder& decoder,
                                     const EvalPrompts& prompts, backend::Matrix embeddings) {
  auto& context = job.context;
  const std::int64_t vocabulary = decoder.config().vocabulary;
  const auto rows = static_cast<std::int64_t>(prompts.tokens.size());
  const auto layout = decoder.kv_layout(context.backend(), context.dtype());
  const std::int64_t pages = prompts.batch * ((prompts.length + job.generate) / layout.page_tokens + 1);
  layers::KvPool pool(context.backend(), layout, static_cast<std::size_t>(pages) * layout.page_bytes());
  auto sequences = make_sequences(pool, prompts, job.generate);
  std::vector<DecoderSlice> slices;
  std::int64_t first = 0;
  for (std::size_t s = 0; s < sequences.size(); first += prompts.counts[s++]) {
    slices.push_back({&sequences[s], first, prompts.counts[s], Logits::kAll});
  }
  const tensor::Tensor packed(tensor::DType::kF32, {rows, vocabulary});
  const backend::Matrix scores(packed.view());
  decoder.forward(context, {.tokens = prompts.tokens, .embeddings = embeddings, .slices = slices}, scores);

  std::vector<EvalOutput> outputs;
  outputs.push_back(
      {"logits", tensor::Tensor::zeros(tensor::DType::kF32, {prompts.batch, prompts.length, vocabulary})});
  const backend::Matrix logits(outputs[0].tensor.view());
  for (std::int64_t i = 0; i < rows; ++i) {
    std::copy_n(scores.row(i), vocabulary, logits.row(prompts.places[static_cast<std::size_t>(i)]));
  }
  if (job.generate > 0) {
    std::vector<std::int32_t> next(sequences.size());
    for (std::size_t s = 0; s < slices.size(); ++s) {
      const std::int64_t last = slices[s].first + slices[s].count - 1;
      ops::argmax(context, scores.row_range(last, 1), std::span(next).subspan(s, 1));
    }
    outputs.push_back({"greedy_tokens", generate_greedily(job, decoder, sequences, std::move(next))});
  }
  return outputs;
}

std::vector<EvalOutput> eval_llama(const EvalJob& job) {
  const language::Decoder decoder =
      language::load_decoder(job.context.backend(), job.folder, job.context.dtype());
  return eval_prompts(job, decoder, read_prompts(job, decoder.config().vocabulary));
}

}  // namespace vedette::models::runtime
