#include "sinks/redis/question_check.h"

#include <gtest/gtest.h>

#include <random>

namespace vedette::sinks::redis {
namespace {

using Fields = std::vector<std::string_view>;

std::string reason(const Fields& fields, std::int64_t age_ms = 0) {
  return check_question("7-1", fields, 1000, age_ms).reason;
}

TEST(QuestionCheck, ReadsAWholeQuestion) {
  const auto checked = check_question("7-1",
                                      {"id", "q 1", "stream", "gate", "text",
                                       "Wer sprach \xc3\xbc"
                                       "ber Brot?",
                                       "from_ms", "5", "to_ms", "9", "client", "me", "else", "ignored"},
                                      1000, 59'999);
  EXPECT_EQ(checked.reason, "");
  EXPECT_EQ(checked.question.id, "q 1");
  EXPECT_EQ(checked.question.stream, "gate");
  EXPECT_EQ(checked.question.from_ms, 5);
  EXPECT_EQ(checked.question.to_ms, 9);
  EXPECT_EQ(checked.question.client, "me");
  EXPECT_EQ(checked.question.entry_id, "7-1");
  EXPECT_EQ(checked.question.received_ms, 1000);
}

TEST(QuestionCheck, SaysWhatIsWrong) {
  const std::string long_id(65, 'x');
  const std::string long_text(2049, 'x');
  const std::string most_text(2048, 'x');
  EXPECT_EQ(reason({"id", "q", "stream", "gate", "text", most_text}), "");
  EXPECT_NE(reason({}), "");
  EXPECT_NE(reason({"id"}), "");
  EXPECT_NE(reason({"id", long_id, "stream", "gate", "text", "a"}).find("64"), std::string::npos);
  EXPECT_NE(reason({"id", "a\nb", "stream", "gate", "text", "a"}).find("printable"), std::string::npos);
  EXPECT_EQ(reason({"id", "q", "text", "a"}), "there is no field stream");
  EXPECT_NE(reason({"id", "q", "stream", "../gate", "text", "a"}).find("stream must be"), std::string::npos);
  EXPECT_EQ(reason({"id", "q", "stream", "gate"}), "text is empty");
  EXPECT_EQ(reason({"id", "q", "stream", "gate", "text", " \n"}), "text is empty");
  EXPECT_NE(reason({"id", "q", "stream", "gate", "text", long_text}).find("2048"), std::string::npos);
  EXPECT_NE(reason({"id", "q", "stream", "gate", "text", "\xff\xfe"}).find("UTF-8"), std::string::npos);
  EXPECT_NE(reason({"id", "q", "stream", "gate", "text", std::string_view("a\0b", 3)}).find("UTF-8"),
            std::string::npos);
  EXPECT_NE(reason({"id", "q", "stream", "gate", "text", "a", "from_ms", "1e3"}).find("from_ms"),
            std::string::npos);
  EXPECT_NE(reason({"id", "q", "stream", "gate", "text", "a", "to_ms", "-1"}).find("to_ms"),
            std::string::npos);
  EXPECT_NE(reason({"id", "q", "stream", "gate", "text", "a", "to_ms", "99999999999999999999"}), "");
  EXPECT_EQ(reason({"id", "q", "stream", "gate", "text", "a", "from_ms", "9", "to_ms", "8"}),
            "from_ms is later than to_ms");
  EXPECT_NE(reason({"id", "q", "stream", "gate", "text", "a", "client", ""}).find("client"),
            std::string::npos);
  EXPECT_EQ(reason({"id", "q", "stream", "gate", "text", "a"}, 60'001), "the question is older than 60 s");
}

TEST(QuestionCheck, AnswersABadIdWithTheEntrysOwn) {
  EXPECT_EQ(check_question("7-1", {"id", "\x01", "stream", "gate"}, 0, 0).question.id, "7-1");
  EXPECT_EQ(check_question("7-1", {"id", "\x01", "stream", "gate"}, 0, 0).question.stream, "gate");
}

TEST(QuestionCheck, TakesAnyBytes) {
  std::minstd_rand random(1);
  const char* names[] = {"id", "stream", "text", "from_ms", "to_ms", "client", ""};
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> values(random() % 12);
    Fields fields;
    for (std::string& value : values) {
      value.resize(random() % 70);
      for (char& c : value) c = static_cast<char>(random());
      fields.push_back(names[random() % 7]);
      fields.push_back(value);
    }
    const auto checked = check_question("1-1", fields, 0, 0);
    EXPECT_NE(checked.reason, "");  // random bytes make no stream id and text at once
  }
}

}  // namespace
}  // namespace vedette::sinks::redis
