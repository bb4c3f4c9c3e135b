#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "models/runtime/audio_encoding.h"
#include "models/runtime/device.h"
#include "models/runtime/engine.h"
#include "models/runtime/image_encoding.h"
#include "models/runtime/sound_projecting.h"
#include "models/tensor/dtype.h"
#include "models/text/chat_template.h"
#include "models/text/image_prompt.h"
#include "models/text/tokenizer.h"

namespace vedette::models::runtime {

struct RuntimeOptions {
  std::filesystem::path hear;   // speech model folder; empty: no hearing
  std::filesystem::path see;    // vision-language folder; empty: no sight
  std::filesystem::path think;  // LLM folder; empty: the one inside `see`, or no words of its own
  std::optional<tensor::DType>
      dtype;  // of activations; empty: bf16 where the CPU has it in hardware, else f32
  DeviceChoice device = DeviceChoice::kAuto;
  int threads = 0;                    // workers; 0: one per core
  std::size_t kv_bytes = 256u << 20;  // pool of KV pages of the LLM, shared by all its sequences
  // Tiles that a picture is cut into at most, where the folder's image processor splits pictures; fewer where
  // their tokens would fill a quarter of the LLM's context. 0: the whole picture alone.
  int tiles = 4;
};

// All that is resident of the models, in one place: one worker pool, one compute context, one copy of each
// model, the encoder batches and the engine. The daemon makes one; an element under gst-launch makes its own.
// Thread-safe.
class Runtime {
 public:
  // Throws: DeviceError; std::runtime_error naming the file and what is wrong with it.
  static std::shared_ptr<Runtime> load(const RuntimeOptions& options);

  virtual ~Runtime() = default;
  virtual bool can_hear() const = 0;              // options.hear was given
  virtual bool can_see() const { return false; }  // options.see was given
  virtual bool can_think() const = 0;             // there is a language model
  virtual AudioEncoding& hearing() = 0;           // Requires: can_hear()
  // Tokens for the language model that this runtime thinks with. Requires: can_see().
  virtual ImageEncoding& seeing() { throw std::logic_error("runtime: no model that sees"); }
  // How pictures are marked in prompts, as the model was taught.
  virtual text::ImageMarkup see_markup() const { return text::ImageMarkup::kNone; }
  // Rows of the LLM's prompt that a picture takes at most, marks not counted. Requires: can_see().
  virtual int see_tokens() const { throw std::logic_error("runtime: no model that sees"); }
  // Other sounds than words as rows of the LLM's prompt; null: the folder that sees has no such projector, or
  // not for these models.
  virtual SoundProjecting* sounds() { return nullptr; }
  virtual Engine& engine() = 0;
  virtual const text::Tokenizer& think_tokenizer() const = 0;  // Requires: can_think(), as for the next two
  virtual const text::ChatTemplate& think_template() const = 0;
  virtual int think_context() const = 0;  // longest prompt plus answer, tokens
  // Names of the models as records carry them: their folders'. "" for none.
  virtual const std::string& hear_name() const = 0;
  virtual const std::string& think_name() const = 0;
  virtual std::string see_name() const { return {}; }
  // Where the models run, and why there; one sentence for the log.
  virtual const std::string& device() const = 0;
  // As Engine::statistics, with the KV pool.
  virtual EngineStatistics engine_statistics() const = 0;
};

}  // namespace vedette::models::runtime
