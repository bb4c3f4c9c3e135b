// vedetted: watches and listens to live streams, and puts what happens into Redis.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>

#include "base/build_id.h"
#include "base/log.h"
#include "daemon/ledger/coverage_writer.h"
#include "daemon/ledger/ledger.h"
#include "daemon/metrics/metered_publisher.h"
#include "daemon/metrics/sources.h"
#include "daemon/narration/answers.h"
#include "daemon/process.h"
#include "daemon/service/admission.h"
#include "daemon/service/configuration.h"
#include "daemon/service/fleet.h"
#include "daemon/service/narration_maker.h"
#include "daemon/service/progress.h"
#include "daemon/settings/settings.h"
#include "daemon/web.h"
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
  options.tiles = models.tiles;
  return options;
}

// Throws: DeviceError; MissingModel when a folder is there, but not what it should be.
std::shared_ptr<runtime::Runtime> load_models(const runtime::RuntimeOptions& options) {
  try {
    return runtime::Runtime::load(options);
  } catch (const runtime::DeviceError&) {
    throw;
  } catch (const std::runtime_error& error) {
    throw MissingModel(error.what());
  }
}

sinks::redis::PublisherOptions publisher_options(const settings::Settings& settings) {
  sinks::redis::PublisherOptions options;
  options.url = sinks::redis::parse_url(settings.redis);
  options.boot_id = sinks::redis::make_boot_id();
  options.retention = settings.retention;
  return options;
}

void refuse(const sinks::AnswerCallback& callback, std::string reason) {
  sinks::Answer answer;
  answer.state = sinks::AnswerState::kError;
  answer.reason = std::move(reason);
  callback(std::move(answer));
}

sinks::QuestionHandler question_handler(const service::Fleet& fleet, narration::Answers* answers) {
  return [&fleet, answers](const sinks::Question& question, sinks::AnswerCallback callback) {
    const auto narration = fleet.find(question.stream);
    if (!narration) return refuse(callback, "there is no stream " + question.stream);
    if (answers == nullptr)
      return refuse(callback, "this service runs without a language model (models.think: none)");
    answers->ask(question, narration->timeline(), narration->known_until_ms(), std::move(callback),
                 narration->sight());
  };
}

// What /metrics shows of the models.
void write_models(metrics::Scrape& scrape, runtime::Runtime& models) {
  metrics::write(scrape, models.engine_statistics());
  if (models.can_hear()) metrics::write(scrape, models.hearing().statistics(), metrics::Encoder::kSound);
  if (models.can_see()) metrics::write(scrape, models.seeing().statistics(), metrics::Encoder::kPictures);
}

// What keeps /readyz from saying yes: Redis, another writer, or streams whose first attempt is still to come
// to something. A camera that cannot be reached is a state of its stream, not of the service.
std::vector<std::string> not_ready(const sinks::redis::RedisPublisher& publisher,
                                   const sinks::redis::QuestionIntake& questions,
                                   const service::Fleet& fleet) {
  std::vector<std::string> reasons;
  const auto stats = publisher.stats();
  if (!stats.up) reasons.push_back("redis: " + (stats.problem.empty() ? "not connected yet" : stats.problem));
  for (const auto& stream : stats.streams) {
    if (!stream.ours && !stream.owner.empty())
      reasons.push_back(stream.stream + ": " + stream.owner + " writes this stream");
  }
  if (const auto problem = questions.stats().problem; stats.up && !problem.empty())
    reasons.push_back("questions: " + problem);
  for (const std::string& id : fleet.starting()) reasons.push_back(id + ": starting");
  return reasons;
}

// What works on what waits for it, for the watchdog. Redis is not among them: it may be away for as long as
// it likes.
std::vector<service::Part> parts_of(runtime::Runtime& models) {
  const auto lane = [](const char* name, const runtime::LaneStatistics& now) {
    return service::Part{name, now.running + now.waiting > 0, now.steps};
  };
  const auto encoder = [](const char* name, const runtime::EncodingStatistics& now) {
    return service::Part{name, now.waiting > 0, now.batches + now.failed};
  };
  const runtime::EngineStatistics engine = models.engine_statistics();
  std::vector<service::Part> parts{lane("language model", engine.text),
                                   lane("speech decoder", engine.speech)};
  if (models.can_hear()) parts.push_back(encoder("encoder of sound", models.hearing().statistics()));
  if (models.can_see()) parts.push_back(encoder("encoder of pictures", models.seeing().statistics()));
  return parts;
}

// How the service is, for systemd: "6 streams, 2 of them not running".
std::string status_of(const service::Configuration& configuration, service::ReloadOutcome reload,
                      std::size_t running) {
  const std::size_t streams = configuration.settings().streams.size();
  std::string status = std::to_string(streams) + (streams == 1 ? " stream" : " streams");
  if (running < streams) status += ", " + std::to_string(streams - running) + " of them not running";
  if (reload != service::ReloadOutcome::kApplied) status += "; the last reload was refused, see the log";
  return status;
}

