#include "daemon/evidence/picture_file.h"

#include <fstream>
#include <sstream>

#include "sinks/record.h"

namespace vedette::daemon::evidence {

namespace {

constexpr std::string_view kSuffix = ".jpg";
constexpr std::uintmax_t kMostBytes =
    32U << 20;  // far more than a picture of 16384x16384 that is ours would have

}  // namespace

std::string file_name(std::int64_t written_ms) {
  return std::to_string(written_ms) + std::string(kSuffix);
}

std::int64_t time_of(const std::string& name) {
  if (!name.ends_with(kSuffix) || name.size() <= kSuffix.size() || name.size() > 20) return -1;
  const std::string digits = name.substr(0, name.size() - kSuffix.size());
  if (digits.find_first_not_of("0123456789") != std::string::npos) return -1;
  return std::stoll(digits);
}

std::optional<PictureFile> picture_file(const std::filesystem::path& path) {
  PictureFile file{path.parent_path().filename().string(), time_of(path.filename().string())};
  if (file.written_ms < 0 || !sinks::is_stream_id(file.stream)) return std::nullopt;
  return file;
}

std::string read_picture(const std::filesystem::path& folder, const std::string& stream,
                         std::int64_t written_ms) {
  if (folder.empty() || !sinks::is_stream_id(stream) || written_ms < 0) return {};
  const auto path = folder / stream / file_name(written_ms);
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (error || bytes > kMostBytes || !std::filesystem::is_regular_file(path, error)) return {};
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return in ? out.str() : std::string();
}

}  // namespace vedette::daemon::evidence
