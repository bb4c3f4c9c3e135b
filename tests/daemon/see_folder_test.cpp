// A user's own SmolVLM folder as the model that sees and thinks: captions and answers of a live stream.
// Its weights are random: what is said is not looked at, only that it is said.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "daemon/narration/answers.h"
#include "daemon/narration/sight_parts.h"
#include "daemon/narration/stream_narration.h"
#include "daemon/streams/supervisor.h"
#include "models/runtime/runtime.h"
#include "tests/support/byte_tokenizer.h"
#include "tests/support/recording_publisher.h"
#include "tests/support/temporary_folder.h"

namespace vedette::daemon {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// The golden model of 64 tokens, with what a published folder has beside the weights.
class SmolVlmFolder {
 public:
  SmolVlmFolder() {
    const fs::path golden = fs::path(VEDETTE_SOURCE_DIR) / "tests/golden/idefics3/smolvlm_two_tiles";
    for (const char* name : {"config.json", "generation_config.json", "model.safetensors"})
      fs::copy_file(golden / name, folder_.path() / name);
    folder_.write("preprocessor_config.json", R"({"image_processor_type": "SmolVLMImageProcessor",
      "do_image_splitting": true, "do_resize": true, "do_rescale": true, "do_normalize": true, "do_pad": true,
      "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 1,
      "rescale_factor": 0.00392156862745098, "size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 32}})");
    folder_.write("tokenizer.json", tokenizer());
    folder_.write("tokenizer_config.json",
                  nlohmann::json{{"chat_template",
                                  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
                                  "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
                                  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"}}
                      .dump());
    folder_.write("prompt_layout.json", R"({"narrates": true})");
  }
  const fs::path& path() const { return folder_.path(); }

 private:
  // Small letters, digits and what the prompt's lines are made of; other bytes have no token.
  static std::string tokenizer() {
    nlohmann::json vocabulary;
    int id = 3;
    for (const char c : std::string("abcdefghijklmnopqrstuvwxyz0123456789[].,=-?"))
      vocabulary[std::string(1, c)] = id++;
    vocabulary["\u0120"] = id++;
    vocabulary["\u010a"] = id++;
    nlohmann::json root = tests::byte_level(std::move(vocabulary));
    id = 56;
    for (const char* special :
         {"<fake_token_around_image>", "<global-img>", "<|im_start|>", "<|im_end|>", "<image>"}) {
      root["added_tokens"].push_back({{"id", id++}, {"content", special}, {"special", true}});
    }
    return root.dump();
  }
  test::TemporaryFolder folder_;
};

TEST(SeeFolder, AUsersSmolVlmCaptionsAStreamAndAnswers) {
  const SmolVlmFolder folder;
  models::runtime::RuntimeOptions options;
  options.see = folder.path();
  options.threads = 1;
  const auto runtime = models::runtime::Runtime::load(options);
  ASSERT_TRUE(runtime->can_think()) << "the folder's own language model";
  const narration::SightParts parts(*runtime, folder.path());
  tests::RecordingPublisher publisher;
  narration::NarrationOptions narrating;
  narrating.sight = parts.options();
  const auto narration = narration::StreamNarration::create("gate", runtime->engine(), publisher, narrating);
  streams::Supervisor supervisor({nullptr, {runtime, &runtime->seeing()}});
  settings::StreamSettings stream;
  stream.id = "gate";
  stream.pipeline =
      "videotestsrc is-live=true pattern=ball ! capsfilter "
      "caps=video/x-raw,width=320,height=180,framerate=10/1";
  stream.video_rate_hz = 2.0;
  supervisor.start(stream, narration);
  const auto captions = [&] {
    const auto records = publisher.records();
    return std::any_of(records.begin(), records.end(),
                       [](const auto& record) { return record.kind == sinks::Kind::kCaption; });
  };
  for (int turn = 0; turn < 3000 && !(captions() && narration->sight()->stats().captions_asked > 0); ++turn)
    std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(captions());
  EXPECT_GT(narration->sight()->stats().captions_asked, 0u) << "the language model was asked";
  EXPECT_FALSE(narration->sight()->pictures(0, base::utc_now_ms() + 60'000).empty());

  narration::AnswerOptions answering;
  answering.writer = parts.writer();
  narration::Answers answers(runtime->engine(), runtime->think_tokenizer(), runtime->think_template(),
                             runtime->think_context(), answering);
  sinks::Question question;
  question.id = "q";
  question.stream = "gate";
  question.text = "what is there?";
  std::promise<sinks::Answer> given;
  answers.ask(
      question, narration->timeline(), narration->known_until_ms(),
      [&](sinks::Answer answer) {
        if (answer.state != sinks::AnswerState::kPartial) given.set_value(std::move(answer));
        return true;
      },
      narration->sight());
  const sinks::Answer answer = given.get_future().get();
  EXPECT_EQ(answer.state, sinks::AnswerState::kFinal) << answer.reason;
  EXPECT_FALSE(answer.text.empty());
  supervisor.stop();
  narration->stop();
}

}  // namespace
}  // namespace vedette::daemon
