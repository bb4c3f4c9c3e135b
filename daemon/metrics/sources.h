#pragma once

#include <cstdint>
#include <string>

#include "daemon/evidence/evidence_store.h"
#include "daemon/metrics/metrics.h"
#include "daemon/narration/stream_sight.h"
#include "daemon/streams/stream_figures.h"
#include "models/runtime/statistics.h"
#include "sinks/redis/publisher.h"
#include "sinks/redis/questions.h"

namespace vedette::daemon::metrics {

enum class Encoder : std::uint8_t { kSound, kPictures };

// Each adds the figures of one component to a scrape. Names and meanings: docs/metrics.md.

void write(Scrape& scrape, const sinks::redis::PublisherStats& stats);
void write(Scrape& scrape, const sinks::redis::QuestionStats& stats);
void write(Scrape& scrape, const models::runtime::EngineStatistics& stats);
void write(Scrape& scrape, const models::runtime::EncodingStatistics& stats, Encoder encoder);
void write(Scrape& scrape, const std::string& stream, const narration::SightStats& stats);
void write(Scrape& scrape, const evidence::EvidenceStats& stats);
void write(Scrape& scrape, const std::string& stream, const streams::ElementCounters& counters);

// Memory, processor time, files and start of this process, under the names of Prometheus' own clients; and
// which build it is.
void write_process(Scrape& scrape);

}  // namespace vedette::daemon::metrics
