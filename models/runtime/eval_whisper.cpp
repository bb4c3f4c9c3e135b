#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "models/audio/speech_model.h"
#include "models/layers/kv_pool.h"
#include "models/ops/rows.h"
#include "models/runtime/family.h"

namespace vedette::models::runtime {

namespace {

using backend::KvSlice;
using backend::Matrix;

// Decoder tokens of every window with their keys and values, stepped all together.
class Texts {
 public:
  Texts(const EvalJob& job, const audio::SpeechModel& model, Matrix features, std::int64_t windows,
        std::int64_t length)
      : context_(job.context), decoder_(model.decoder()), pool_(make_pool(job, model, windows, length)) {
    const std::int64_t frames = features.rows / windows;
    for (std::int64_t i = 0; i < windows; ++i) {
      self_.push_back(pool_.make_sequence(length));
      cross_.push_back(pool_.make_sequence(frames));
      if (!self_.back().reserve(length) || !cross_.back().reserve(frames)) {
        throw std::runtime_error("eval: the KV pool is full");
      }
      decoder_.fill_cross(context_, features.row_range(i * frames, frames), cross_.back().pages());
      cross_.back().append(frames);
    }
  }

  // tokens: [windows, count]; y: [windows * count, vocabulary].
  void forward(std::span<const std::int32_t> tokens, Matrix y) {
    const auto count = static_cast<std::int64_t>(tokens.size() / self_.size());
    std::vector<KvSlice> self, cross;
    std::vector<std::int32_t> positions;
    for (std::size_t i = 0; i < self_.size(); ++i) {
      const std::int64_t first = static_cast<std::int64_t>(i) * count, past = self_[i].tokens();
      self.push_back({self_[i].pages(), past, first, count});
      cross.push_back({cross_[i].pages(), cross_[i].tokens(), first, count});
      for (std::int64_t t = 0; t < count; ++t) positions.push_back(static_cast<std::int32_t>(past + t));
      self_[i].append(count);
    }
    const backend::ScratchScope scope(context_.scratch());
    const Matrix h = context_.matrix(y.rows, decoder_.sizes().hidden);
    decoder_.forward(context_, {tokens, positions, self, cross}, h);
    decoder_.logits(context_, h, y);
    context_.synchronize();
  }

 private:
  static layers::KvPool make_pool(const EvalJob& job, const audio::SpeechModel& model, std::int64_t windows,
                                  std::int64_t length) {
    const auto& layout = model.decoder().layout();
    const std::int64_t pages = (model.audio_context() + length) / layout.page_tokens + 2;
    return {job.context.backend(), layout, static_cast<std::size_t>(windows * pages) * layout.page_bytes()};
  }

