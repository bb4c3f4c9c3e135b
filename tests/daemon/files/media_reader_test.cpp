#include "daemon/files/media_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "daemon/files/captioner.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/thrown_message.h"

namespace vedette::daemon::files {
namespace {

using testing::HasSubstr;

class MediaReaderTest : public ::testing::Test {
 protected:
  // Runs the ffmpeg program to make a file in the test's folder.
  std::filesystem::path make(const std::string& name, const std::string& arguments) {
    const auto file = folder_.path() / name;
    const std::string command =
        "ffmpeg -nostdin -loglevel error -y " + arguments + " '" + file.string() + "'";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    return file;
  }
  static std::vector<float> read(MediaReader& reader) {
    std::vector<float> samples;
    while (reader.read(samples)) {
    }
    return samples;
  }
  static std::vector<float> read(const std::filesystem::path& file) {
    MediaReader reader(file);
    return read(reader);
  }
  static double rms(const std::vector<float>& samples, std::size_t first, std::size_t count) {
    double sum = 0.0;
    for (std::size_t i = first; i < first + count; ++i)
      sum += static_cast<double>(samples[i]) * static_cast<double>(samples[i]);
    return std::sqrt(sum / static_cast<double>(count));
  }

  test::TemporaryFolder folder_;
  const std::string tone_ = "-f lavfi -i sine=frequency=440:sample_rate=44100:duration=2 ";
};

TEST_F(MediaReaderTest, ReadsManyFormatsAs16KilohertzMono) {
  const std::vector<std::string> kinds = {"a.wav", "a.flac", "a.mp3", "a.ogg", "a.m4a", "a.mkv"};
  for (const std::string& name : kinds) {
    const auto file = make(name, tone_ + "-ac 2 -metadata creation_time=2026-01-31T12:00:00Z");
    MediaReader reader(file);
    EXPECT_EQ(reader.info().channels, 2) << name;
    const auto samples = read(reader);
    EXPECT_NEAR(static_cast<double>(samples.size()), 32000.0, 1300.0) << name;
    EXPECT_NEAR(rms(samples, 8000, 16000), 0.125 / std::sqrt(2.0), 0.02)
        << name;  // lavfi's sine has amplitude 1/8
    EXPECT_EQ(reader.samples(), static_cast<std::int64_t>(samples.size()));
    EXPECT_EQ(reader.broken_packets(), 0) << name;
  }
}

TEST_F(MediaReaderTest, KnowsWhenTheFileWasMade) {
  MediaReader made(make("a.m4a", tone_ + "-metadata creation_time=2026-01-31T12:00:00.500000Z"));
  ASSERT_TRUE(made.info().creation_utc.has_value());
  EXPECT_EQ(std::chrono::duration_cast<std::chrono::seconds>(*made.info().creation_utc).count(), 1769860800);
  MediaReader unknown(make("a.wav", tone_));
  EXPECT_FALSE(unknown.info().creation_utc.has_value());
}

TEST_F(MediaReaderTest, TheFirstSampleHasAUtcThatOnesWordGoesBefore) {
  const MediaReader made(make("a.mp4", tone_ + "-metadata creation_time=2026-01-31T12:00:00Z"));
  const base::ClockMap container = file_clock(made.info(), std::nullopt);
  EXPECT_EQ(container.source, base::ClockSource::kFile);
  EXPECT_EQ(container.utc_ms(std::chrono::seconds(1)), 1'769'860'801'000);
  EXPECT_EQ(container.error, std::chrono::seconds(1));
  const base::ClockMap told = file_clock(made.info(), std::chrono::seconds(100));
  EXPECT_EQ(told.utc_ms(std::chrono::seconds(1)), 101'000);
  EXPECT_EQ(told.error.count(), 0);
  const MediaReader unknown(make("a.wav", tone_));
  EXPECT_EQ(file_clock(unknown.info(), std::nullopt).utc_ms(std::chrono::seconds(1)), 1000);
}

TEST_F(MediaReaderTest, AGapBecomesSilence) {
  const auto file = make("gap.mkv", tone_ + "-af \"asetpts='if(gte(T,1),PTS+3/TB,PTS)'\" -c:a pcm_s16le");
  const auto samples = read(file);
  EXPECT_NEAR(static_cast<double>(samples.size()), 80000.0, 1300.0);
  EXPECT_LT(rms(samples, 24000, 32000), 1e-3);
  EXPECT_GT(rms(samples, 68000, 8000), 0.05);
}

TEST_F(MediaReaderTest, SaysWhatIsWrongWithAFile) {
  const auto message = [](const std::filesystem::path& file) {
    return test::thrown_message([&] { read(file); });
  };
  EXPECT_THAT(message(folder_.path() / "none.wav"), HasSubstr("none.wav: there is no such file"));
  const auto text = folder_.path() / "text.wav";
  std::ofstream(text) << "this is no sound at all, whatever its name says";
  EXPECT_THAT(message(text), HasSubstr("text.wav: Invalid data found"));
  EXPECT_THAT(message(make("mute.mp4", "-f lavfi -i testsrc=duration=1:size=64x64")),
              HasSubstr("there is no sound in it"));
  std::ofstream(folder_.path() / "empty.wav");
  EXPECT_THAT(message(folder_.path() / "empty.wav"), HasSubstr("empty.wav: "));
  EXPECT_THAT(message(folder_.path()), HasSubstr(folder_.path().string()));
}

TEST_F(MediaReaderTest, AFileThatIsCutOffGivesWhatIsThere) {
  const auto file = make("cut.mp3", tone_);
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  EXPECT_NEAR(static_cast<double>(read(file).size()), 16000.0, 3000.0);
}

TEST_F(MediaReaderTest, BrokenPacketsAreSkipped) {
  const auto file = make("broken.ogg", tone_ + "-c:a libvorbis");
  const auto whole = read(file).size();
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(file));
  for (std::streamoff at = size / 2; at < size / 2 + 300; ++at) {
    bytes.seekp(at);
    bytes.put(static_cast<char>(at * 37));
  }
  bytes.close();
  const auto samples = read(file);
  EXPECT_GT(samples.size(), whole / 3);
  for (const float sample : samples) ASSERT_LE(std::fabs(sample), 1.0F);
}

}  // namespace
}  // namespace vedette::daemon::files
