#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "base/bounded_queue.h"
#include "daemon/evidence/jpeg.h"
#include "models/runtime/image_encoding.h"

namespace vedette::daemon::evidence {

struct EvidenceOptions {
  std::filesystem::path folder;             // made when it is not there; one daemon at a time has it
  std::uint64_t quota_bytes = 200'000'000;  // of all pictures together; the oldest go first
  std::size_t most_waiting = 32;            // pictures to write; more are refused
  int quality = kJpegQuality;
  std::chrono::milliseconds retry{10'000};  // after trouble with the disk nothing is taken for so long
};

struct EvidenceStats {
  std::uint64_t written = 0;          // pictures
  std::uint64_t refused = 0;          // because too many waited, or for trouble a moment ago
  std::uint64_t failed = 0;           // that could not be written
  std::uint64_t deleted = 0;          // to stay below the quota
  std::uint64_t bytes = 0, held = 0;  // pictures that are there now
  std::string problem;                // why none can be written now; "" when all is well
};

// Pictures on disk that records refer to: FOLDER/STREAM/MILLISECONDS.jpg, by the time of writing. One thread
// encodes and writes; what is there is learned anew from the folder at the start, so that no crash loses or
// leaks anything, and files of other names are never touched. Thread-safe.
class EvidenceStore {
 public:
  // Trouble with the folder is no error: it is logged, counted and tried again.
  explicit EvidenceStore(EvidenceOptions options);
  ~EvidenceStore();  // as stop()

  // Writes the picture and tells its path, "" when it could not be written. `done` is called once, on the
  // store's thread, or at once when the picture is refused; it must not block or throw.
  void keep(const std::string& stream, models::runtime::ImageFrame picture,
            std::function<void(std::string path)> done);
  // From the next picture on.
  void set_quota(std::uint64_t bytes) { quota_bytes_ = bytes; }
  // Writes what waits, and refuses all from now on.
  void stop();

  EvidenceStats stats() const;

 private:
  struct Job {
    std::string stream;
    models::runtime::ImageFrame picture;
    std::function<void(std::string path)> done;
  };
  struct File {
    std::filesystem::path path;
    std::uint64_t bytes = 0;
  };

  void run();
  std::string encode(const Job& job) const;
  std::string write(const std::string& stream, const std::string& jpeg);
  std::string take(const Job& job);
  void open();
  void learn_files();
  void learn_folder(const std::filesystem::path& folder);
  void make_room(std::uint64_t bytes);
  void trouble(const std::string& what);
  bool in_trouble() const;

  const EvidenceOptions options_;
  std::atomic<std::uint64_t> quota_bytes_;
  int lock_ = -1;                       // of the folder; the store's thread has it
  std::map<std::int64_t, File> files_;  // by time of writing, which is unique; the store's thread has them
  base::BoundedQueue<Job> queue_;
  mutable std::mutex mutex_;  // guards the rest
  EvidenceStats stats_;
  std::chrono::steady_clock::time_point refuse_until_{};
  std::thread thread_;
};

}  // namespace vedette::daemon::evidence
