#include "daemon/ledger/coverage_writer.h"

#include <pthread.h>

#include <condition_variable>
#include <utility>

namespace vedette::daemon::ledger {

CoverageWriter::CoverageWriter(Ledger& ledger, Write write, std::chrono::milliseconds every)
    : ledger_(ledger), write_(std::move(write)), thread_([this, every](const std::stop_token& stop) {
        pthread_setname_np(pthread_self(), "coverage");
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock lock(mutex);
        while (!stop.stop_requested()) {
          never.wait_for(lock, stop, every, [] { return false; });
          flush();
        }
      }) {}

CoverageWriter::~CoverageWriter() {
  thread_ = {};
  flush();
}

void CoverageWriter::flush() {
  const std::lock_guard lock(flushing_);
  for (const Ledger::History& history : ledger_.take_history()) write_(history);
}

}  // namespace vedette::daemon::ledger
