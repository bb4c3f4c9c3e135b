// vedetted: watches and listens to live streams, and puts what happens into Redis.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>

#include "base/build_id.h"
#include "base/log.h"
#include "daemon/http/http_server.h"
#include "daemon/ledger/ledger_feed.h"
#include "daemon/metrics/metered_publisher.h"
#include "daemon/metrics/sources.h"
#include "daemon/narration/answers.h"
#include "daemon/narrations.h"
#include "daemon/process.h"
#include "daemon/settings/settings.h"
#include "daemon/streams/supervisor.h"
#include "models/runtime/runtime.h"
#include "sinks/redis/publisher.h"
#include "sinks/redis/questions.h"

namespace vedette::daemon {

namespace {

using namespace std::chrono_literals;
using base::LogLevel;
namespace runtime = models::runtime;

enum ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2, kMissing = 3 };

class MissingModel : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The folder of a configured model; empty when it is "none". Throws: MissingModel saying where it was looked
// for.
std::filesystem::path model_folder(const std::string& key, const std::string& name,
                                   const settings::ModelSettings& models) {
  if (name == "none") return {};
  const auto environment = settings::process_environment();
  auto folder = settings::find_model(name, models, environment);
  if (!folder.empty()) return folder;
  throw MissingModel(
      "models." + key + ": " + settings::no_model(name, models, environment) +
      ". tools/fetch-models gets the models; `vedette models import` makes a folder from GGUF or "
      "CTranslate2 files");
}

runtime::RuntimeOptions runtime_options(const settings::ModelSettings& models) {
  runtime::RuntimeOptions options;
  options.hear = model_folder("hear", models.hear, models);
  // Pictures are told by the language model: without one nobody would read them.
  if (models.think != "none") options.see = model_folder("see", models.see, models);
  options.think = model_folder("think", models.think, models);
  if (models.precision == settings::Precision::kF32) options.dtype = models::tensor::DType::kF32;
  if (models.precision == settings::Precision::kBF16) options.dtype = models::tensor::DType::kBF16;
  options.device = models.device;
  options.threads = models.threads;
  options.kv_bytes = models.kv_bytes;
  return options;
}

sinks::redis::PublisherOptions publisher_options(const settings::Settings& settings) {
  sinks::redis::PublisherOptions options;
  options.url = sinks::redis::parse_url(settings.redis);
  options.boot_id = sinks::redis::make_boot_id();
  options.retention = settings.retention;
  return options;
}

// The way from a source into its narration, past the ledger.
std::shared_ptr<streams::Feed> feed_of(const settings::StreamSettings& stream, const Narrations& narrations,
                                       ledger::Ledger& ledger) {
  const auto narration = narrations.find(stream.id);
  return std::make_shared<ledger::LedgerFeed>(
      stream.id, ledger, narration, [narration] { return narration->stats().shed; },
      ledger::Booked{stream.sound, stream.video});
}

void refuse(const sinks::AnswerCallback& callback, std::string reason) {
  sinks::Answer answer;
  answer.state = sinks::AnswerState::kError;
  answer.reason = std::move(reason);
  callback(std::move(answer));
}

sinks::QuestionHandler question_handler(const Narrations& narrations, narration::Answers* answers) {
  return [&narrations, answers](const sinks::Question& question, sinks::AnswerCallback callback) {
    const auto narration = narrations.find(question.stream);
    if (!narration) return refuse(callback, "there is no stream " + question.stream);
    if (answers == nullptr)
      return refuse(callback, "this service runs without a language model (models.think: none)");
    answers->ask(question, narration->timeline(), narration->known_until_ms(), std::move(callback),
                 narration->sight());
  };
}

// What /metrics shows, of all parts.
void add_sources(metrics::Metrics& metrics, runtime::Runtime& models,
                 const sinks::redis::RedisPublisher& publisher, const metrics::MeteredPublisher& metered,
                 const sinks::redis::QuestionIntake& questions, const ledger::Ledger& ledger,
                 const streams::Supervisor& supervisor, const Narrations& narrations) {
  metrics.add_source([&](metrics::Scrape& scrape) {
    metrics::write(scrape, models.engine_statistics());
    if (models.can_hear()) metrics::write(scrape, models.hearing().statistics(), metrics::Encoder::kSound);
    if (models.can_see()) metrics::write(scrape, models.seeing().statistics(), metrics::Encoder::kPictures);
    metrics::write(scrape, publisher.stats());
    metrics::write(scrape, questions.stats());
    metered.write(scrape);
    ledger.write(scrape);
    narrations.write(scrape);
    for (const auto& [id, figures] : supervisor.figures()) metrics::write(scrape, id, figures->counters());
    metrics::write_process(scrape);
  });
}

// What keeps /readyz from saying yes: Redis, another writer, or streams whose first attempt is still to come
// to something. A camera that cannot be reached is a state of its stream, not of the service.
std::vector<std::string> not_ready(const sinks::redis::RedisPublisher& publisher,
                                   const sinks::redis::QuestionIntake& questions,
                                   const streams::Supervisor& supervisor) {
  std::vector<std::string> reasons;
  const auto stats = publisher.stats();
  if (!stats.up) reasons.push_back("redis: " + (stats.problem.empty() ? "not connected yet" : stats.problem));
  for (const auto& stream : stats.streams) {
    if (!stream.ours && !stream.owner.empty())
      reasons.push_back(stream.stream + ": " + stream.owner + " writes this stream");
  }
  if (const auto problem = questions.stats().problem; stats.up && !problem.empty())
    reasons.push_back("questions: " + problem);
  for (const auto& [id, figures] : supervisor.figures()) {
    if (!figures->tried()) reasons.push_back(id + ": starting");
  }
  return reasons;
}

std::vector<std::string> stream_ids(const settings::Settings& settings) {
  std::vector<std::string> ids;
  for (const auto& stream : settings.streams) ids.push_back(stream.id);
  return ids;
}

// Everything from the settings to the end, in the order of dependence; it unwinds by scope.
void serve(settings::Settings settings, const StopSignals& stop_signals) {
  const runtime::RuntimeOptions model_options = runtime_options(settings.models);
  base::log(LogLevel::kInfo, "vedetted", "version " + std::string(base::build_id()) + ", loading models");
  const std::shared_ptr<runtime::Runtime> models = runtime::Runtime::load(model_options);

  base::log(LogLevel::kInfo, "vedetted", "models run on the " + models->device());

  std::optional<ShutdownDeadline> deadline;  // set when the end begins; gone once all below is
  sinks::redis::RedisPublisher publisher(publisher_options(settings));
  publisher.set_streams(stream_ids(settings));
  metrics::MeteredPublisher metered(publisher, base::utc_now_ms);
  const Narrations narrations(settings, *models, metered, model_options.see);

  std::optional<narration::Answers> answers;
  if (models->can_think()) {
    narration::AnswerOptions options;
    options.think_model = models->think_name();
    options.writer = narrations.writer();
    answers.emplace(models->engine(), models->think_tokenizer(), models->think_template(),
                    models->think_context(), options);
  }
  sinks::redis::QuestionIntake questions(publisher,
                                         question_handler(narrations, answers ? &*answers : nullptr));

  ledger::Ledger ledger;
  gst::RuntimeHandle handle;
  if (models->can_hear()) handle.hearing = {models, &models->hearing()};
  if (models->can_see()) handle.seeing = {models, &models->seeing()};
  streams::Supervisor supervisor(handle);
  for (auto& stream : settings.streams) {
    stream.sound = stream.sound && models->can_hear();
    supervisor.start(stream, feed_of(stream, narrations, ledger));
  }

  metrics::Metrics metrics;
  add_sources(metrics, *models, publisher, metered, questions, ledger, supervisor, narrations);
  std::optional<http::HttpServer> http;
  if (!settings.http_host.empty()) {
    http::HttpPages pages{[&] { return metrics.text(); },
                          [&] { return not_ready(publisher, questions, supervisor); },
                          [&](const std::string& stream) { return narrations.picture(stream); }};
    http.emplace(http::HttpOptions{settings.http_host, settings.http_port}, std::move(pages));
    base::log(LogLevel::kInfo, "http",
              "listening on " + settings.http_host + ":" + std::to_string(http->port()));
  }

  const std::string status = std::to_string(settings.streams.size()) + " streams";
  notify_ready(status);
  base::log(LogLevel::kInfo, "vedetted",
            "ready: " + status + ", Redis " + base::mask_secrets(settings.redis));
  while (!stop_signals.wait(10s)) notify_status(status);
  base::log(LogLevel::kInfo, "vedetted", "stopping");
  notify_stopping();
  deadline.emplace(8s);
}

int run(int argc, char** argv) {
  keep_memory_flat();
  const StopSignals stop_signals;
  CLI::App app("Watches and listens to live streams, and puts what happens into Redis.", "vedetted");
  std::string config;
  app.add_option("--config", config, "Configuration file")->required();
  app.set_version_flag("--version", "vedetted " + std::string(base::build_id()));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;  // --help and --version come here too
  }
  std::optional<settings::Settings> settings;
  try {
    settings = settings::load(config, settings::process_environment());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "vedetted: %s\n", error.what());
    return kUsage;
  }
  base::set_log_level(settings->log_level);
  for (const std::string& warning : settings->warnings) base::log(LogLevel::kWarning, "settings", warning);
  try {
    serve(std::move(*settings), stop_signals);
  } catch (const MissingModel& error) {
    std::fprintf(stderr, "vedetted: %s\n", error.what());
    return kMissing;
  } catch (const runtime::DeviceError& error) {
    std::fprintf(stderr, "vedetted: models.device: %s\n", error.what());
    return kMissing;
  } catch (const std::exception& error) {
    base::log(LogLevel::kError, "vedetted", error.what());
    return kFailed;
  }
  base::log(LogLevel::kInfo, "vedetted", "stopped");
  return kDone;
}

}  // namespace
}  // namespace vedette::daemon

int main(int argc, char** argv) {
  return vedette::daemon::run(argc, argv);
}
