#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace prometheus {
struct MetricFamily;
}

namespace vedette::daemon::metrics {

using Labels = std::vector<std::pair<std::string, std::string>>;

// One scrape in the making. Sources add samples; samples of one name form one family, whoever adds them.
// Lives only while a scrape is made.
class Scrape {
 public:
  Scrape();
  ~Scrape();
  void counter(std::string_view name, std::string_view help, double value, Labels labels = {});
  void gauge(std::string_view name, std::string_view help, double value, Labels labels = {});
  // `counts` per bucket, not cumulated; one more than `bounds`, the last for what is longer than all.
  void histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                 std::span<const std::uint64_t> counts, double sum, Labels labels = {});

 private:
  friend class Metrics;
  struct Families;
  const std::unique_ptr<Families> families_;
};

// Everything that /metrics shows. Components keep their own figures; each is asked for them at a scrape, and
// prometheus-cpp writes them down. Labels are bounded: stream ids come from the configuration,
// the other values from enumerations. Thread-safe.
class Metrics {
 public:
  using Source = std::function<void(Scrape&)>;

  Metrics();
  ~Metrics();

  // Asked at every scrape, from the scraping thread, one scrape at a time. What it captures must outlive
  // this.
  void add_source(Source source);

  // Prometheus' text format 0.0.4.
  std::string text() const;

 private:
  class Inside;
  const std::shared_ptr<Inside> inside_;
};

// A histogram that a component keeps. Thread-safe.
class Histogram {
 public:
  // `bounds`: upper ends of the buckets, ascending.
  explicit Histogram(std::vector<double> bounds);
  ~Histogram();
  void observe(double value);
  void write(Scrape& scrape, std::string_view name, std::string_view help, Labels labels) const;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace vedette::daemon::metrics
