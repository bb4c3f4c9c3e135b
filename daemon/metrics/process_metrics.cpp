#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "base/build_id.h"
#include "daemon/metrics/sources.h"

namespace vedette::daemon::metrics {

namespace {

// Fields of /proc/self/stat from the third on, which no program name can disturb; proc(5).
struct ProcessStat {
  double threads = 0, start_ticks = 0, resident_pages = 0;
};

ProcessStat read_stat() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  ProcessStat stat;
  const std::size_t close = line.rfind(')');
  if (close == std::string::npos) return stat;
  std::istringstream fields(line.substr(close + 1));
  std::string field;
  for (int number = 3; fields >> field; ++number) {
    if (number == 20) stat.threads = std::stod(field);
    if (number == 22) stat.start_ticks = std::stod(field);
    if (number == 24) stat.resident_pages = std::stod(field);
  }
  return stat;
}

double boot_time_seconds() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    double value = 0;
    if (word == "btime" && file >> value) return value;
  }
  return 0;
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

void write_process(Scrape& scrape) {
  const std::string_view build = base::build_id();  // "0.1.0+<sources>.<flags>"
  scrape.gauge("vedette_build_info", "Always 1: the labels say which build this is.", 1,
               {{"version", std::string(build.substr(0, build.find('+')))}, {"build", std::string(build)}});
  const ProcessStat stat = read_stat();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  scrape.counter("process_cpu_seconds_total", "User and system processor time.",
                 seconds(usage.ru_utime) + seconds(usage.ru_stime));
  scrape.gauge("process_resident_memory_bytes", "Resident memory.",
               stat.resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE)));
  const struct mallinfo2 heap = mallinfo2();
  for (const auto& [state, bytes] :
       {std::pair("used", heap.uordblks + heap.hblkhd), std::pair("free", heap.fordblks)}) {
    scrape.gauge("vedette_heap_bytes",
                 "Memory that the allocator has given out, and that it keeps for later.",
                 static_cast<double>(bytes), {{"state", state}});
  }
  scrape.gauge("process_threads", "Threads.", stat.threads);
  scrape.gauge("process_start_time_seconds", "Start, since 1970.",
               boot_time_seconds() + stat.start_ticks / static_cast<double>(sysconf(_SC_CLK_TCK)));
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  if (!error) {
    scrape.gauge("process_open_fds", "Open file descriptors.",
                 static_cast<double>(std::distance(begin(files), end(files))));
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    scrape.gauge("process_max_fds", "Most open file descriptors.", static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace vedette::daemon::metrics
