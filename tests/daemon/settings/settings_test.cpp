#include "daemon/settings/settings.h"

#include <gmock/gmock.h>

#include <fstream>
#include <map>

#include "tests/support/temporary_folder.h"
#include "tests/support/thrown_message.h"

namespace vedette::daemon::settings {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Environment environment(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found != values.end() ? std::optional(found->second) : std::nullopt;
  };
}

Settings read(std::string_view text, std::map<std::string, std::string> values = {}) {
  return parse(text, "x.yaml", environment(std::move(values)));
}

// All problems of a text that must not be accepted, one line each.
std::string problems(std::string_view text, std::map<std::string, std::string> values = {}) {
  try {
    read(text, std::move(values));
  } catch (const SettingsError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Settings, ReadCaptionsAndAlerts) {
  const Settings read_back = read(R"(
evidence: {path: /pictures, quota: 50 MB}
defaults:
  caption: {every: 2s}
  alerts: [{when: "a person is visible"}]
streams:
  gate: {source: 'test://'}
  yard:
    source: 'test://'
    caption: {prompt: "Is the yard empty?"}
    alerts: [{when: "a car stops", threshold: 0.5, cooldown: 0}, {when: "it burns", cooldown: 5min}]
  mic: {source: 'test://', alerts: [], caption: {enabled: false}}
)");
  EXPECT_EQ(read_back.evidence.path, "/pictures");
  EXPECT_EQ(read_back.evidence.quota_bytes, 50'000'000u);
  const StreamSettings &gate = read_back.streams[0], &yard = read_back.streams[1],
                       &mic = read_back.streams[2];
  EXPECT_EQ(gate.caption.every, 2s);
  ASSERT_THAT(gate.alerts, SizeIs(1));
  EXPECT_EQ(gate.alerts[0].when, "a person is visible");
  EXPECT_FLOAT_EQ(gate.alerts[0].threshold, 0.7F);
  EXPECT_EQ(gate.alerts[0].cooldown, 60s);
  EXPECT_EQ(yard.caption.every, 2s);
  EXPECT_EQ(yard.caption.prompt, "Is the yard empty?");
  ASSERT_THAT(yard.alerts, SizeIs(2));
  EXPECT_FLOAT_EQ(yard.alerts[0].threshold, 0.5F);
  EXPECT_EQ(yard.alerts[0].cooldown, 0s);
  EXPECT_EQ(yard.alerts[1].cooldown, 5min);
  EXPECT_THAT(mic.alerts, IsEmpty());
  EXPECT_FALSE(mic.caption.enabled);
  EXPECT_THAT(to_json(read_back), HasSubstr("a person is visible"));
}

TEST(Settings, RefuseAlertsThatAreNone) {
  const auto with = [](const std::string& alerts) {
    return problems("streams: {a: {source: 'test://', alerts: " + alerts + "}}");
  };
  EXPECT_THAT(with("5"), HasSubstr("x.yaml:1:42: streams.a.alerts: expected a list of maps, received \"5\""));
  EXPECT_THAT(with("[x]"), HasSubstr("streams.a.alerts.0: expected a map, received \"x\""));
  EXPECT_THAT(with("[~]"), HasSubstr("streams.a.alerts.0: expected a map, received nothing"));
  EXPECT_THAT(with("[{when: x}, {}]"), HasSubstr("streams.a.alerts.1.when: expected 1 to 300 bytes of text"));
  EXPECT_THAT(with("[{when: x, treshold: 1}]"),
              HasSubstr("alerts.0.treshold: unknown key; did you mean \"threshold\"?"));
  EXPECT_THAT(with("[{when: x, threshold: 7}]"),
              HasSubstr("alerts.0.threshold: expected a value from 0 to 1"));
  std::string many = "[";
  for (int i = 0; i < 17; ++i) many += "{when: x},";
  EXPECT_THAT(with(many + "]"), HasSubstr("expected at most 16 rules, received 17"));
  EXPECT_THAT(problems("streams: {a: {source: 'test://'}}", {{"VEDETTE_DEFAULTS_ALERTS", "x"}}),
              HasSubstr("environment: defaults.alerts: a list of maps cannot come from the environment"));
  EXPECT_THAT(problems("streams: {a: {source: 'test://', caption: {prompt: ''}}}"),
              HasSubstr("streams.a.caption.prompt: expected 1 to 1000 bytes of text, received 0"));
}

TEST(Settings, HttpBeyondLoopbackHasAToken) {
  const std::string stream = "\nstreams: {a: {source: 'test://'}}";
  const std::map<std::string, std::string> word{{"WORD", "0123456789abcdef"}};
  const Settings open = read("http: {listen: '0.0.0.0:80', token: '${WORD}'}" + stream, word);
  EXPECT_EQ(open.http_host, "0.0.0.0");
  EXPECT_EQ(open.http_port, 80);
  EXPECT_EQ(open.http_token, "0123456789abcdef");
  EXPECT_THAT(to_json(open), AllOf(Not(HasSubstr("0123456789abcdef")), HasSubstr("\"http_token\": \"***\"")));
  EXPECT_THAT(open.warnings, IsEmpty());
  EXPECT_EQ(read("http: '[::1]:7'" + stream).http_host, "::1");
  EXPECT_EQ(read("http: {listen: 'off'}" + stream).http_host, "");
  EXPECT_EQ(read("http: {listen: '127.0.0.1:7'}" + stream).http_token, "");
  EXPECT_EQ(read("http: 0.0.0.0:80" + stream, {{"VEDETTE_HTTP_TOKEN", "0123456789abcdef"}}).http_port, 80);
  EXPECT_EQ(read("http: {listen: '127.0.0.1:7'}" + stream, {{"VEDETTE_HTTP", "127.0.0.1:8"}}).http_port, 8);

  EXPECT_THAT(
      problems("http: {listen: '0.0.0.0:80'}" + stream),
      HasSubstr("x.yaml:1:16: http.listen: expected a loopback address such as 127.0.0.1, or a token"));
  const std::string too_short = problems("http: {token: '${WORD}'}" + stream, {{"WORD", "hunter2"}});
  EXPECT_THAT(too_short, AllOf(HasSubstr("x.yaml:1:15: http.token: expected at least 16 bytes, received 7"),
                               Not(HasSubstr("hunter2"))));
  EXPECT_THAT(problems("http: {token: '${WORD}'}" + stream, {{"WORD", "a token with spaces"}}),
              HasSubstr("http.token: expected printable ASCII without spaces"));
  EXPECT_THAT(problems("http: {listen: 'x', tokn: y}" + stream),
              AllOf(HasSubstr("http.listen: expected HOST:PORT or off, received \"x\""),
                    HasSubstr("http.tokn: unknown key; did you mean \"token\"?")));
  EXPECT_THAT(read("http: {token: plainplainplainplain}" + stream).warnings,
              ElementsAre(HasSubstr("http.token stands in the clear")));
}

TEST(Settings, TheTokenCanBeACredential) {
  const test::TemporaryFolder folder;
  folder.write("http-token", "fedcba9876543210\n");
  const std::string text = "http: 0.0.0.0:80\nstreams: {a: {source: 'test://'}}";
  const std::map<std::string, std::string> there{{"CREDENTIALS_DIRECTORY", folder.path().string()}};
  EXPECT_EQ(read(text, there).http_token, "fedcba9876543210");
  EXPECT_EQ(read("http: {token: '${W}'}\nstreams: {a: {source: 'test://'}}",
                 {{"CREDENTIALS_DIRECTORY", folder.path().string()}, {"W", "0123456789abcdef"}})
                .http_token,
            "0123456789abcdef");
  folder.write("http-token", "short");
  EXPECT_THAT(problems(text, there),
              HasSubstr("credential http-token: expected at least 16 bytes, received 5"));
}

TEST(Settings, EvidenceHasAPlace) {
  const auto folder = [](std::string path, std::map<std::string, std::string> values) {
    EvidenceSettings evidence;
    evidence.path = std::move(path);
    return evidence_folder(evidence, environment(std::move(values))).string();
  };
  EXPECT_EQ(folder("none", {{"HOME", "/h"}}), "");
  EXPECT_EQ(folder("/x", {{"HOME", "/h"}}), "/x");
  EXPECT_EQ(folder("auto", {{"HOME", "/h"}}), "/h/.local/state/vedette/evidence");
  EXPECT_EQ(folder("auto", {{"HOME", "/h"}, {"XDG_STATE_HOME", "/s"}}), "/s/vedette/evidence");
  EXPECT_EQ(folder("auto", {{"XDG_STATE_HOME", "/s"}, {"STATE_DIRECTORY", "/var/lib/v:/b"}}),
            "/var/lib/v/evidence");
  EXPECT_EQ(folder("auto", {}), "");
}

TEST(Settings, TheShippedFileParsesAndShowsTheDefaults) {
  const Settings shipped = load(VEDETTE_SOURCE_DIR "/config/vedette.yaml", environment({}));
  ASSERT_THAT(shipped.streams, SizeIs(1));
  Settings plain = read("streams: {tryout: {source: 'test://'}}");
  EXPECT_EQ(to_json(shipped), to_json(plain));
  const StreamSettings &a = shipped.streams[0], &b = plain.streams[0];
  EXPECT_EQ(a.windows.hop, b.windows.hop);
  EXPECT_EQ(a.windows.longest, b.windows.longest);
  EXPECT_EQ(a.windows.lead_in, b.windows.lead_in);
  EXPECT_EQ(a.windows.silence_dbfs, b.windows.silence_dbfs);
  EXPECT_EQ(a.video_rate_hz, b.video_rate_hz);
  EXPECT_EQ(a.health.sound.silent_dbfs, b.health.sound.silent_dbfs);
  EXPECT_EQ(a.health.sound.clipped_share, b.health.sound.clipped_share);
  EXPECT_EQ(a.health.sound.clear_after, b.health.sound.clear_after);
  EXPECT_EQ(a.health.picture.black_share, b.health.picture.black_share);
  EXPECT_EQ(a.health.picture.frozen_after, b.health.picture.frozen_after);
  EXPECT_EQ(a.health.picture.low_frame_rate_hz, b.health.picture.low_frame_rate_hz);
  EXPECT_EQ(a.health.bitrate.zero_after, b.health.bitrate.zero_after);
  EXPECT_EQ(a.retry_longest, b.retry_longest);
  EXPECT_EQ(a.stalled_after, b.stalled_after);
  EXPECT_EQ(shipped.models.kv_bytes, plain.models.kv_bytes);
  EXPECT_EQ(shipped.models.tiles, plain.models.tiles);
}

TEST(Settings, AStreamTakesTheDefaultsUnlessItSaysOtherwise) {
  const Settings settings = read(R"(
redis: redis://10.0.0.1:6380/2
http: localhost:0
retention: 2h
log: debug
models: {hear: none, think: ./models/own, search_path: [/a, /b], precision: f32, threads: 3, kv_memory: 64 MiB, tiles: 0}
defaults: {transport: udp, sound: {hop: 500ms}, health: {silent_dbfs: -50, clear_after: 3s}, retry: {first: 2s}}
streams:
  gate: {source: "rtsp://cam/1"}
  door-2: {source: "rtsp://cam/2", transport: tcp, health: {silent_after: 1min}, video: {enabled: false}}
  clip: {source: "file:///x.mp4", pace: fast, start_time: 2026-03-01T12:00:00Z}
  raw: {pipeline: "audiotestsrc ! audioconvert"}
)");
  EXPECT_EQ(settings.redis, "redis://10.0.0.1:6380/2");
  EXPECT_EQ(settings.http_host, "localhost");
  EXPECT_EQ(settings.http_port, 0);
  EXPECT_EQ(settings.retention, 2h);
  EXPECT_EQ(settings.log_level, base::LogLevel::kDebug);
  EXPECT_EQ(settings.models.hear, "none");
  EXPECT_THAT(settings.models.search_path, ElementsAre("/a", "/b"));
  EXPECT_EQ(settings.models.precision, Precision::kF32);
  EXPECT_EQ(settings.models.threads, 3);
  EXPECT_EQ(settings.models.kv_bytes, 67'108'864U);
  EXPECT_EQ(settings.models.tiles, 0);
  ASSERT_THAT(settings.streams, SizeIs(4));
  const StreamSettings &gate = settings.streams[0], &door = settings.streams[1], &clip = settings.streams[2];
  EXPECT_EQ(gate.id, "gate");
  EXPECT_EQ(gate.transport, Transport::kUdp);
  EXPECT_EQ(gate.windows.hop, 500ms);
  EXPECT_EQ(gate.health.sound.silent_dbfs, -50.0F);
  EXPECT_EQ(gate.health.picture.clear_after, 3s);
  EXPECT_EQ(gate.retry_first, 2s);
  EXPECT_EQ(door.transport, Transport::kTcp);
  EXPECT_EQ(door.health.sound.silent_dbfs, -50.0F);
  EXPECT_EQ(door.health.sound.silent_after, 1min);
  EXPECT_FALSE(door.video);
  EXPECT_EQ(clip.pace, Pace::kFast);
  EXPECT_EQ(clip.utc_zero, 1772366400s);
  EXPECT_EQ(settings.streams[3].pipeline, "audiotestsrc ! audioconvert");
}

TEST(Settings, UnknownKeysNameFileLineColumnAndTheNearestKey) {
  EXPECT_EQ(problems("streams:\n  gate:\n    sorce: test://\n    source: test://\n"),
            "x.yaml:3:5: streams.gate.sorce: unknown key; did you mean \"source\"?");
  EXPECT_EQ(problems("reddis: redis://h\nstreams: {a: {source: 'test://'}}"),
            "x.yaml:1:1: reddis: unknown key; did you mean \"redis\"?");
  EXPECT_EQ(problems("models: {zebra: 1}\nstreams: {a: {source: 'test://'}}"),
            "x.yaml:1:10: models.zebra: unknown key");
  EXPECT_EQ(problems("defaults: {source: 'test://'}\nstreams: {a: {source: 'test://'}}"),
            "x.yaml:1:12: defaults.source: unknown key; did you mean \"sound\"?");
}

TEST(Settings, MistypedValuesSayWhatWasExpectedAndReceived) {
  const std::string stream = "\nstreams: {a: {source: 'test://'}}";
  EXPECT_EQ(problems("retention: 5" + stream),
            "x.yaml:1:12: retention: expected a duration such as 200ms, 5s, 10min, 2h or 7d, received \"5\"");
  EXPECT_EQ(problems("retention: 5s" + stream),
            "x.yaml:1:12: retention: expected a duration from 60s to 3650d, received \"5s\"");
  EXPECT_EQ(problems("log: infos" + stream),
            "x.yaml:1:6: log: expected one of debug, info, warning, error, received \"infos\" (did you mean "
            "\"info\"?)");
  EXPECT_EQ(problems("models: {threads: 1.5}" + stream),
            "x.yaml:1:19: models.threads: expected a whole number, received \"1.5\"");
  EXPECT_EQ(problems("models: {kv_memory: 12}" + stream),
            "x.yaml:1:21: models.kv_memory: expected a size such as 200 MB or 64 KiB, received \"12\"");
  EXPECT_EQ(problems("defaults: {sound: {enabled: yes}}" + stream),
            "x.yaml:1:29: defaults.sound.enabled: expected true or false, received \"yes\"");
  EXPECT_EQ(problems("defaults: {sound: loud}" + stream),
            "x.yaml:1:19: defaults.sound: expected a map, received \"loud\"");
  EXPECT_EQ(problems("http: [1, 2]" + stream), "x.yaml:1:7: http: expected a text, received a list");
  EXPECT_EQ(problems("http: 127.0.0.1:99999" + stream),
            "x.yaml:1:7: http: expected HOST:PORT or off, received \"127.0.0.1:99999\"");
  EXPECT_THAT(
      problems("http: 0.0.0.0:80" + stream),
      HasSubstr("x.yaml:1:7: http: expected a loopback address such as 127.0.0.1, or a token as well"));
  EXPECT_THAT(problems("redis: http://h" + stream), HasSubstr("x.yaml:1:8: redis: redis URL: "));
  EXPECT_EQ(problems("models: {search_path: {a: b}}" + stream),
            "x.yaml:1:23: models.search_path: expected a list of texts, received a map");
}

TEST(Settings, ReportsEveryProblemAtOnce) {
  const std::string all = problems("log: loud\nretention: long\nstreams: {a: {source: 'ftp://h'}, b: {}}");
  EXPECT_THAT(all, HasSubstr("x.yaml:1:6: log"));
  EXPECT_THAT(all, HasSubstr("x.yaml:2:12: retention"));
  EXPECT_THAT(all,
              HasSubstr("x.yaml:3:23: streams.a.source: expected one of rtsp://, rtsps://, srt://, rtmp://"));
  EXPECT_THAT(all, HasSubstr("test://, received \"ftp://h\""));
  EXPECT_THAT(all, HasSubstr("streams.b.source: expected source: URL or pipeline"));
}

TEST(Settings, StreamsAreNamedAndHaveOneSource) {
  EXPECT_THAT(problems("redis: redis://h"), HasSubstr("streams: expected 1 to 256 streams, received 0"));
  EXPECT_THAT(problems("streams: {Gate: {source: 'test://'}}"),
              HasSubstr("a stream id is 1 to 64 of a-z, 0-9, _ and -"));
  EXPECT_THAT(problems("streams: {" + std::string(65, 'a') + ": {source: 'test://'}}"),
              HasSubstr("a stream id is"));
  EXPECT_THAT(problems("streams: {a: {source: 'test://', pipeline: x}}"), HasSubstr("received both"));
  EXPECT_THAT(problems("streams: {a: {source: 'rstp://h'}}"), HasSubstr("did you mean rtsp://?"));
  EXPECT_THAT(problems("streams: {a: {source: 'test://', pace: fast}}"),
              HasSubstr("only for file:// sources"));
  EXPECT_THAT(problems("streams: {a: {source: 'test://', retry: {first: 1min}}}"),
              HasSubstr("is shorter than first"));
  EXPECT_THAT(problems("streams: {a: {source: 'test://'}, a: {source: 'test://'}}"),
              HasSubstr("second time"));
}

TEST(Settings, TakesSecretsFromTheEnvironmentAndHidesThem) {
  const std::string text = "streams: {a: {source: 'rtsp://${CAM_USER}:${CAM_PASSWORD}@h/$${x}'}}";
  const Settings settings = read(text, {{"CAM_USER", "bob"}, {"CAM_PASSWORD", "hunter2"}});
  EXPECT_EQ(settings.streams[0].source, "rtsp://bob:hunter2@h/${x}");
  EXPECT_THAT(to_json(settings), Not(HasSubstr("hunter2")));
  EXPECT_THAT(settings.warnings, IsEmpty());
  EXPECT_EQ(problems(text, {{"CAM_USER", "bob"}}),
            "x.yaml:1:23: streams.a.source: environment variable \"CAM_PASSWORD\" is not set");
  EXPECT_THAT(problems("redis: 'redis://${X'\nstreams: {a: {source: 'test://'}}"),
              HasSubstr("without \"}\""));
  EXPECT_THAT(problems("redis: 'http://u:${P}@h'\nstreams: {a: {source: 'test://'}}", {{"P", "hunter2"}}),
              Not(HasSubstr("hunter2")));
}

TEST(Settings, ATlsSourceSaysWhatItTrusts) {
  const Settings settings = read(R"(
defaults: {tls: {ca: /etc/cameras.pem}, video: {decoder: software}}
streams:
  gate: {source: 'rtsps://h/1', video: {decoder: auto}}
  door: {source: 'https://h/live.m3u8', tls: {verify: false}}
  yard: {source: 'rtsp://h/1'}
)");
  const StreamSettings &gate = settings.streams[0], &door = settings.streams[1];
  EXPECT_TRUE(gate.tls.verify);
  EXPECT_EQ(gate.tls.ca, "/etc/cameras.pem");
  EXPECT_EQ(gate.decoder, Decoder::kAuto);
  EXPECT_FALSE(door.tls.verify);
  EXPECT_EQ(door.decoder, Decoder::kSoftware);
  EXPECT_THAT(settings.warnings, ElementsAre(HasSubstr("streams.door.tls.verify is false")));
  EXPECT_THAT(
      problems("streams: {a: {source: 'rtsp://h/', tls: {verify: false}}}"),
      HasSubstr("streams.a.tls: only for rtsps://, rtmps:// and https:// sources; this one is rtsp://"));
}

TEST(Settings, TrustIsNamedByItsWholePath) {
  EXPECT_THAT(problems("streams: {a: {source: 'rtsps://h/', tls: {ca: cameras.pem}}}"),
              HasSubstr("streams.a.tls.ca: expected an absolute path, received \"cameras.pem\""));
}

TEST(Settings, APictureDeviceMayHaveAMicrophone) {
  EXPECT_EQ(
      read("streams: {a: {source: 'v4l2:///dev/video0', microphone: 'alsa://hw:1,0'}}").streams[0].microphone,
      "alsa://hw:1,0");
  EXPECT_THAT(problems("streams: {a: {source: 'rtsp://h/', microphone: 'alsa://hw:1'}}"),
              HasSubstr("streams.a.microphone: only for v4l2://"));
  EXPECT_THAT(
      problems("streams: {a: {source: 'v4l2:///dev/video0', microphone: 'srt://h:1'}}"),
      HasSubstr("streams.a.microphone: expected alsa://, pulse:// or pipewire://, received \"srt://h:1\""));
  EXPECT_THAT(problems("streams: {a: {source: 'v4l2:///dev/video0', microphone: 'alsa://'}}"),
              HasSubstr("streams.a.microphone: expected a device such as alsa://hw:1,0"));
}

TEST(Settings, BytesThatAreNoTextAreShownAsSuch) {
  const Settings settings = parse("models: {hear: '/m/\xff'}\nstreams: {gate: {source: 'test://'}}\n",
                                  "t.yaml", process_environment());
  EXPECT_THAT(to_json(settings), HasSubstr("/m/\xEF\xBF\xBD"));
}

TEST(Settings, WarnsOfAPasswordInTheFile) {
  const Settings settings = read(
      "redis: redis://:pw@h\nstreams: {a: {source: 'rtsp://bob:pw@h/'}, b: {source: "
      "'srt://h:1?passphrase=0123456789'}, c: {source: 'srt://h:1?passphrase=${P}'}}",
      {{"P", "9876543210"}});
  EXPECT_THAT(settings.warnings,
              ElementsAre(HasSubstr("streams.a.source"), HasSubstr("streams.b.source"), HasSubstr("redis")));
  EXPECT_THAT(to_json(settings), AllOf(Not(HasSubstr("0123456789")), Not(HasSubstr("9876543210"))));
}

TEST(Settings, TakesSystemdCredentials) {
  const test::TemporaryFolder folder;
  std::ofstream(folder.path() / "redis") << "s3cret\n";
  const std::map<std::string, std::string> values{{"CREDENTIALS_DIRECTORY", folder.path().string()}};
  const std::string stream = "\nstreams: {a: {source: 'test://'}}";
  EXPECT_EQ(read("redis: 'redis://:${credential:redis}@h'" + stream, values).redis, "redis://:s3cret@h");
  EXPECT_THAT(problems("redis: 'redis://:${credential:other}@h'" + stream, values),
              HasSubstr("credential \"other\""));
  EXPECT_THAT(problems("redis: 'redis://:${credential:../redis}@h'" + stream, values),
              HasSubstr("credential"));
}

TEST(Settings, TheEnvironmentOverridesTheFile) {
  const std::string text = "redis: redis://file\nstreams: {gate-1: {source: 'rtsp://h/'}}";
  const Settings settings = read(text, {{"VEDETTE_REDIS", "redis://env"},
                                        {"VEDETTE_MODELS_SEARCH_PATH", "/x:/y"},
                                        {"VEDETTE_DEFAULTS_SOUND_HOP", "2s"},
                                        {"VEDETTE_STREAMS_GATE_1_TRANSPORT", "udp"}});
  EXPECT_EQ(settings.redis, "redis://env");
  EXPECT_THAT(settings.models.search_path, ElementsAre("/x", "/y"));
  EXPECT_EQ(settings.streams[0].windows.hop, 2s);
  EXPECT_EQ(settings.streams[0].transport, Transport::kUdp);
  EXPECT_EQ(problems(text, {{"VEDETTE_LOG", "loud"}}),
            "environment: log: expected one of debug, info, warning, error, received \"loud\"");
}

TEST(Settings, WhatIsNoConfigurationIsRefused) {
  EXPECT_THAT(problems(""), HasSubstr("expected a map of settings"));
  EXPECT_THAT(problems("- a\n- b"), HasSubstr("expected a map of settings"));
  EXPECT_THAT(problems("streams: {a: [}"), HasSubstr("x.yaml:1:15: not YAML"));
  EXPECT_THAT(problems("streams: {a: &x {source: 'test://'}, ? [1] : {}}"), HasSubstr("expected a key"));
  EXPECT_THAT(problems(std::string(100'000, '[')), HasSubstr("not YAML"));
  EXPECT_THAT(test::thrown_message([] { load("/nonexistent/vedette.yaml", process_environment()); }),
              HasSubstr("/nonexistent/vedette.yaml: cannot be read"));
  EXPECT_THAT(test::thrown_message([] { load("/", process_environment()); }), HasSubstr("cannot be read"));
}

TEST(Settings, FindsModelsInTheCacheThenOnTheSearchPath) {
  const test::TemporaryFolder folder;
  const auto cache = folder.path() / "cache", system = folder.path() / "system";
  for (const auto& model : {cache / "vedette" / "models" / "a", system / "a", system / "b"}) {
    std::filesystem::create_directories(model);
    std::ofstream(model / "config.json") << "{}";
  }
  ModelSettings models;
  models.search_path = {system};
  const auto values = environment({{"XDG_CACHE_HOME", cache.string()}});
  EXPECT_EQ(find_model("a", models, values), cache / "vedette" / "models" / "a");
  EXPECT_EQ(find_model("b", models, values), system / "b");
  EXPECT_EQ(find_model("c", models, values), "");
  EXPECT_EQ(find_model((system / "a").string(), models, values), system / "a");
  EXPECT_EQ(find_model((system / "c").string(), models, values), "");
  const auto places = model_places(models, values);
  ASSERT_THAT(places, SizeIs(3));
  EXPECT_EQ(places[0], cache / "vedette" / "models");
  EXPECT_TRUE(places[1].string().ends_with("/share/vedette/models"));  // beside the program's folder
  EXPECT_EQ(places[2], system);
}

}  // namespace
}  // namespace vedette::daemon::settings
