// Encoder, decoder and whole decodings against transformers, and against themselves: however rows are
// batched, the result is the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/audio/token_rules.h"
#include "models/audio/word_alignment.h"
#include "models/layers/kv_pool.h"
#include "tests/models/audio/golden.h"

namespace vedette::models::audio {
namespace {

class WhisperGolden : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Cases, WhisperGolden, testing::ValuesIn(kGoldenCases));

// Runs the decoder over tokens of one window, with caches of its own.
class Window {
 public:
  Window(GoldenModel& golden, const tensor::Tensor& features, std::int64_t index)
      : golden_(golden),
        pool_(*golden.backend, golden.model.decoder().layout(),
              64 * golden.model.decoder().layout().page_bytes()),
        self_(pool_.make_sequence(golden.sizes().text_context)),
        cross_(pool_.make_sequence(golden.sizes().audio_context)) {
    const std::int64_t frames = features.shape()[0] / golden.batch();
    EXPECT_TRUE(cross_.reserve(frames));
    golden.model.decoder().fill_cross(
        golden.context, backend::Matrix(features).row_range(index * frames, frames), cross_.pages());
    cross_.append(frames);
  }

  backend::KvSlice self_slice(std::int64_t first, std::int64_t count) {
    EXPECT_TRUE(self_.reserve(count));
    const backend::KvSlice slice{self_.pages(), self_.tokens(), first, count};
    self_.append(count);
    return slice;
  }
  backend::KvSlice cross_slice(std::int64_t first, std::int64_t count) {
    return {cross_.pages(), cross_.tokens(), first, count};
  }
  std::int64_t tokens() const { return self_.tokens(); }

  std::vector<float> logits(std::span<const std::int32_t> tokens) {
    std::vector<std::int32_t> positions(tokens.size());
    for (std::size_t i = 0; i < positions.size(); ++i) {
      positions[i] = static_cast<std::int32_t>(self_.tokens()) + static_cast<std::int32_t>(i);
    }
    const auto rows = static_cast<std::int64_t>(tokens.size());
    const auto self = self_slice(0, rows), cross = cross_slice(0, rows);
    tensor::Tensor h(tensor::DType::kF32, {rows, golden_.sizes().hidden});
    std::vector<float> result(tokens.size() * static_cast<std::size_t>(golden_.sizes().vocabulary));
    golden_.model.decoder().forward(golden_.context, {tokens, positions, {&self, 1}, {&cross, 1}}, h.view());
    golden_.model.decoder().logits(
        golden_.context, h.view(),
        {result.data(), rows, golden_.sizes().vocabulary, golden_.sizes().vocabulary});
    return result;
  }

