// Whisper tiny.en on real recordings from Debian packages, against what transformers hears in them; and on
// sounds in which nobody speaks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <numbers>
#include <random>
#include <sstream>

#include "models/audio/speech_decoding.h"
#include "models/audio/speech_model.h"
#include "models/backend/cpu/cpu_backend.h"
#include "tests/support/allocation_counter.h"
#include "tests/support/real_models.h"

namespace vedette::models::audio {
namespace {

constexpr int kRate = 16000;

struct Recording {
  std::string file, text;
  std::vector<std::int32_t> tokens;
  std::vector<float> samples;
};

// 16 kHz mono, as tools/golden/recordings.py had it.
std::vector<float> read_sound(const std::string& file) {
  const std::string command = "sox -D '" + file + "' -r 16000 -c 1 -b 16 -e signed-integer -t raw -";
  const auto close = [](std::FILE* pipe) { ::pclose(pipe); };
  const std::unique_ptr<std::FILE, decltype(close)> pipe(::popen(command.c_str(), "r"), close);
  std::vector<float> samples;
  std::array<std::int16_t, 4096> block{};
  while (const std::size_t count = std::fread(block.data(), sizeof(std::int16_t), block.size(), pipe.get())) {
    for (std::size_t i = 0; i < count; ++i) samples.push_back(static_cast<float>(block[i]) / 32768.0F);
  }
  return samples;
}

std::vector<Recording> recordings() {
  std::ifstream file(std::string(VEDETTE_SOURCE_DIR) + "/tests/golden/whisper/recordings.json");
  const auto json = nlohmann::json::parse(file);
  std::vector<Recording> result;
  for (const auto& entry : json.at("recordings")) {
    result.push_back({entry.at("file"), entry.at("text"), entry.at("tokens"), read_sound(entry.at("file"))});
    EXPECT_EQ(result.back().samples.size(), entry.at("samples"))
        << result.back().file << ": another recording, or no sox";
  }
  return result;
}

class TinyEnglish {
 public:
  explicit TinyEnglish(tensor::DType dtype)
      : backend_(backend::cpu::make_cpu_backend()),
        pool_(2),
        context_(*backend_, pool_, dtype),
        model_(context_, test::real_model("whisper-tiny.en")),
        batch_(model_) {}

  // Up to as many windows as there are sounds, side by side.
  std::vector<Transcript> hear(std::span<const std::vector<float>> sounds, const SpeechOptions& options) {
    std::vector<SpeechDecoding> windows;
    std::vector<tensor::Tensor> features;
    std::vector<SpeechDecoding*> pointers;
    for (const std::vector<float>& sound : sounds) {
      const std::span<const float> samples(sound);
      features.emplace_back(tensor::DType::kF32,
                            tensor::Shape{model_.audio_context(), model_.config().sizes.hidden});
      model_.encode(context_, {&samples, 1}, features.back().view());
      windows.emplace_back(context_, model_, options);
      const auto length = std::chrono::duration<double>(static_cast<double>(sound.size()) / kRate);
      windows.back().start(features.back(), std::chrono::duration_cast<std::chrono::nanoseconds>(length), "");
    }
    for (SpeechDecoding& window : windows) pointers.push_back(&window);
    for (int step = 0; step < 3000; ++step) batch_.step(context_, pointers);
    std::vector<Transcript> result;
    for (const SpeechDecoding& window : windows) {
      EXPECT_TRUE(window.finished());
      result.push_back(window.transcript());
    }
    return result;
  }

  // Hears the sound twice in the same place. Result: the second transcript, and what its steps allocated.
  std::pair<Transcript, std::int64_t> hear_again(const std::vector<float>& sound,
                                                 const SpeechOptions& options) {
    const std::span<const float> samples(sound);
    const tensor::Tensor features(tensor::DType::kF32,
                                  {model_.audio_context(), model_.config().sizes.hidden});
    model_.encode(context_, {&samples, 1}, features.view());
    SpeechDecoding window(context_, model_, options);
    SpeechDecoding* const windows[] = {&window};
    std::int64_t allocated = 0;
    for (int round = 0; round < 2; ++round) {
      window.start(features, std::chrono::seconds(sound.size() / kRate), "");
      const std::int64_t before = test::allocations();
      while (!window.finished()) batch_.step(context_, windows);
      allocated = test::allocations() - before;
    }
    return {window.transcript(), allocated};
  }

