#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "daemon/metrics/metrics.h"
#include "sinks/publisher.h"

namespace vedette::daemon::metrics {

// Passes everything on to another publisher, and counts it on the way: records by stream, kind and outcome,
// how late the words of live streams are, and what each stream says of its state. Thread-safe.
class MeteredPublisher : public sinks::Publisher {
 public:
  // `next` must outlive this; `now_ms` is UTC.
  explicit MeteredPublisher(sinks::Publisher& next, std::function<std::int64_t()> now_ms);
  ~MeteredPublisher() override;

  sinks::PublishOutcome publish(sinks::Record record) override;
  void publish_live(std::string_view stream, std::string_view text) override;
  void publish_state(sinks::StateUpdate update) override;

  // The stream is no longer configured: nothing is told of it any more.
  void forget(const std::string& stream);

  // How many streams say that they are running.
  std::size_t running() const;
  void write(Scrape& scrape) const;

 private:
  static constexpr std::size_t kOutcomes = 4;
  struct Stream {
    std::array<std::array<std::uint64_t, kOutcomes>, sinks::kKinds> records{};
    Histogram tentative, committed;
    std::string state, clock;
    std::int64_t last_media_ms = 0;  // UTC of the newest picture or sound; 0: none has come
    Stream();
  };
  Stream& stream(const std::string& id);

  sinks::Publisher& next_;
  const std::function<std::int64_t()> now_ms_;
  mutable std::mutex mutex_;
  std::map<std::string, Stream> streams_;
};

}  // namespace vedette::daemon::metrics
