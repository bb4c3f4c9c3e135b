#include "daemon/probe/describe.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "daemon/probe/advice.h"

namespace vedette::daemon::probe {

namespace {

using nlohmann::json;

// Three digits: "0.412", "25", "1.33".
std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, std::abs(value) >= 1000 ? "%.0f" : "%.3g", value);
  return text;
}

std::string bits(double per_s) {
  return per_s >= 1e6 ? number(per_s / 1e6) + " Mbit/s" : number(per_s / 1e3) + " kbit/s";
}

std::string picture_text(const PictureReport& picture) {
  std::string text = picture.codec;
  if (!picture.profile.empty()) text += " (" + picture.profile + ")";
  text += ", " + std::to_string(picture.width) + "x" + std::to_string(picture.height);
  if (picture.measured_hz) text += ", " + number(*picture.measured_hz) + " a second";
  if (picture.announced_hz) {
    text += " (announced: " + number(*picture.announced_hz) + ")";
  } else if (picture.codec != "raw") {
    text += " (none announced)";
  }
  if (picture.bits_per_s) text += ", " + bits(*picture.bits_per_s);
  if (picture.all_key_frames) {
    text += ", every picture is a key frame";
  } else if (picture.key_frames_s) {
    text += ", key frames " + number(*picture.key_frames_s) + " s apart";
  }
  if (picture.decode_share)
    text += ", decoding takes " + number(*picture.decode_share * 100) + " % of a core";
  return text;
}

std::string sound_text(const SoundReport& sound) {
  std::string text = sound.codec + ", " + std::to_string(sound.rate_hz) + " Hz, " +
                     std::to_string(sound.channels) + (sound.channels == 1 ? " channel" : " channels");
  if (sound.bits_per_s) text += ", " + bits(*sound.bits_per_s);
  if (sound.level_dbfs) text += ", " + number(*sound.level_dbfs) + " dBFS";
  return text;
}

std::string clock_text(const ClockReport& clock) {
  std::string text = base::to_string(clock.source);
  if (clock.source == base::ClockSource::kFile) return text + ": the file's own time";
  text += ", within " + number(clock.error_s) + " s";
  if (!clock.ahead_s) return text + " (no sender reports)";
  return text + " (sender reports, " + number(std::abs(*clock.ahead_s)) + " s " +
         (*clock.ahead_s > 0 ? "ahead of" : "behind") + " ours)";
}

std::string way_text(const ProbeReport& report) {
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (!report.transport.empty()) add("transport " + report.transport);
  if (report.connect_ms) add("connected in " + number(*report.connect_ms) + " ms");
  if (report.options_ms) add("OPTIONS answered in " + number(*report.options_ms) + " ms");
  if (report.first_media_ms) add("first media after " + number(*report.first_media_ms) + " ms");
  if (report.packets_lost > 0)
    add(std::to_string(report.packets_lost) + " of " + std::to_string(report.packets + report.packets_lost) +
        " packets lost");
  return text;
}

template <class T>
void put(json& object, const char* key, const std::optional<T>& value) {
  if (value) object[key] = *value;
}

json picture_json(const PictureReport& picture) {
  json object = {{"codec", picture.codec},
                 {"width", picture.width},
                 {"height", picture.height},
                 {"all_key_frames", picture.all_key_frames}};
  if (!picture.profile.empty()) object["profile"] = picture.profile;
  put(object, "announced_hz", picture.announced_hz);
  put(object, "measured_hz", picture.measured_hz);
  put(object, "bits_per_s", picture.bits_per_s);
  put(object, "key_frames_s", picture.key_frames_s);
  put(object, "longest_key_frames_s", picture.longest_key_frames_s);
  put(object, "decode_share", picture.decode_share);
  return object;
}

json sound_json(const SoundReport& sound) {
  json object = {{"codec", sound.codec}, {"rate_hz", sound.rate_hz}, {"channels", sound.channels}};
  put(object, "bits_per_s", sound.bits_per_s);
  put(object, "level_dbfs", sound.level_dbfs);
  return object;
}

}  // namespace

std::string summary(const ProbeReport& report) {
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (report.picture) {
    const PictureReport& picture = *report.picture;
    add(picture.codec + " " + std::to_string(picture.width) + "x" + std::to_string(picture.height) +
        (picture.measured_hz ? " at " + number(*picture.measured_hz) : ""));
  }
  if (report.sound) add(report.sound->codec + " " + std::to_string(report.sound->rate_hz) + " Hz");
  if (report.clock) add(std::string("clock ") + base::to_string(report.clock->source));
  return text;
}

std::string to_text(const ProbeReport& report, const std::vector<Advice>& advice) {
  std::string text = report.source + ": ";
  const auto line = [&text](const char* subject, const std::string& value) {
    if (!value.empty())
      text += "  " + std::string(subject) + std::string(9 - std::string(subject).size(), ' ') + value + "\n";
  };
  text += report.works() ? "works\n" : report.failure.reason + "\n";
  line("why", report.failure.detail);
  if (report.picture) line("picture", picture_text(*report.picture));
  if (report.sound) line("sound", sound_text(*report.sound));
  if (report.clock) line("clock", clock_text(*report.clock));
  line("way", way_text(report));
  for (const Advice& one : advice) line("advice", one.text);
  if (!report.works()) line("do", remedy(report.failure.reason));
  return text;
}

std::string to_json(const ProbeReport& report, const std::vector<Advice>& advice) {
  json object = {{"source", report.source}, {"ok", report.works()}};
  if (!report.works()) {
    object["reason"] = report.failure.reason;
    object["detail"] = report.failure.detail;
    object["do"] = remedy(report.failure.reason);
  }
  if (!report.transport.empty()) object["transport"] = report.transport;
  put(object, "connect_ms", report.connect_ms);
  put(object, "options_ms", report.options_ms);
  put(object, "first_media_ms", report.first_media_ms);
  if (report.packets > 0) object["packets"] = {{"received", report.packets}, {"lost", report.packets_lost}};
  if (report.picture) object["picture"] = picture_json(*report.picture);
  if (report.sound) object["sound"] = sound_json(*report.sound);
  if (report.clock) {
    object["clock"] = {{"source", base::to_string(report.clock->source)}, {"error_s", report.clock->error_s}};
    put(object["clock"], "ahead_s", report.clock->ahead_s);
  }
  object["advice"] = json::array();
  for (const Advice& one : advice) object["advice"].push_back({{"code", one.code}, {"text", one.text}});
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace vedette::daemon::probe
