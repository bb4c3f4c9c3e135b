#include "daemon/files/caption_writer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

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

std::string written(CaptionFormat format, const std::vector<Caption>& captions) {
  std::ostringstream out;
  CaptionWriter writer(out, format, {.stream = "clip", .model = "tiny", .utc_zero = seconds(100)});
  for (const Caption& each : captions) writer.write(each);
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
  const auto json = nlohmann::json::parse(written(CaptionFormat::kJsonLines, {caption(2, "Ask \"not\".")}));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["id"], "clip-255s-1");  // 100000 in base 36
  EXPECT_EQ(json["kind"], "transcript");
  EXPECT_EQ(json["state"], "close");
  EXPECT_EQ(json["clock"], "file");
  EXPECT_EQ(json["t_start_ms"], 102'000);
  EXPECT_EQ(json["t_end_ms"], 102'900);
  EXPECT_EQ(json["text"], "Ask \"not\".");
  EXPECT_EQ(json["model"], "tiny");
  EXPECT_NEAR(json["score"].get<double>(), 0.75, 1e-6);
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
