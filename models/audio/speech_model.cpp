#include "models/audio/speech_model.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace vedette::models::audio {
namespace {

constexpr int kSamplesPerFrame = 320;  // of one encoder frame: two hops of 160 samples

preprocess::LogMelSpec mel_spec(const WhisperSizes& sizes) {
  preprocess::LogMelSpec spec;
  spec.mels = sizes.mels;
  spec.frames = 2 * sizes.audio_context;
  return spec;
}

}  // namespace

SpeechModel::SpeechModel(backend::ComputeContext& context, const std::filesystem::path& folder)
    : config_(WhisperConfig::load(folder)),
      table_(weights::WeightTable::open(folder)),
      log_mel_(mel_spec(config_.sizes)) {
  const WhisperWeights weights(table_);
  // The longest first; whoever is through with its part helps packing.
  context.pool().parallel_for(3, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = begin; part < end; ++part) {
      if (part == 0) decoder_ = std::make_unique<const WhisperDecoder>(context, config_.sizes, weights);
      if (part == 1) encoder_ = std::make_unique<const WhisperEncoder>(context, config_.sizes, weights);
      if (part == 2 && std::filesystem::exists(folder / "tokenizer.json"))
        tokenizer_ = std::make_unique<const text::Tokenizer>(text::Tokenizer::load(folder));
    }
  });
}

void SpeechModel::encode(backend::ComputeContext& context, std::span<const std::span<const float>> windows,
                         backend::Matrix y, int frames) const {
  if (frames == 0) frames = audio_context();
  const backend::ScratchScope scope(context.scratch());
  const auto count = static_cast<std::int64_t>(windows.size());
  if (frames < 1 || frames > audio_context() || y.rows != count * frames) {
    throw std::invalid_argument("speech model: expected room for " + std::to_string(count) +
                                " windows of up to " + std::to_string(audio_context()) +
                                " frames, received " + std::to_string(frames) + " frames each and " +
                                std::to_string(y.rows) + " rows");
  }
  const int columns = log_mel_.spec().frames;
  const auto mels = context.array<backend::Matrix>(count);
  const auto picture = context.array<float>(static_cast<std::int64_t>(config_.sizes.mels) * columns);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    if (windows[i].size() > static_cast<std::size_t>(frames) * kSamplesPerFrame) {
      throw std::invalid_argument("speech model: a window of " + std::to_string(windows[i].size()) +
                                  " samples, expected at most " + std::to_string(frames * kSamplesPerFrame));
    }
    log_mel_.compute(context.pool(), windows[i], picture);
    mels[i] = context.matrix(2 * static_cast<std::int64_t>(frames), config_.sizes.mels);
    transpose_mel(context, picture, columns, mels[i]);
  }
  encoder_->forward(context, mels, y);
}

std::string SpeechModel::text(std::span<const std::int32_t> tokens) const {
  if (tokenizer_ == nullptr) return {};
  std::vector<std::int32_t> words;
  words.reserve(tokens.size());
  std::copy_if(tokens.begin(), tokens.end(), std::back_inserter(words),
               [end = config_.tokens.end](std::int32_t token) { return token < end; });
  return tokenizer_->decode(words);
}

}  // namespace vedette::models::audio
