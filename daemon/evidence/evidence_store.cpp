#include "daemon/evidence/evidence_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/time.h"
#include "daemon/evidence/picture_file.h"
#include "sinks/record.h"

namespace vedette::daemon::evidence {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kUnfinished = ".unfinished";  // as our files end while they are written

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

[[noreturn]] void fail(const std::string& what, const fs::path& path) {
  throw std::runtime_error(what + " " + path.string() + ": " + std::strerror(errno));
}

void write_whole(const fs::path& path, std::string_view bytes) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (file.get() < 0) fail("cannot create", path);
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail("cannot write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

EvidenceStore::EvidenceStore(EvidenceOptions options)
    : options_(std::move(options)),
      quota_bytes_(options_.quota_bytes),
      queue_(options_.most_waiting),
      thread_([this] { run(); }) {}

EvidenceStore::~EvidenceStore() {
  stop();
  if (lock_ >= 0) ::close(lock_);
}

void EvidenceStore::stop() {
  queue_.close();
  if (thread_.joinable()) thread_.join();
}

EvidenceStats EvidenceStore::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

bool EvidenceStore::in_trouble() const {
  const std::lock_guard lock(mutex_);
  return !stats_.problem.empty() && std::chrono::steady_clock::now() < refuse_until_;
}

void EvidenceStore::keep(const std::string& stream, models::runtime::ImageFrame picture,
                         std::function<void(std::string path)> done) {
  Job job{stream, std::move(picture), std::move(done)};
  const bool usable = job.picture.owner != nullptr && sinks::is_stream_id(stream);
  if (usable && !in_trouble() && queue_.try_push(std::move(job))) return;
  {
    const std::lock_guard lock(mutex_);
    ++stats_.refused;
  }
  job.done({});
}

void EvidenceStore::run() {
  try {
    std::error_code error;
    if (fs::exists(options_.folder, error)) open();  // else with the first picture
  } catch (const std::exception& error) {
    trouble(error.what());
  }
  while (auto job = queue_.pop()) {
    std::string path = take(*job);
    {
      const std::lock_guard lock(mutex_);
      if (path.empty()) {
        ++stats_.failed;
      } else {
        ++stats_.written;
        stats_.problem.clear();
      }
      stats_.held = files_.size();
    }
    job->picture = {};
    job->done(std::move(path));
  }
}

// The path of the picture, once it is written; "" when it could not be.
std::string EvidenceStore::take(const Job& job) {
  if (in_trouble()) return {};
  const std::string jpeg = encode(job);
  if (jpeg.empty()) return {};
  try {
    return write(job.stream, jpeg);
  } catch (const std::exception& error) {
    trouble(error.what());
    return {};
  }
}

// A picture that cannot be encoded is its stream's trouble alone.
std::string EvidenceStore::encode(const Job& job) const {
  try {
    return encode_jpeg(job.picture.view, options_.quality);
  } catch (const std::exception& error) {
    base::log_limited(base::LogLevel::kWarning, job.stream, "evidence", error.what());
    return {};
  }
}

void EvidenceStore::trouble(const std::string& what) {
  base::log_limited(base::LogLevel::kWarning, "evidence", "disk", "records go out without pictures: " + what);
  const std::lock_guard lock(mutex_);
  stats_.problem = what;
  refuse_until_ = std::chrono::steady_clock::now() + options_.retry;
}

// Takes the folder and learns what is in it.
void EvidenceStore::open() {
  std::error_code error;
  fs::create_directories(options_.folder, error);
  if (error) throw std::runtime_error("cannot make " + options_.folder.string() + ": " + error.message());
  const fs::path name = options_.folder / ".lock";
  Descriptor lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (lock.get() < 0) fail("cannot create", name);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    throw std::runtime_error(options_.folder.string() + ": another vedetted uses it");
  }
  learn_files();
  lock_ = lock.release();
  make_room(0);
}

void EvidenceStore::learn_files() {
  files_.clear();
  {
    const std::lock_guard lock(mutex_);
    stats_.bytes = 0;
  }
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(options_.folder, error)) {
    if (entry.is_directory(error) && sinks::is_stream_id(entry.path().filename().string())) {
      learn_folder(entry.path());
    }
  }
}

void EvidenceStore::learn_folder(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(kUnfinished)) {  // of a daemon that was killed while it wrote
      fs::remove(entry.path(), error);
      continue;
    }
    std::int64_t time = time_of(name);
    if (time < 0 || !entry.is_regular_file(error) || entry.is_symlink(error)) continue;
    const std::uint64_t bytes = entry.file_size(error);
    while (files_.contains(time)) ++time;
    files_[time] = {entry.path(), bytes};
    const std::lock_guard lock(mutex_);
    stats_.bytes += bytes;
  }
}

// Deletes the oldest until so many bytes fit.
void EvidenceStore::make_room(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  while (!files_.empty() && stats_.bytes + bytes > quota_bytes_) {
    const auto oldest = files_.begin();
    std::error_code error;
    fs::remove(oldest->second.path, error);  // one that somebody else removed is gone all the same
    stats_.bytes -= std::min(stats_.bytes, oldest->second.bytes);
    ++stats_.deleted;
    files_.erase(oldest);
  }
  stats_.held = files_.size();
}

std::string EvidenceStore::write(const std::string& stream, const std::string& jpeg) {
  if (lock_ < 0) open();
  if (jpeg.size() > quota_bytes_) {
    throw std::runtime_error("a picture of " + std::to_string(jpeg.size()) +
                             " bytes is more than the quota of " + std::to_string(quota_bytes_));
  }
  make_room(jpeg.size());
  const fs::path folder = options_.folder / stream;
  std::error_code error;
  fs::create_directory(folder, error);
  std::int64_t time = base::utc_now_ms();
  if (!files_.empty()) time = std::max(time, files_.rbegin()->first + 1);
  const fs::path path = folder / file_name(time);
  fs::path unfinished = path;
  unfinished += kUnfinished;
  try {
    write_whole(unfinished, jpeg);
    fs::rename(unfinished, path);
  } catch (...) {
    fs::remove(unfinished, error);
    throw;
  }
  files_[time] = {path, jpeg.size()};
  const std::lock_guard lock(mutex_);
  stats_.bytes += jpeg.size();
  return path.string();
}

}  // namespace vedette::daemon::evidence
