#include "models/runtime/runtime.h"

#include <cstring>
#include <stdexcept>
#include <utility>

#include "base/log.h"
#include "models/audio/speech_model.h"
#include "models/backend/context.h"
#include "models/backend/cpu/cpu_backend.h"
#include "models/language/model_folder.h"
#include "models/layers/kv_pool.h"
#include "models/runtime/encoder_batching.h"
#include "models/runtime/sight_model.h"
#include "models/runtime/sound_rows.h"
#include "models/runtime/speech_lane.h"
#include "models/runtime/step_engine.h"
#include "models/runtime/text_lane.h"
#include "models/text/image_prompt.h"

namespace vedette::models::runtime {

namespace {

constexpr int kPictureShare = 4;  // a picture may take the fourth part of the language model's context

// The speech model with what its encoder needs.
struct Hearing {
  Hearing(backend::Backend& backend, backend::WorkerPool& pool, tensor::DType dtype,
          const std::filesystem::path& folder)
      : encoder_context(backend, pool, dtype),
        model(encoder_context, folder),
        batching([this](auto windows, auto encoded) { encode(windows, encoded); }) {}

  void encode(std::span<const AudioWindow> windows, std::span<EncodedAudio> encoded) {
    const backend::ScratchScope scope(encoder_context.scratch());
    const std::int64_t frames = model.audio_context();
    const std::int64_t hidden = model.config().sizes.hidden;
    std::vector<std::span<const float>> samples;
    for (const AudioWindow& window : windows) samples.emplace_back(window.samples);
    const backend::Matrix y =
        encoder_context.matrix(static_cast<std::int64_t>(windows.size()) * frames, hidden);
    model.encode(encoder_context, samples, y);
    encoder_context.synchronize();
    for (std::size_t i = 0; i < windows.size(); ++i) {
      tensor::Tensor& features = encoded[i].features;
      features = tensor::Tensor(tensor::DType::kF32, {frames, hidden});
      std::memcpy(features.view().data(), y.row(static_cast<std::int64_t>(i) * frames),
                  features.view().bytes());
    }
  }

  backend::ComputeContext encoder_context;
  audio::SpeechModel model;
  AudioBatching batching;
};

// The model that sees.
struct Seeing {
  Seeing(backend::Backend& backend, backend::WorkerPool& pool, tensor::DType dtype, const SightFolder& folder)
      : context(backend, pool, dtype),
        model(context, folder),
        batching([this](auto frames, auto encoded) { model.encode(context, frames, encoded); },
                 {.thread = "image encoder"}) {}

  backend::ComputeContext context;  // the batching's thread alone runs in it
  SightModel model;
  ImageBatching batching;
};

// The LLM with its memory.
struct Thinking {
  Thinking(backend::Backend& backend, tensor::DType dtype, const std::filesystem::path& folder,
           std::size_t kv_bytes, std::shared_ptr<const weights::LoraAdapter> adapter)
      : tokenizer(text::Tokenizer::load(folder)),
        chat(text::ChatTemplate::load(folder)),
        decoder(language::load_decoder(backend, folder, dtype, std::move(adapter))),
        end_tokens(language::load_end_tokens(folder, decoder.config())),
        pool(backend, decoder.kv_layout(backend, dtype), kv_bytes) {}

  text::Tokenizer tokenizer;
  text::ChatTemplate chat;
  language::Decoder decoder;
  std::vector<std::int32_t> end_tokens;
  layers::KvPool pool;
};

class LoadedRuntime final : public Runtime {
 public:
  explicit LoadedRuntime(const RuntimeOptions& options)
      : device_(choose_device(options.device)),
        pool_(options.threads),
        backend_(backend::cpu::make_cpu_backend(&pool_)),
        dtype_(options.dtype.value_or(backend_->preferred_dtype())),
        step_context_(*backend_, pool_, dtype_) {
    if (!options.hear.empty()) {
      hearing_ = std::make_unique<Hearing>(*backend_, pool_, dtype_, options.hear);
      speech_lane_ = std::make_unique<SpeechLane>(hearing_->model, step_context_);
      hear_name_ = name_of(options.hear);
    }
    std::filesystem::path think = options.think;
    std::shared_ptr<const weights::LoraAdapter> adapter;
    if (!options.see.empty()) adapter = load_sight(options.see, think);
    if (!think.empty()) {
      thinking_ = std::make_unique<Thinking>(*backend_, dtype_, think, options.kv_bytes, std::move(adapter));
      text_lane_ = std::make_unique<TextLane>(thinking_->decoder, thinking_->pool, step_context_,
                                              thinking_->tokenizer, thinking_->end_tokens);
      think_name_ = name_of(think);
      fit_sight(options);
    }
    engine_ = std::make_unique<StepEngine>(text_lane_.get(), speech_lane_.get(), StepEngineOptions{},
                                           text_lane_.get());
  }