 private:
  std::unique_ptr<backend::Backend> backend_;
  backend::WorkerPool pool_;
  backend::ComputeContext context_;
  SpeechModel model_;
  SpeechBatch batch_;
};

SpeechOptions one_attempt() {
  SpeechOptions options;
  options.attempts = 1;
  return options;
}

std::vector<Transcript> hear_in_groups(TinyEnglish& model, const std::vector<Recording>& list,
                                       const SpeechOptions& options) {
  std::vector<Transcript> result;
  for (std::size_t first = 0; first < list.size(); first += 4) {
    std::vector<std::vector<float>> sounds;
    for (std::size_t i = first; i < std::min(first + 4, list.size()); ++i) sounds.push_back(list[i].samples);
    for (Transcript& transcript : model.hear(sounds, options)) result.push_back(std::move(transcript));
  }
  return result;
}

std::string joined(const Transcript& transcript) {
  std::string text;
  for (const Segment& segment : transcript.segments) text += segment.text;
  return text;
}

TEST(Recordings, F32TokensAndTimestampsAreTheReferences) {
  TinyEnglish model(tensor::DType::kF32);
  const auto list = recordings();
  const auto heard = hear_in_groups(model, list, one_attempt());
  ASSERT_GE(list.size(), 10U);
  for (std::size_t i = 0; i < list.size(); ++i) {
    EXPECT_EQ(heard[i].tokens, list[i].tokens) << list[i].file;
    EXPECT_EQ(joined(heard[i]), list[i].text) << list[i].file;
  }
}

TEST(Recordings, WordsHaveTimesInOrderWithinTheSound) {
  TinyEnglish model(tensor::DType::kF32);
  const auto list = recordings();
  const auto heard = hear_in_groups(model, list, one_attempt());
  for (std::size_t i = 0; i < list.size(); ++i) {
    std::string text;
    std::chrono::nanoseconds last{0};
    for (const Segment& segment : heard[i].segments) {
      for (const Word& word : segment.words) {
        text += word.text;
        EXPECT_GE(word.start, last) << list[i].file << word.text;
        EXPECT_GE(word.end, word.start) << list[i].file << word.text;
        EXPECT_LE(word.end, std::chrono::milliseconds(list[i].samples.size() * 1000 / kRate + 20))
            << list[i].file;
        EXPECT_GT(word.probability, 0.0F);
        EXPECT_LE(word.probability, 1.0F);
        last = word.start;
      }
    }
    EXPECT_EQ(text, list[i].text) << list[i].file;
  }
}

std::vector<std::string> plain_words(const std::string& text) {
  std::string plain;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == ' ') plain += static_cast<char>(std::tolower(c));
  }
  std::istringstream stream(plain);
  return {std::istream_iterator<std::string>(stream), {}};
}

// Words substituted, left out and put in, at least.
std::size_t word_errors(const std::vector<std::string>& reference, const std::vector<std::string>& heard) {
  std::vector<std::size_t> row(heard.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= reference.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= heard.size(); ++j) {
      const std::size_t replaced = diagonal + (reference[i - 1] == heard[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

TEST(Recordings, TheDefaultPrecisionHearsTheSameWords) {
  TinyEnglish model(tensor::DType::kBF16);
  const auto list = recordings();
  const auto heard = hear_in_groups(model, list, SpeechOptions{});
  std::size_t errors = 0, words = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto reference = plain_words(list[i].text);
    errors += word_errors(reference, plain_words(joined(heard[i])));
    words += reference.size();
  }
  ASSERT_GT(words, 200U);
  EXPECT_LE(static_cast<double>(errors) / static_cast<double>(words), 0.02) << errors << " of " << words;
}

// What a window allocates once its place has been used does not depend on how many steps it took: its
// transcript (per segment its text, tokens and words), and the words on their way to it, each with a long
// text at most twice.
TEST(Recordings, AWindowAllocatesItsTranscriptOnly) {
  TinyEnglish model(tensor::DType::kBF16);
  for (const Recording& recording : recordings()) {
    const auto [transcript, allocated] = model.hear_again(recording.samples, one_attempt());
    std::int64_t words = 0;
    for (const Segment& segment : transcript.segments)
      words += static_cast<std::int64_t>(segment.words.size());
    EXPECT_GT(words, 0);
    const auto segments = static_cast<std::int64_t>(transcript.segments.size());
    EXPECT_LE(allocated, 30 + 10 * segments + 2 * words) << recording.file;
  }
}

std::vector<float> sound(double seconds, const std::function<double(double)>& wave) {
  std::vector<float> samples(static_cast<std::size_t>(seconds * kRate));
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i] = static_cast<float>(std::clamp(wave(static_cast<double>(i) / kRate), -1.0, 1.0));
  }
  return samples;
}

TEST(NobodySpeaks, GivesNoWords) {
  TinyEnglish model(tensor::DType::kBF16);
  std::mt19937 random(11);
  std::normal_distribution<double> normal;
  const auto tone = [](double hertz, double t) { return std::sin(2.0 * std::numbers::pi * hertz * t); };
  // Plucked notes of a chord, one after another.
  const auto music = [&](double t) {
    constexpr double kNotes[] = {261.6, 329.6, 392.0, 523.3};
    const double since = std::fmod(t, 0.4);
    const double note = kNotes[static_cast<std::size_t>(t / 0.4) % 4];
    return 0.3 * std::exp(-4.0 * since) *
           (tone(note, t) + 0.5 * tone(2 * note, t) + 0.25 * tone(3 * note, t));
  };
  const std::vector<std::pair<std::string, std::vector<float>>> sounds = {
      {"silence", sound(30, [](double) { return 0.0; })},
      {"short silence", sound(3, [](double) { return 0.0; })},
      {"white noise", sound(30, [&](double) { return 0.1 * normal(random); })},
      {"faint noise", sound(8, [&](double) { return 0.003 * normal(random); })},
      {"a tone", sound(30, [&](double t) { return 0.3 * tone(1000, t); })},
      {"mains hum", sound(20, [&](double t) { return 0.3 * tone(50, t) + 0.1 * tone(150, t); })},
      {"beeps", sound(15, [&](double t) { return std::fmod(t, 1.0) < 0.2 ? 0.4 * tone(880, t) : 0.0; })},
      {"music", sound(20, music)},
  };
  for (const auto& [name, samples] : sounds) {
    const Transcript transcript = model.hear({&samples, 1}, one_attempt()).front();
    EXPECT_EQ(joined(transcript), "") << name << ", no-speech " << transcript.no_speech_probability
                                      << ", mean " << transcript.mean_log_probability;
  }
}

}  // namespace
}  // namespace vedette::models::audio
