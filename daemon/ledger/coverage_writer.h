#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <thread>

#include "daemon/ledger/ledger.h"

namespace vedette::daemon::ledger {

// Takes the history out of a ledger every other second and hands it on, from a thread of its own: what a
// crash loses is the seconds since.
class CoverageWriter {
 public:
  using Write = std::function<void(const Ledger::History&)>;

  // `ledger` and what `write` captures must outlive this. `write` must not block.
  CoverageWriter(Ledger& ledger, Write write, std::chrono::milliseconds every = std::chrono::seconds(2));
  ~CoverageWriter();  // hands on what is left

  // Hands on all up to now. Any thread.
  void flush();

 private:
  Ledger& ledger_;
  const Write write_;
  std::mutex flushing_;  // histories are handed on in their order
  std::jthread thread_;
};

}  // namespace vedette::daemon::ledger