  bool can_hear() const override { return hearing_ != nullptr; }
  bool can_see() const override { return seeing_ != nullptr; }
  bool can_think() const override { return thinking_ != nullptr; }
  ImageEncoding& seeing() override {
    require(can_see(), "a model that sees");
    return seeing_->batching;
  }
  text::ImageMarkup see_markup() const override { return markup_; }
  int see_tokens() const override {
    require(can_see(), "a model that sees");
    return static_cast<int>(seeing_->model.most_frame_tokens());
  }
  SoundProjecting* sounds() override { return sounds_.get(); }
  std::string see_name() const override { return see_name_; }
  AudioEncoding& hearing() override {
    require(can_hear(), "a speech model");
    return hearing_->batching;
  }
  Engine& engine() override { return *engine_; }
  const text::Tokenizer& think_tokenizer() const override {
    require(can_think(), "a language model");
    return thinking_->tokenizer;
  }
  const text::ChatTemplate& think_template() const override {
    require(can_think(), "a language model");
    return thinking_->chat;
  }
  int think_context() const override {
    require(can_think(), "a language model");
    const auto most = std::min(thinking_->decoder.config().context, thinking_->pool.token_capacity());
    return static_cast<int>(most);
  }
  const std::string& hear_name() const override { return hear_name_; }
  const std::string& think_name() const override { return think_name_; }
  const std::string& device() const override { return device_; }
  EngineStatistics engine_statistics() const override {
    EngineStatistics statistics = engine_->statistics();
    if (thinking_) {
      statistics.kv_pages = static_cast<std::uint64_t>(thinking_->pool.pages());
      statistics.kv_pages_used =
          statistics.kv_pages - static_cast<std::uint64_t>(thinking_->pool.free_pages());
    }
    return statistics;
  }

 private:
  // Loads the eyes; `think` becomes the folder that they are for. Gives the adapter to merge into it.
  std::shared_ptr<const weights::LoraAdapter> load_sight(const std::filesystem::path& see,
                                                         std::filesystem::path& think) {
    const SightFolder folder = SightFolder::open(see);
    if (think.empty() && !folder.nano) think = see;
    const std::string wanted = folder.nano ? folder.think_base : name_of(see);
    if (!think.empty() && name_of(think) != wanted) {
      throw std::runtime_error(see.string() + ": its tokens are for the language model " + wanted +
                               ": expected it as the one that thinks, received " + think.string());
    }
    seeing_ = std::make_unique<Seeing>(*backend_, pool_, dtype_, folder);
    see_name_ = name_of(see);
    if (!folder.nano) markup_ = text::ImageMarkup::kIdefics3;
    return folder.adapter.empty() ? nullptr : weights::LoraAdapter::load(folder.adapter);
  }
  // What of the eyes depends on the language model.
  void fit_sight(const RuntimeOptions& options) {
    if (!seeing_) return;
    SightModel& model = seeing_->model;
    const std::int64_t hidden = thinking_->decoder.config().hidden;
    if (model.token_columns() != hidden) {
      throw std::runtime_error(options.see.string() + ": gives tokens of " +
                               std::to_string(model.token_columns()) + " values, expected the " +
                               std::to_string(hidden) + " of " + think_name_);
    }
    const auto room = think_context() / (kPictureShare * model.picture_tokens()) - 1;
    model.allow_tiles(
        static_cast<int>(std::min<std::int64_t>(options.tiles, std::max<std::int64_t>(room, 0))));
    if (!hearing_) return;
    sounds_ = load_sound_rows(*backend_, pool_, dtype_, SightFolder::open(options.see),
                              {hear_name_, hearing_->model.config().sizes.hidden, hidden});
  }
  static std::string name_of(const std::filesystem::path& folder) {
    return std::filesystem::absolute(folder).lexically_normal().filename().string();
  }
  static void require(bool loaded, const char* what) {
    if (!loaded) throw std::logic_error(std::string("runtime: ") + what + " was not loaded");
  }

  const std::string device_;
  backend::WorkerPool pool_;
  const std::unique_ptr<backend::Backend> backend_;
  const tensor::DType dtype_;
  backend::ComputeContext step_context_;  // the engine's thread alone runs in it
  std::unique_ptr<Hearing> hearing_;
  std::unique_ptr<Seeing> seeing_;
  std::unique_ptr<Thinking> thinking_;
  std::unique_ptr<SpeechLane> speech_lane_;
  std::unique_ptr<TextLane> text_lane_;
  std::string hear_name_, see_name_, think_name_;
  text::ImageMarkup markup_ = text::ImageMarkup::kNone;
  std::unique_ptr<SoundProjecting> sounds_;
  std::unique_ptr<StepEngine> engine_;  // last: its thread uses the lanes
};

}  // namespace

std::shared_ptr<Runtime> Runtime::load(const RuntimeOptions& options) {
  return std::make_shared<LoadedRuntime>(options);
}

}  // namespace vedette::models::runtime
