#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "daemon/ledger/ledger.h"
#include "daemon/streams/feed.h"

namespace vedette::daemon::ledger {

// Stands between a source and the narration, and books what passes: the stream's state; silent windows and
// unchanged pictures as gated, others as analysed; shed when pictures were lost, or the narration's count of
// lost windows has grown. Threads: as the feed that it wraps.
class LedgerFeed : public streams::Feed {
 public:
  // `ledger` must outlive this; what of the stream is not booked there is passed on all the same. `shed`:
  // windows that the narration has lost so far.
  LedgerFeed(std::string stream, Ledger& ledger, std::shared_ptr<streams::Feed> next,
             std::function<std::uint64_t()> shed);

  void on_clock(const base::ClockMap& clock) override;
  void on_heard(streams::HeardWindow window) override;
  void on_seen(streams::SeenFrame frame) override;
  void on_motion(const signals::MotionEvent& event) override;
  void on_health(const signals::HealthEvent& event) override;
  void on_status(const streams::StreamStatus& status) override;
  base::MediaTime committed_until() const override;
  bool busy() const override;

 private:
  const std::string stream_;
  Ledger& ledger_;
  const std::shared_ptr<streams::Feed> next_;
  const std::function<std::uint64_t()> shed_;
  std::uint64_t shed_before_ = 0;
};

// The coverage of a modality while a stream is in `status` and nothing of it has come.
Coverage coverage_of(const streams::StreamStatus& status, Modality modality);

}  // namespace vedette::daemon::ledger
