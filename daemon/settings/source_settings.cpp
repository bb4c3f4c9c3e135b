#include "daemon/settings/source_settings.h"

#include <array>
#include <stdexcept>

#include "daemon/settings/setting_text.h"
#include "daemon/settings/source_url.h"

namespace vedette::daemon::settings {

namespace {

// Keys that are for some sources only.
struct OnlyFor {
  const char* key;
  const char* sources;
  bool (*takes)(const SourceUrl&);
};
constexpr std::array<OnlyFor, 5> kOnlyFor{
    {{"transport", "rtsp:// and rtsps://", [](const SourceUrl& s) { return s.kind == SourceKind::kRtsp; }},
     {"pace", "file://", [](const SourceUrl& s) { return s.kind == SourceKind::kFile; }},
     {"start_time", "file://", [](const SourceUrl& s) { return s.kind == SourceKind::kFile; }},
     {"tls", "rtsps://, rtmps:// and https://", [](const SourceUrl& s) { return s.uses_tls(); }},
     {"microphone", "v4l2://, pipewire://...?media=video and test://picture", [](const SourceUrl& s) {
        return s.is_picture_device() || (s.kind == SourceKind::kTest && s.place == "picture");
      }}}};

// Nothing when it is none: the problem is noted.
std::optional<SourceUrl> read_url(Section& section, const char* key, const std::string& url,
                                  ParseContext& context) {
  try {
    return parse_source_url(url);
  } catch (const std::invalid_argument& error) {
    context.problem(section.mark_of(key), section.path_of(key), error.what());
    return std::nullopt;
  }
}

void check_microphone(Section& section, const StreamSettings& stream, ParseContext& context) {
  if (stream.microphone.empty()) return;
  const auto microphone = read_url(section, "microphone", stream.microphone, context);
  if (!microphone || microphone->is_sound_device()) return;
  context.problem(section.mark_of("microphone"), section.path_of("microphone"),
                  "expected alsa://, pulse:// or pipewire://, received " + in_quotes(stream.microphone));
}

void warn_of_trust(const StreamSettings& stream, const SourceUrl& source, ParseContext& context) {
  if (stream.tls.verify || !source.uses_tls()) return;
  context.warnings.push_back("streams." + stream.id +
                             ".tls.verify is false: whoever stands between can read its password and change "
                             "what it shows; tls.ca takes a camera's own certificate");
}

}  // namespace

bool has_plain_password(const YAML::Node& node) {
  if (!node.IsDefined() || !node.IsScalar()) return false;
  const std::string& text = node.Scalar();
  const std::string masked = base::mask_secrets(text);
  // The same up to the first mask, which stands in the place of a variable or of the password itself.
  const std::size_t mask = masked.find("***");
  return masked != text && mask != masked.npos && text.compare(mask, 2, "${") != 0;
}

void read_tls(Section section, TlsSettings& tls, ParseContext& context) {
  section.flag("verify", tls.verify);
  section.text("ca", tls.ca);
  section.finish();
  if (tls.ca.empty() || tls.ca.starts_with('/')) return;
  context.problem(section.mark_of("ca"), section.path_of("ca"),
                  "expected an absolute path, received " + in_quotes(tls.ca));
}

void check_source(Section& section, const StreamSettings& stream, ParseContext& context) {
  const bool has_source = !stream.source.empty(), has_pipeline = !stream.pipeline.empty();
  if (has_source == has_pipeline) {
    context.problem(section.mark(), section.path_of("source"),
                    has_source
                        ? "expected source or pipeline, received both"
                        : "expected source: URL or pipeline: \"a gst-launch description\", received neither");
    return;
  }
  if (has_pipeline) return;
  const auto source = read_url(section, "source", stream.source, context);
  if (!source) return;
  for (const OnlyFor& only : kOnlyFor) {
    if (!section.has(only.key) || only.takes(*source)) continue;
    context.problem(
        section.mark_of(only.key), section.path_of(only.key),
        std::string("only for ") + only.sources + " sources; this one is " + source->scheme + "://");
  }
  check_microphone(section, stream, context);
  warn_of_trust(stream, *source, context);
}

}  // namespace vedette::daemon::settings