 private:
  GoldenModel& golden_;
  layers::KvPool pool_;
  layers::KvSequence self_, cross_;
};

std::span<const float> expected_logits(const GoldenModel& golden, std::int64_t row) {
  const auto count = static_cast<std::size_t>(golden.length() * golden.sizes().vocabulary);
  return golden.outputs.get("logits").view.as<float>().subspan(static_cast<std::size_t>(row) * count, count);
}

TEST_P(WhisperGolden, F32EncoderIsTheReferences) {
  GoldenModel golden(GetParam());
  EXPECT_LE(max_difference(golden.encode().as<float>(),
                           golden.outputs.get("encoder_last_hidden_state").view.as<float>()),
            1e-4F);
}

TEST_P(WhisperGolden, F32LogitsAreTheReferences) {
  GoldenModel golden(GetParam());
  const tensor::Tensor features = golden.encode();
  for (std::int64_t row = 0; row < golden.batch(); ++row) {
    Window window(golden, features, row);
    EXPECT_LE(max_difference(window.logits(golden.integers(golden.inputs, "decoder_input_ids", row)),
                             expected_logits(golden, row)),
              1e-4F);
  }
}

TEST_P(WhisperGolden, Bf16IsClose) {
  GoldenModel golden(GetParam(), tensor::DType::kBF16);
  const tensor::Tensor features = golden.encode();
  EXPECT_LE(normalised_error(features.as<float>(),
                             golden.outputs.get("encoder_last_hidden_state").view.as<float>()),
            1e-2);
  for (std::int64_t row = 0; row < golden.batch(); ++row) {
    Window window(golden, features, row);
    EXPECT_LE(normalised_error(window.logits(golden.integers(golden.inputs, "decoder_input_ids", row)),
                               expected_logits(golden, row)),
              1e-2);
  }
}

TEST_P(WhisperGolden, StepsEqualOneCall) {
  GoldenModel golden(GetParam());
  const tensor::Tensor features = golden.encode();
  Window window(golden, features, 0);
  std::vector<float> logits;
  for (const std::int32_t token : golden.integers(golden.inputs, "decoder_input_ids", 0)) {
    const auto step = window.logits({&token, 1});
    logits.insert(logits.end(), step.begin(), step.end());
  }
  EXPECT_LE(max_difference(logits, expected_logits(golden, 0)), 1e-4F);
}

TEST_P(WhisperGolden, ShorterWindowsBatchWithWholeOnes) {
  GoldenModel golden(GetParam());
  const int frames = 2 * golden.sizes().audio_context;
  tensor::Tensor mel = tensor::Tensor::zeros(tensor::DType::kF32, {frames, golden.sizes().mels});
  for (std::size_t i = 0; i < mel.as<float>().size(); ++i)
    mel.as<float>()[i] = std::sin(static_cast<float>(i));
  const backend::Matrix whole = mel.view();
  const backend::Matrix part = whole.row_range(0, frames / 2 + 6);
  tensor::Tensor together(tensor::DType::kF32, {(whole.rows + part.rows) / 2, golden.sizes().hidden});
  tensor::Tensor alone(tensor::DType::kF32, {part.rows / 2, golden.sizes().hidden});
  const std::vector<backend::Matrix> both = {whole, part};
  golden.model.encoder().forward(golden.context, both, together.view());
  golden.model.encoder().forward(golden.context, {&part, 1}, alone.view());
  EXPECT_LE(
      max_difference(together.view().rows(whole.rows / 2, part.rows / 2).as<float>(), alone.as<float>()),
      1e-5F);
}

TEST_P(WhisperGolden, GreedyTokensAreTheReferences) {
  GoldenModel golden(GetParam());
  const tensor::Tensor features = golden.encode();
  for (std::int64_t row = 0; row < golden.batch(); ++row) {
    Window window(golden, features, row);
    auto logits = window.logits(golden.integers(golden.inputs, "decoder_input_ids", row));
    for (const std::int32_t expected : golden.integers(golden.outputs, "greedy_tokens", row)) {
      const std::int32_t token =
          argmax(std::span<const float>(logits).last(static_cast<std::size_t>(golden.sizes().vocabulary)));
      ASSERT_EQ(token, expected);
      logits = window.logits({&token, 1});
    }
  }
}

SpeechOptions golden_options(int beams) {
  SpeechOptions options;
  options.beams = beams;
  options.attempts = 1;
  options.max_new_tokens = 14;
  options.min_log_probability = -100.0F;
  return options;
}

// All windows decoded side by side.
std::vector<Transcript> decode(GoldenModel& golden, const tensor::Tensor& features,
                               const SpeechOptions& options) {
  std::vector<SpeechDecoding> windows;
  std::vector<SpeechDecoding*> pointers;
  const std::int64_t frames = features.shape()[0] / golden.batch();
  for (std::int64_t row = 0; row < golden.batch(); ++row) {
    windows.emplace_back(golden.context, golden.model, options);
    windows.back().start(features.view().rows(row * frames, frames), std::chrono::milliseconds(800), "");
  }
  for (SpeechDecoding& window : windows) pointers.push_back(&window);
  SpeechBatch batch(golden.model);
  const auto busy = [&] {
    return !std::all_of(windows.begin(), windows.end(), [](auto& w) { return w.finished(); });
  };
  for (int step = 0; step < 1000 && busy(); ++step) batch.step(golden.context, pointers);
  EXPECT_FALSE(busy());
  std::vector<Transcript> result;
  for (const SpeechDecoding& window : windows) result.push_back(window.transcript());
  return result;
}

std::vector<std::int32_t> without_padding(std::vector<std::int32_t> tokens) {
  std::erase(tokens, -1);
  return tokens;
}

TEST_P(WhisperGolden, GreedyGenerationIsTheReferences) {
  GoldenModel golden(GetParam());
  const auto transcripts = decode(golden, golden.encode(), golden_options(1));
  for (std::int64_t row = 0; row < golden.batch(); ++row) {
    EXPECT_EQ(transcripts[static_cast<std::size_t>(row)].tokens,
              without_padding(golden.integers(golden.outputs, "timed_greedy", row)));
  }
}

TEST_P(WhisperGolden, BeamGenerationIsTheReferences) {
  GoldenModel golden(GetParam());
  const auto transcripts = decode(golden, golden.encode(), golden_options(4));
  for (std::int64_t row = 0; row < golden.batch(); ++row) {
    EXPECT_EQ(transcripts[static_cast<std::size_t>(row)].tokens,
              without_padding(golden.integers(golden.outputs, "timed_beam", row)));
  }
}

TEST_P(WhisperGolden, LaterWindowsPlanAndGrowNothing) {
  GoldenModel golden(GetParam());
  const tensor::Tensor features = golden.encode();
  decode(golden, features, golden_options(1));
  const auto growths = golden.context.arena_growths(), plans = golden.context.plan_builds();
  golden.encode();
  decode(golden, features, golden_options(1));
  EXPECT_EQ(golden.context.arena_growths(), growths);
  EXPECT_EQ(golden.context.plan_builds(), plans);
}

TEST_P(WhisperGolden, WordPathIsTheReferences) {
  GoldenModel golden(GetParam());
  const tensor::Tensor features = golden.encode();
  const auto tokens = golden.integers(golden.inputs, "aligned_ids", 0);
  const auto expected = golden.outputs.get("token_frames").view.as<std::int64_t>();
  const auto rows = static_cast<std::int64_t>(tokens.size());
  Window window(golden, features, 0);
  std::vector<std::int32_t> positions(tokens.size());
  for (std::size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<std::int32_t>(i);
  const auto self = window.self_slice(0, rows), cross = window.cross_slice(0, rows);
  WordAlignment alignment(golden.model.config());
  alignment.begin(rows, golden.sizes().audio_context - 7);
  tensor::Tensor h(tensor::DType::kF32, {rows, golden.sizes().hidden});
  const float scale =
      1.0F / std::sqrt(static_cast<float>(golden.sizes().hidden / golden.sizes().decoder_heads));
  const auto show = [&](int layer, backend::Matrix q, const backend::PagedKv& kv) {
    alignment.add_layer(golden.context, layer, q, kv, scale);
  };
  golden.model.decoder().forward(golden.context, {tokens, positions, {&self, 1}, {&cross, 1}}, show,
                                 h.view());
  const auto count = static_cast<std::int64_t>(expected.size());
  EXPECT_THAT(alignment.path(rows - 1 - count, count), testing::ElementsAreArray(expected));
}

TEST(WhisperGoldenLanguage, IsTheReferences) {
  GoldenModel golden("multilingual_128");
  const tensor::Tensor features = golden.encode();
  const auto expected = golden.outputs.get("languages").view.as<std::int64_t>();
  for (std::int64_t row = 0; row < golden.batch(); ++row) {
    Window window(golden, features, row);
    const auto logits = window.logits({&golden.model.config().tokens.start, 1});
    const auto& languages = golden.model.config().tokens.languages;
    const auto best = std::max_element(languages.begin(), languages.end(), [&](const auto& a, const auto& b) {
      return logits[static_cast<std::size_t>(a.second)] < logits[static_cast<std::size_t>(b.second)];
    });
    EXPECT_EQ(best->second, expected[static_cast<std::size_t>(row)]);
  }
}

}  // namespace
}  // namespace vedette::models::audio
