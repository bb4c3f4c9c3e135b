#include "sinks/record.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "tests/support/recording_publisher.h"

namespace vedette::sinks {
namespace {

Record words() {
  Record record;
  record.id = "gate-1-1";
  record.rev = 2;
  record.stream = "gate";
  record.kind = Kind::kTranscript;
  record.state = RecordState::kUpdate;
  record.t_start_ms = 1000;
  record.t_end_ms = 2500;
  record.clock = "receive";
  record.clock_error_ms = 40;
  record.published_ms = 3000;
  record.text = "good morning";
  return record;
}

TEST(RecordJson, CarriesTheSchemaAndEveryField) {
  Record record = words();
  record.score = 0.5;
  record.rule = "r";
  record.model = "whisper";
  record.prompt_hash = "ab";
  record.evidence = {"a.jpg"};
  record.details = R"({"words":[1]})";
  EXPECT_EQ(
      to_json_line(record),
      R"({"clock":"receive","clock_error_ms":40,"details":{"words":[1]},"evidence":["a.jpg"],"id":"gate-1-1",)"
      R"("kind":"transcript","model":"whisper","prompt_hash":"ab","published_ms":3000,"rev":2,"rule":"r",)"
      R"("schema":1,"score":0.5,"state":"update","stream":"gate","t_end_ms":2500,"t_start_ms":1000,)"
      R"("text":"good morning"})");
}

TEST(RecordJson, ReplacesWhatIsNotUtf8) {
  Record record = words();
  record.text =
      "a\xff"
      "b";
  EXPECT_EQ(nlohmann::json::parse(to_json_line(record))["text"],
            "a\xEF\xBF\xBD"
            "b");
}

TEST(RecordJson, KeepsDetailsThatAreNotJsonAsText) {
  Record record = words();
  record.details = "{broken";
  EXPECT_EQ(to_json(record)["details"], "{broken");
}

TEST(RecordFields, AreFlatAndEndWithTheJson) {
  const Fields fields = to_fields(words());
  EXPECT_EQ(fields.back().first, "json");
  const std::map<std::string, std::string> flat(fields.begin(), fields.end());
  EXPECT_EQ(flat.at("schema"), "1");
  EXPECT_EQ(flat.at("rev"), "2");
  EXPECT_EQ(flat.at("kind"), "transcript");
  EXPECT_EQ(flat.at("t_start_ms"), "1000");
  EXPECT_EQ(flat.count("score"), 0U);
  EXPECT_EQ(nlohmann::json::parse(flat.at("json")), to_json(words()));
}

TEST(RecordIds, CountWithinTheEpochInBase36) {
  RecordIds ids("gate", 1767225600000);
  EXPECT_EQ(ids.next(), "gate-mjuohs00-1");
  EXPECT_EQ(ids.next(), "gate-mjuohs00-2");
}

TEST(RecordIds, OfTwoEpochsNeverMeet) {
  RecordIds ids("gate", 36);
  EXPECT_EQ(ids.next(), "gate-10-1");
  ids.enter("gate", 36);
  EXPECT_EQ(ids.next(), "gate-11-1");
  ids.enter("gate", 37);
  EXPECT_EQ(ids.next(), "gate-12-1");
  ids.enter("gate", 72);
  EXPECT_EQ(ids.next(), "gate-20-1");
}

TEST(StreamId, IsLowerCaseAndShort) {
  for (const char* good : {"gate", "a", "cam_1-north"}) EXPECT_TRUE(is_stream_id(good)) << good;
  EXPECT_TRUE(is_stream_id(std::string(64, 'x')));
  for (const char* bad : {"", "Gate", "a b", "a{b}", "a:b", "\xc3\xa4"})
    EXPECT_FALSE(is_stream_id(bad)) << bad;
  EXPECT_FALSE(is_stream_id(std::string(65, 'x')));
}

TEST(RecordingPublisher, KeepsAndCounts) {
  tests::RecordingPublisher publisher(1);
  EXPECT_EQ(publisher.publish(words()), PublishOutcome::kAccepted);
  EXPECT_EQ(publisher.publish(words()), PublishOutcome::kDroppedFull);
  EXPECT_EQ(publisher.records().size(), 1U);
  EXPECT_EQ(publisher.dropped(), 1U);
}

}  // namespace
}  // namespace vedette::sinks
