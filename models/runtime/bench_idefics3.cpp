#include <chrono>
#include <stdexcept>

#include "models/language/model_folder.h"
#include "models/layers/kv_pool.h"
#include "models/ops/rows.h"
#include "models/runtime/family.h"
#include "models/runtime/sight_model.h"

namespace vedette::models::runtime {

namespace {

using language::DecoderSlice;
using language::Logits;

constexpr int kWords = 24;       // of the prompt, around the picture
constexpr int kGenerated = 30;   // tokens of the caption
constexpr int kFrameSide = 512;  // pixels

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A square I420 frame of one's own.
class MadeUpFrame {
 public:
  MadeUpFrame() : pixels_(kFrameSide * kFrameSide * 3 / 2) {
    for (std::size_t i = 0; i < pixels_.size(); ++i)
      pixels_[i] = static_cast<std::uint8_t>(i * 7 + i / kFrameSide);
  }
  ImageFrame frame() const {
    const std::span<const std::uint8_t> all(pixels_);
    const std::size_t luma = kFrameSide * kFrameSide;
    preprocess::FrameView view;
    view.width = view.height = kFrameSide;
    view.planes = {all.first(luma), all.subspan(luma, luma / 4), all.subspan(luma + luma / 4)};
    view.strides = {kFrameSide, kFrameSide / 2, kFrameSide / 2};
    return {view, nullptr};
  }

 private:
  std::vector<std::uint8_t> pixels_;
};

// One caption: frame, prompt, greedy tokens. Times are since the start.
struct Caption {
  double encoded = 0.0, first_token = 0.0, done = 0.0;
};

Caption caption(const BenchJob& job, const SightModel& sight, const language::Decoder& decoder,
                layers::KvPool& pool, const ImageFrame& picture) {
  auto& context = job.context;
  Caption times;
  const auto start = std::chrono::steady_clock::now();
  ImageFrame frame = picture;
  EncodedImage encoded;
  sight.encode(context, {&frame, 1}, {&encoded, 1});
  if (encoded.error) std::rethrow_exception(encoded.error);
  times.encoded = seconds_since(start);
  std::vector<std::int32_t> tokens(kWords / 2, 100 % static_cast<int>(decoder.config().vocabulary));
  tokens.insert(tokens.end(), static_cast<std::size_t>(sight.picture_tokens()), language::kEmbeddingRow);
  tokens.insert(tokens.end(), kWords - kWords / 2, 300 % static_cast<int>(decoder.config().vocabulary));
  auto sequence = pool.make_sequence(static_cast<std::int64_t>(tokens.size()) + kGenerated);
  if (!sequence.reserve(static_cast<std::int64_t>(tokens.size()) + kGenerated))
    throw std::runtime_error("bench: the KV pool is full");
  const backend::ScratchScope scope(context.scratch());
  const backend::Matrix logits = context.matrix(1, decoder.config().vocabulary);
  std::int32_t next = 0;
  const auto step = [&](std::span<const std::int32_t> ids, backend::Matrix rows) {
    const DecoderSlice slice{&sequence, 0, static_cast<std::int64_t>(ids.size()), Logits::kLast};
    decoder.forward(context, {.tokens = ids, .embeddings = rows, .slices = std::span(&slice, 1)}, logits);
    ops::argmax(context, logits, std::span(&next, 1));
  };
  step(tokens, encoded.tokens.view());
  times.first_token = seconds_since(start);
  for (int n = 1; n < kGenerated; ++n) {
    const std::int32_t token = next;
    step(std::span(&token, 1), {});
  }
  times.done = seconds_since(start);
  return times;
}

}  // namespace

std::vector<BenchResult> bench_idefics3(const BenchJob& job) {
  auto& context = job.context;
  const SightModel sight(context, SightFolder::open(job.folder));
  const language::Decoder decoder = language::load_decoder(context.backend(), job.folder, context.dtype());
  const auto layout = decoder.kv_layout(context.backend(), context.dtype());
  const std::int64_t pages = (sight.picture_tokens() + kWords + kGenerated) / layout.page_tokens + 2;
  layers::KvPool pool(context.backend(), layout, static_cast<std::size_t>(pages) * layout.page_bytes());
  const MadeUpFrame picture;
  std::vector<double> whole, encoding, first, decode;
  for (int repeat = 0; repeat <= job.repeats; ++repeat) {
    const Caption times = caption(job, sight, decoder, pool, picture.frame());
    if (repeat == 0) continue;  // the first warms up
    whole.push_back(times.done * 1e3);
    encoding.push_back(times.encoded * 1e3);
    first.push_back(times.first_token * 1e3);
    decode.push_back((times.done - times.first_token) * 1e3 / (kGenerated - 1));
  }
  return {summarise("caption, " + std::to_string(kGenerated) + " tokens", whole, "ms"),
          summarise("frame to visual tokens", encoding, "ms"), summarise("first token", first, "ms"),
          summarise("decode, per token", decode, "ms")};
}

}  // namespace vedette::models::runtime