// Until it is told to stop.
void run_until_stopped(service::Configuration& configuration, service::Admission& admission,
                       const metrics::MeteredPublisher& metered, runtime::Runtime& models,
                       const Signals& signals) {
  auto reload = service::ReloadOutcome::kApplied;
  service::Progress progress;
  const auto status = [&] { return status_of(configuration, reload, metered.running()); };
  notify_ready(status());
  for (;;) {
    const Signal signal = signals.wait(10s);
    if (signal == Signal::kStop) return;
    if (signal == Signal::kReload) {
      notify_reloading();
      reload = configuration.reload();
      notify_ready(status());
    }
    if (signal != Signal::kNone) continue;  // too soon after the last look to tell who is stuck
    admission.look();
    notify_status(status());
    give_back_memory();
    const auto stuck = progress.stuck(parts_of(models));
    if (stuck.empty()) notify_alive();
    for (const std::string& name : stuck)
      base::log(LogLevel::kWarning, "vedetted", "the " + name + " has work and has done none for 10 s");
  }
}

// Everything from the settings to the end, in the order of dependence; it unwinds by scope.
void serve(const std::string& file, const settings::Settings& settings, const Signals& signals) {
  const runtime::RuntimeOptions model_options = runtime_options(settings.models);
  base::log(LogLevel::kInfo, "vedetted", "version " + std::string(base::build_id()) + ", loading models");
  const std::shared_ptr<runtime::Runtime> models = load_models(model_options);

  base::log(LogLevel::kInfo, "vedetted", "models run on the " + models->device());

  std::optional<ShutdownDeadline> deadline;  // set when the end begins; gone once all below is
  sinks::redis::RedisPublisher publisher(publisher_options(settings));
  metrics::MeteredPublisher metered(publisher, base::utc_now_ms);
  http::EventLog events;
  http::LiveBoard board(metered, events, base::utc_now_ms);
  const bool serves = !settings.http_host.empty();
  sinks::Publisher& first = serves ? static_cast<sinks::Publisher&>(board) : metered;
  service::NarrationMaker maker(settings.evidence, *models, first, model_options.see);

  std::optional<narration::Answers> answers;
  if (models->can_think()) {
    narration::AnswerOptions options;
    options.think_model = models->think_name();
    options.writer = maker.writer();
    answers.emplace(models->engine(), models->think_tokenizer(), models->think_template(),
                    models->think_context(), options);
  }

  ledger::Ledger ledger;
  ledger::CoverageWriter coverage(ledger, [&](const ledger::Ledger::History& history) {
    publisher.publish_coverage(history.stream, to_string(history.modality), history.seconds.first,
                               history.seconds.letters);
  });
  gst::RuntimeHandle handle;
  if (models->can_hear()) handle.hearing = {models, &models->hearing()};
  if (models->can_see()) handle.seeing = {models, &models->seeing()};
  service::FleetHooks hooks;
  hooks.narrate = [&](const settings::StreamSettings& stream) { return maker.make(stream); };
  hooks.configured = [&](const std::vector<std::string>& ids, const std::vector<std::string>& gone) {
    coverage.flush();
    publisher.set_streams(ids);
    for (const std::string& id : gone) {
      metered.forget(id);
      board.forget(id);
    }
  };
  service::Fleet fleet(handle, ledger, std::move(hooks));
  const sinks::QuestionHandler ask = question_handler(fleet, answers ? &*answers : nullptr);
  const sinks::redis::QuestionIntake questions(publisher, ask);

  service::Admission admission(*models, maker.writer(), fleet, first);
  service::Configuration configuration(file, settings::process_environment(), settings,
                                       [&](const settings::Settings& now) {
                                         base::set_log_level(now.log_level);
                                         publisher.set_retention(now.retention);
                                         maker.set_quota(now.evidence.quota_bytes);
                                         return admission.apply(now).summary();
                                       });

  metrics::Metrics metrics;
  metrics.add_source([&](metrics::Scrape& scrape) {
    write_models(scrape, *models);
    metrics::write(scrape, publisher.stats());
    metrics::write(scrape, questions.stats());
    metered.write(scrape);
    ledger.write(scrape);
    fleet.write(scrape);
    maker.write(scrape);
    admission.write(scrape);
    configuration.write(scrape);
    metrics::write_process(scrape);
  });
  std::optional<Web> web;
  if (serves) {
    web.emplace(
        settings,
        WebParts{events, board, metrics, ledger, ask, [&] { return not_ready(publisher, questions, fleet); },
                 [&] { return fleet.ids(); }, [&](const std::string& stream) { return fleet.find(stream); }});
  }

  base::log(LogLevel::kInfo, "vedetted",
            "ready: " + std::to_string(settings.streams.size()) + " streams, Redis " +
                base::mask_secrets(settings.redis));
  run_until_stopped(configuration, admission, metered, *models, signals);
  base::log(LogLevel::kInfo, "vedetted", "stopping");
  notify_stopping();
  deadline.emplace(8s);
}

int run(int argc, char** argv) {
  keep_memory_flat();
  const Signals signals;
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
  try {
    serve(config, *settings, signals);
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
