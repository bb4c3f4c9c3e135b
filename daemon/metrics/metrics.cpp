#include "daemon/metrics/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>

namespace vedette::daemon::metrics {

struct Scrape::Families {
  std::map<std::string, prometheus::MetricFamily, std::less<>> by_name;

  prometheus::ClientMetric& add(std::string_view name, std::string_view help, prometheus::MetricType type,
                                Labels labels) {
    prometheus::MetricFamily& family = by_name[std::string(name)];
    if (family.name.empty()) {
      family.name = name;
      family.help = help;
      family.type = type;
    }
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    for (auto& [label, value] : labels) metric.label.push_back({std::move(label), std::move(value)});
    return metric;
  }
};

Scrape::Scrape() : families_(std::make_unique<Families>()) {}
Scrape::~Scrape() = default;

void Scrape::counter(std::string_view name, std::string_view help, double value, Labels labels) {
  families_->add(name, help, prometheus::MetricType::Counter, std::move(labels)).counter.value = value;
}

void Scrape::gauge(std::string_view name, std::string_view help, double value, Labels labels) {
  families_->add(name, help, prometheus::MetricType::Gauge, std::move(labels)).gauge.value = value;
}

void Scrape::histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                       std::span<const std::uint64_t> counts, double sum, Labels labels) {
  auto& histogram =
      families_->add(name, help, prometheus::MetricType::Histogram, std::move(labels)).histogram;
  std::uint64_t cumulated = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    cumulated += counts[i];
    const double bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
    histogram.bucket.push_back({cumulated, bound});
  }
  histogram.sample_count = cumulated;
  histogram.sample_sum = sum;
}

class Metrics::Inside {
 public:
  std::vector<prometheus::MetricFamily> collect() const {
    const std::lock_guard lock(mutex_);
    Scrape scrape;
    for (const Source& source : sources_) source(scrape);
    std::vector<prometheus::MetricFamily> families;
    for (auto& [name, family] : scrape.families_->by_name) families.push_back(std::move(family));
    return families;
  }
  void add(Source source) {
    const std::lock_guard lock(mutex_);
    sources_.push_back(std::move(source));
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Source> sources_;
};

Metrics::Metrics() : inside_(std::make_shared<Inside>()) {}
Metrics::~Metrics() = default;

void Metrics::add_source(Source source) {
  inside_->add(std::move(source));
}

std::string Metrics::text() const {
  return static_cast<const prometheus::Serializer&>(prometheus::TextSerializer())
      .Serialize(inside_->collect());
}

struct Histogram::State {
  mutable std::mutex mutex;
  std::vector<double> bounds;
  std::vector<std::uint64_t> counts;
  double sum = 0.0;
};

Histogram::Histogram(std::vector<double> bounds) : state_(std::make_unique<State>()) {
  state_->counts.resize(bounds.size() + 1);
  state_->bounds = std::move(bounds);
}

Histogram::~Histogram() = default;

void Histogram::observe(double value) {
  const std::lock_guard lock(state_->mutex);
  const auto bucket = std::lower_bound(state_->bounds.begin(), state_->bounds.end(), value);
  ++state_->counts[static_cast<std::size_t>(bucket - state_->bounds.begin())];
  state_->sum += value;
}

void Histogram::write(Scrape& scrape, std::string_view name, std::string_view help, Labels labels) const {
  const std::lock_guard lock(state_->mutex);
  scrape.histogram(name, help, state_->bounds, state_->counts, state_->sum, std::move(labels));
}

}  // namespace vedette::daemon::metrics
