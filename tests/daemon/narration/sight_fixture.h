#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "daemon/narration/stream_sight.h"
#include "tests/daemon/narration/support.h"
#include "tests/support/byte_tokenizer.h"
#include "tests/support/fake_engine.h"
#include "tests/support/pictures.h"
#include "tests/support/recording_publisher.h"

namespace vedette::daemon::narration {

// A stream's sight with an engine and a publisher that write down what they are given.
class StreamSightTest : public testing::Test {
 protected:
  StreamSightTest() {
    layout_.narrates = true;
    layout_.classes = {"person", "vehicle"};
    options_.think_model = "small";
  }
  StreamSight& sight() {
    if (!sight_) {
      writer_ = std::make_unique<PromptWriter>(tokenizer_, chat_, layout_);
      if (thinks_) options_.writer = writer_.get();
      sight_ = StreamSight::create("gate", engine_, publisher_, book_, options_);
      base::ClockMap clock;
      clock.utc_zero = seconds(1000);
      sight_->on_clock(clock);
    }
    return *sight_;
  }
  // A picture at a second of the epoch; unchanged: the gate held it back.
  void see(int t, float change = 0.1F, std::vector<models::runtime::Sighting> sightings = {},
           bool last = false) {
    streams::SeenFrame frame;
    frame.time = {0, seconds(t)};
    frame.change = change;
    frame.last = last;
    frame.picture = tests::plain_picture(16, 8, 0, 0, 0);
    frame.sightings = std::move(sightings);
    if (change > 0.0F) frame.tokens = models::tensor::Tensor::zeros(models::tensor::DType::kF32, {2, 4});
    sight().on_seen(std::move(frame));
  }
  void answer(const std::string& words,
              models::runtime::FinishReason reason = models::runtime::FinishReason::kStop) {
    auto text = engine_.take_text();
    models::runtime::TextResult result;
    result.reason = reason;
    result.text = words;
    if (reason == models::runtime::FinishReason::kError)
      result.error = std::make_exception_ptr(std::runtime_error("broken"));
    text.callbacks.on_finished(std::move(result));
  }
  void score(float yes, models::runtime::FinishReason reason = models::runtime::FinishReason::kStop) {
    models::runtime::ScoreResult result;
    result.reason = reason;
    result.probabilities = {yes, 1.0F - yes};
    engine_.take_score().done(std::move(result));
  }
  std::vector<sinks::Record> records(sinks::Kind kind) const {
    std::vector<sinks::Record> found;
    for (sinks::Record& record : publisher_.records()) {
      if (record.kind == kind) found.push_back(std::move(record));
    }
    return found;
  }
  // "+text" for what opens, "~" for updates, "-" for what closes.
  std::string captions() const {
    std::string told;
    for (const sinks::Record& record : records(sinks::Kind::kCaption)) {
      told += record.state == sinks::RecordState::kOpen     ? "+"
              : record.state == sinks::RecordState::kUpdate ? "~"
                                                            : "-";
      told += record.text + " " + std::to_string((record.t_end_ms - 1'000'000) / 1000) + "|";
    }
    return told;
  }

  models::text::Tokenizer tokenizer_ = tests::byte_tokenizer();
  models::text::ChatTemplate chat_ = tests::chatml();
  models::text::PromptLayout layout_;
  std::unique_ptr<PromptWriter> writer_;
  bool thinks_ = true;
  SightOptions options_;
  tests::FakeEngine engine_;
  tests::RecordingPublisher publisher_;
  std::shared_ptr<StreamBook> book_ = std::make_shared<StreamBook>("gate", 36, TimelineOptions{});
  std::shared_ptr<StreamSight> sight_;
};

}  // namespace vedette::daemon::narration