  backend::ComputeContext& context_;
  const audio::WhisperDecoder& decoder_;
  layers::KvPool pool_;
  std::vector<layers::KvSequence> self_, cross_;
};

// input_features [windows, mels, frames] through the encoder: [windows, frames / 2, hidden].
tensor::Tensor encode(const EvalJob& job, const audio::SpeechModel& model) {
  const auto& sizes = model.config().sizes;
  const auto& shape = job.inputs.get("input_features").view.shape();
  const std::int64_t windows = shape.rank() == 3 ? shape[0] : 0, frames = 2 * sizes.audio_context;
  if (windows < 1) {
    throw std::runtime_error(job.inputs.source().string() + ": input_features: expected [windows, " +
                             std::to_string(sizes.mels) + ", " + std::to_string(frames) + "], received " +
                             shape.to_string());
  }
  const tensor::Tensor mels = job.inputs.read_f32("input_features", {windows, sizes.mels, frames});
  const tensor::Tensor turned(tensor::DType::kF32, {windows * frames, sizes.mels});
  const auto one = static_cast<std::size_t>(sizes.mels * frames);
  std::vector<Matrix> pictures;
  for (std::int64_t i = 0; i < windows; ++i) {
    pictures.push_back(Matrix(turned.view()).row_range(i * frames, frames));
    audio::transpose_mel(job.context, mels.as<float>().subspan(static_cast<std::size_t>(i) * one, one),
                         frames, pictures.back());
  }
  tensor::Tensor features(tensor::DType::kF32, {windows, sizes.audio_context, sizes.hidden});
  model.encoder().forward(job.context, pictures, features.view());
  job.context.synchronize();
  return features;
}

// decoder_input_ids [windows, length], or the start token alone.
std::vector<std::int32_t> read_tokens(const EvalJob& job, const audio::SpeechModel& model,
                                      std::int64_t windows) {
  const weights::Weight* weight = job.inputs.find("decoder_input_ids");
  if (weight == nullptr) {
    return std::vector<std::int32_t>(static_cast<std::size_t>(windows), model.config().tokens.start);
  }
  const auto fail = [&](const std::string& expected, const std::string& received) {
    throw std::runtime_error(weight->file.string() + ": decoder_input_ids: expected " + expected +
                             ", received " + received);
  };
  const auto& shape = weight->view.shape();
  const auto& sizes = model.config().sizes;
  if (shape.rank() != 2 || shape[0] != windows || shape[1] < 1) {
    fail("[" + std::to_string(windows) + ", length]", shape.to_string());
  }
  if (shape[1] + job.generate > sizes.text_context) {
    fail("at most " + std::to_string(sizes.text_context) + " tokens with those to generate",
         std::to_string(shape[1] + job.generate));
  }
  std::vector<std::int32_t> tokens;
  for (const std::int64_t id : read_integers(*weight)) {
    if (id < 0 || id >= sizes.vocabulary)
      fail("ids below " + std::to_string(sizes.vocabulary), std::to_string(id));
    tokens.push_back(static_cast<std::int32_t>(id));
  }
  return tokens;
}

tensor::Tensor generate_greedily(const EvalJob& job, Texts& texts, Matrix logits, std::int64_t windows) {
  const std::int64_t length = logits.rows / windows;
  tensor::Tensor tokens(tensor::DType::kI64, {windows, job.generate});
  const tensor::Tensor step(tensor::DType::kF32, {windows, logits.columns});
  const Matrix last(step.view());
  for (std::int64_t i = 0; i < windows; ++i) {
    std::copy_n(logits.row((i + 1) * length - 1), logits.columns, last.row(i));
  }
  std::vector<std::int32_t> next(static_cast<std::size_t>(windows));
  for (int n = 0; n < job.generate; ++n) {
    ops::argmax(job.context, last, next);
    for (std::int64_t i = 0; i < windows; ++i) {
      tokens.as<std::int64_t>()[static_cast<std::size_t>(i * job.generate + n)] =
          next[static_cast<std::size_t>(i)];
    }
    if (n + 1 < job.generate) texts.forward(next, last);
  }
  return tokens;
}

}  // namespace

std::vector<EvalOutput> eval_whisper(const EvalJob& job) {
  const audio::SpeechModel model(job.context, job.folder);
  std::vector<EvalOutput> outputs;
  outputs.push_back({"encoder_last_hidden_state", encode(job, model)});
  const tensor::Tensor& features = outputs[0].tensor;
  const std::int64_t windows = features.shape()[0];
  const std::vector<std::int32_t> tokens = read_tokens(job, model, windows);
  const std::int64_t length = static_cast<std::int64_t>(tokens.size()) / windows;
  const std::int64_t vocabulary = model.config().sizes.vocabulary;

  Texts texts(job, model, features.view(), windows, length + job.generate);
  tensor::Tensor logits(tensor::DType::kF32, {windows, length, vocabulary});
  texts.forward(tokens, logits.view());
  if (job.generate > 0) {
    outputs.push_back({"greedy_tokens", generate_greedily(job, texts, logits.view(), windows)});
  }
  outputs.push_back({"logits", std::move(logits)});
  return outputs;
}

}  // namespace vedette::models::runtime
