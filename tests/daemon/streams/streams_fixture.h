#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/streams/supervisor.h"
#include "tests/support/fake_audio_encoding.h"
#include "tests/support/recording_feed.h"

namespace vedette::daemon::streams {

using namespace std::chrono_literals;
using tests::RecordingFeed;
using Log = RecordingFeed::Log;

// A supervisor whose encoder is a fake, and a feed that writes down what comes.
struct StreamsTest : testing::Test {
  std::shared_ptr<tests::FakeAudioEncoding> encoding = std::make_shared<tests::FakeAudioEncoding>();
  std::shared_ptr<RecordingFeed> feed = std::make_shared<RecordingFeed>();
  Supervisor supervisor{gst::RuntimeHandle{encoding}};

  // A stream that tries again soon.
  static settings::StreamSettings stream(const std::string& source, const std::string& id = "gate") {
    settings::StreamSettings stream;
    stream.id = id;
    stream.source = source;
    stream.retry_first = 50ms;
    stream.retry_longest = 300ms;
    stream.stalled_after = 2s;
    return stream;
  }

  static bool waits_for_status(RecordingFeed& of, StreamState state, const std::string& reason) {
    return of.wait_for([&](const Log& log) { return log.has_status(state, reason); });
  }
  static bool waits_for_windows(RecordingFeed& of, std::size_t count, std::uint32_t from_epoch = 0) {
    return of.wait_for([&](const Log& log) {
      std::size_t found = 0;
      for (const auto& heard : log.heard) found += heard.start.epoch >= from_epoch ? 1 : 0;
      return found >= count;
    });
  }
};

}  // namespace vedette::daemon::streams
