#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace vedette::daemon::evidence {

// Which picture a file of the evidence folder holds: FOLDER/STREAM/MILLISECONDS.jpg.
struct PictureFile {
  std::string stream;
  std::int64_t written_ms = 0;  // UTC
};

// Empty: the path is none of a picture that we keep.
std::optional<PictureFile> picture_file(const std::filesystem::path& path);

// "MILLISECONDS.jpg"
std::string file_name(std::int64_t written_ms);

// The time in the name of one of our files; -1: it is none.
std::int64_t time_of(const std::string& name);

// The picture's bytes; "" when it is not there (any more). `stream` is a stream's id, so that nothing outside
// of the folder can be meant.
std::string read_picture(const std::filesystem::path& folder, const std::string& stream,
                         std::int64_t written_ms);

}  // namespace vedette::daemon::evidence
