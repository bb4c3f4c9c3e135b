#include "daemon/files/caption_writer.h"

#include <gtest/gtest.h>

#include <sstream>

#include "daemon/narration/transcripts.h"

namespace vedette::daemon::files {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Caption caption(int start_s, const std::string& text) {
  Caption result;
  result.start = seconds(start_s);
  result.text = text;
  std::istringstream in(text);
  std::string word;
  auto at = result.start;
  while (in >> word) {
    result.words.push_back({" " + word, at, at + milliseconds(400), 0.75F});
    at += milliseconds(500);
  }
  result.end = at - milliseconds(100);
  return result;
}

constexpr auto kZero = seconds(100);

sinks::Record record(const Caption& caption) {
  base::ClockMap clock;
  clock.utc_zero = kZero;
  std::vector<narration::TimedWord> words;
  for (const auto& word : caption.words) words.push_back({word.text, word.start, word.end, word.probability});
  sinks::Record record;
  record.id = "clip-255s-1";
  record.stream = "clip";
  record.kind = sinks::Kind::kTranscript;
  record.t_start_ms = clock.utc_ms(caption.start);
  record.t_end_ms = clock.utc_ms(caption.end);
  record.text = caption.text;
  record.details = narration::word_details(words, words.size(), clock);
  return record;
}

std::string written(CaptionFormat format, const std::vector<Caption>& captions) {
  std::ostringstream out;
  CaptionWriter writer(out, format, kZero);
  for (const Caption& each : captions) writer.write(record(each));
  return out.str();
}

TEST(CaptionWriter, Text) {
  EXPECT_EQ(written(CaptionFormat::kText, {caption(0, "Ask not."), caption(3, "Ask.")}), "Ask not.\nAsk.\n");
}

TEST(CaptionWriter, SubRip) {
  EXPECT_EQ(written(CaptionFormat::kSrt, {caption(0, "Ask not."), caption(3661, "A <b>.")}),
            "1\n00:00:00,000 --> 00:00:00,900\nAsk not.\n\n"
            "2\n01:01:01,000 --> 01:01:01,900\nA <b>.\n\n");
}

TEST(CaptionWriter, WebVttEscapesMarkup) {
  EXPECT_EQ(written(CaptionFormat::kVtt, {caption(0, "A --> <b> & c.")}),
            "WEBVTT\n\n00:00:00.000 --> 00:00:02.400\nA --&gt; &lt;b&gt; &amp; c.\n\n");
}

TEST(CaptionWriter, JsonLinesAreRecords) {
  const sinks::Record spoken = record(caption(2, "Ask \"not\"."));
  EXPECT_EQ(written(CaptionFormat::kJsonLines, {caption(2, "Ask \"not\".")}),
            sinks::to_json_line(spoken) + "\n");
}

TEST(CaptionWriter, ARecordIsACaptionInTimeOfTheFile) {
  const Caption spoken = caption(2, "Ask not.");
  const Caption again = caption_of(record(spoken), kZero);
  EXPECT_EQ(again.start, spoken.start);
  EXPECT_EQ(again.end, spoken.end);
  EXPECT_EQ(again.text, spoken.text);
  ASSERT_EQ(again.words.size(), 2u);
  EXPECT_EQ(again.words[0].text, "Ask");
  EXPECT_EQ(again.words[1].text, " not.");
  EXPECT_EQ(again.words[1].start, spoken.words[1].start);
  EXPECT_NEAR(again.words[1].probability, 0.75F, 1e-3F);
}

TEST(CaptionWriter, LongCaptionsAreSplitAtClauses) {
  const Caption whole = caption(0,
                                "And so, my fellow Americans, ask not what your country can do for you, ask "
                                "what you can do for your country.");
  const std::vector<Caption> parts = split(whole);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].text, "And so, my fellow Americans, ask not what your country can do for you,");
  EXPECT_EQ(parts[1].text, "ask what you can do for your country.");
  EXPECT_EQ(parts[0].end, parts[0].words.back().end);
  EXPECT_EQ(parts[1].start, parts[1].words.front().start);
}

TEST(CaptionWriter, AWordThatIsTooLongStandsAlone) {
  const std::vector<Caption> parts = split(caption(0, std::string(200, 'a') + " b"));
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[1].text, "b");
}

// A caption of the picture is open while words come and go: lines still come in the order of their
// beginnings.
TEST(CaptionWriter, WhatClosesLaterButBeganEarlierComesFirst) {
  std::ostringstream out;
  CaptionWriter writer(out, CaptionFormat::kText, std::chrono::nanoseconds(0));
  const auto step = [&](const char* id, sinks::Kind kind, sinks::RecordState state, std::int64_t start,
                        const char* text) {
    sinks::Record record;
    record.id = id;
    record.kind = kind;
    record.state = state;
    record.t_start_ms = start;
    record.text = text;
    writer.take(record);
  };
  using sinks::Kind;
  using sinks::RecordState;
  step("c1", Kind::kCaption, RecordState::kOpen, 0, "A person, left.");
  step("t1", Kind::kTranscript, RecordState::kClose, 1000, "Good morning.");
  step("s1", Kind::kStatus, RecordState::kClose, 0, "picture_black");
  EXPECT_EQ(out.str(), "");
  step("c1", Kind::kCaption, RecordState::kClose, 0, "A person, left.");
  EXPECT_EQ(out.str(), "[A person, left.]\nGood morning.\n");
  step("c2", Kind::kCaption, RecordState::kOpen, 5000, "Nothing.");
  step("t2", Kind::kTranscript, RecordState::kClose, 6000, "Good bye.");
  writer.finish();
  EXPECT_EQ(out.str(), "[A person, left.]\nGood morning.\nGood bye.\n");
}

TEST(CaptionWriter, KnowsItsFormats) {
  EXPECT_EQ(caption_format("srt"), CaptionFormat::kSrt);
  EXPECT_FALSE(caption_format("ass").has_value());
}

TEST(CaptionWriter, MakesAStreamIdOfAName) {
  EXPECT_EQ(stream_id_of("/a/Gate 1 (day).mp4"), "gate-1--day-");
  EXPECT_EQ(stream_id_of("/a/"), "file");
  EXPECT_TRUE(sinks::is_stream_id(stream_id_of(std::string(300, 'x') + ".mp4")));
}

}  // namespace
}  // namespace vedette::daemon::files
