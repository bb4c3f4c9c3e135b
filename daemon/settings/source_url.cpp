#include "daemon/settings/source_url.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "daemon/settings/setting_text.h"

namespace vedette::daemon::settings {

namespace {

struct Scheme {
  std::string_view name;
  SourceKind kind;
  int port = 0;  // IANA's
};
constexpr std::array<Scheme, 13> kSchemes{{{"rtsp", SourceKind::kRtsp, 554},
                                           {"rtsps", SourceKind::kRtsp, 322},
                                           {"srt", SourceKind::kSrt},
                                           {"rtmp", SourceKind::kRtmp, 1935},
                                           {"rtmps", SourceKind::kRtmp, 443},
                                           {"http", SourceKind::kHls, 80},
                                           {"https", SourceKind::kHls, 443},
                                           {"file", SourceKind::kFile},
                                           {"v4l2", SourceKind::kV4l2},
                                           {"alsa", SourceKind::kAlsa},
                                           {"pulse", SourceKind::kPulse},
                                           {"pipewire", SourceKind::kPipeWire},
                                           {"test", SourceKind::kTest}}};

[[noreturn]] void expected(const std::string& what, const std::string& url) {
  throw std::invalid_argument("expected " + what + ", received " + in_quotes(base::mask_secrets(url)));
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* end = text.data() + std::min(i + 3, text.size());
    if (text[i] == '%' && std::from_chars(text.data() + i + 1, end, value, 16).ptr == text.data() + i + 3) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_number(std::string_view text, unsigned least, unsigned most) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= least && value <= most;
}

// "user:password@host:port" between "://" and the path.
struct Authority {
  std::string_view host, port;
  std::string_view path;  // from its '/', without query and fragment
};

Authority authority_of(std::string_view rest) {
  Authority found;
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view place = rest.substr(0, end);
  found.path = rest.substr(end, std::min(rest.find_first_of("?#", end), rest.size()) - end);
  if (const std::size_t at = place.rfind('@'); at != place.npos) place.remove_prefix(at + 1);
  const std::size_t bracket = place.rfind(']');  // an IPv6 address stands in brackets
  const std::size_t colon = place.find(':', bracket == place.npos ? 0 : bracket);
  found.host = place.substr(0, colon);
  if (colon != place.npos) found.port = place.substr(colon + 1);
  return found;
}

void read_network(SourceUrl& source, std::string_view rest, const std::string& url) {
  const Authority place = authority_of(rest);
  const bool listens = source.options.contains("mode") && source.options.at("mode") == "listener";
  if (place.host.empty() && !listens) expected(source.scheme + "://HOST...", url);
  if (!place.port.empty() && !is_number(place.port, 1, 65535)) expected("a port from 1 to 65535", url);
  source.host = place.host;
  if (source.host.starts_with('[') && source.host.ends_with(']'))
    source.host = source.host.substr(1, source.host.size() - 2);
  if (!place.port.empty()) source.port = std::stoi(std::string(place.port));
  if (source.kind == SourceKind::kSrt && place.port.empty()) expected("srt://HOST:PORT", url);
  if (source.kind == SourceKind::kRtmp) {
    const std::size_t slash = place.path.find('/', 1);
    if (slash == place.path.npos || slash < 2 || slash + 1 == place.path.size())
      expected(source.scheme + "://HOST/APPLICATION/STREAM", url);
  }
  if (source.kind == SourceKind::kHls && !place.path.ends_with(".m3u8"))
    expected("an HLS playlist, a URL whose path ends in .m3u8 (for anything else there is pipeline:)", url);
}

// The query's pairs, decoded; `known` are those that this scheme has.
std::map<std::string, std::string> options_of(std::string_view rest, const std::vector<std::string>& known) {
  std::map<std::string, std::string> options;
  const std::size_t mark = rest.find('?');
  if (mark == rest.npos) return options;
  std::string_view query = rest.substr(mark + 1);
  query = query.substr(0, query.find('#'));
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const std::size_t sign = pair.find('=');
    const std::string key(pair.substr(0, sign));
    if (std::ranges::find(known, key) == known.end()) {
      const std::string near = nearest(key, known);
      std::string all;
      for (const std::string& one : known) all += (all.empty() ? "" : ", ") + one;
      throw std::invalid_argument("expected options of " + all + ", received " + in_quotes(key) +
                                  (near.empty() ? "" : " (did you mean " + near + "?)"));
    }
    options[key] = sign == pair.npos ? "" : percent_decoded(pair.substr(sign + 1));
  }
  return options;
}

void check_srt(const std::map<std::string, std::string>& options, const std::string& url) {
  const auto has = [&](const char* key) { return options.contains(key); };
  if (has("mode") && options.at("mode") != "caller" && options.at("mode") != "listener")
    expected("mode=caller or mode=listener", url);
  if (has("latency") && !is_number(options.at("latency"), 0, 60'000))
    expected("latency in milliseconds, 0 to 60000", url);
  const std::size_t size = has("passphrase") ? options.at("passphrase").size() : 10;
  if (size < 10 || size > 79)  // libsrt, SRTO_PASSPHRASE
    throw std::invalid_argument("expected a passphrase of 10 to 79 bytes, received " + std::to_string(size));
  if (has("pbkeylen") && options.at("pbkeylen") != "16" && options.at("pbkeylen") != "24" &&
      options.at("pbkeylen") != "32")
    expected("pbkeylen=16, 24 or 32", url);
}

void check_device(const SourceUrl& source, const std::string& url) {
  if (source.kind == SourceKind::kV4l2 && (!source.place.starts_with("/dev/") || source.place.size() < 6))
    expected("a device such as v4l2:///dev/video0", url);
  if (source.kind == SourceKind::kAlsa && source.place.empty())
    expected("a device such as alsa://hw:1,0 or alsa://default", url);
  if (!source.options.contains("media")) return;
  const std::string& media = source.options.at("media");
  if (media != "audio" && media != "video" && media != "monitor")
    expected("media=audio, media=video or media=monitor", url);
}

}  // namespace

bool SourceUrl::is_picture_device() const {
  const auto media = options.find("media");
  return kind == SourceKind::kV4l2 ||
         (kind == SourceKind::kPipeWire && media != options.end() && media->second == "video");
}

bool SourceUrl::is_sound_device() const {
  return kind == SourceKind::kAlsa || kind == SourceKind::kPulse ||
         (kind == SourceKind::kPipeWire && !is_picture_device());
}

SourceUrl parse_source_url(const std::string& url) {
  const std::size_t colon = url.find("://");
  SourceUrl source;
  source.scheme = url.substr(0, colon == std::string::npos ? 0 : colon);
  const auto* const scheme = std::ranges::find(kSchemes, source.scheme, &Scheme::name);
  if (scheme == kSchemes.end()) {
    std::vector<std::string> names;
    std::string all;
    for (const Scheme& one : kSchemes) {
      names.emplace_back(one.name);
      all += (all.empty() ? "" : ", ") + names.back() + "://";
    }
    const std::string near = nearest(source.scheme, names);
    throw std::invalid_argument("expected one of " + all + ", received " +
                                in_quotes(base::mask_secrets(url)) +
                                (near.empty() ? "" : " (did you mean " + near + "://?)"));
  }
  source.kind = scheme->kind;
  source.port = scheme->port;
  const std::string rest = url.substr(colon + 3);
  if (source.kind == SourceKind::kSrt) {
    source.options = options_of(rest, {"mode", "latency", "passphrase", "pbkeylen", "streamid"});
    check_srt(source.options, url);
  }
  if (source.on_network()) {
    read_network(source, rest, url);
    return source;
  }
  source.place = rest;
  if (source.kind == SourceKind::kPipeWire) {
    source.options = options_of(rest, {"media"});
    source.place = percent_decoded(rest.substr(0, rest.find('?')));
  }
  check_device(source, url);
  return source;
}

}  // namespace vedette::daemon::settings
