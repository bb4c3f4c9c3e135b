#include "daemon/streams/failure.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "daemon/streams/decoder_choice.h"
#include "daemon/streams/gst_handles.h"

namespace vedette::daemon::streams {

namespace {

// What GLib and the RTSP client write into the debug text; the error codes alone do not tell these apart.
constexpr std::array<std::pair<std::string_view, const char*>, 22> kPhrases{{
    {"unauthorized", "auth"},
    {"not authorized", "auth"},
    {"forbidden", "auth"},
    {"failed to authenticate", "auth"},
    {"connection refused", "refused"},
    {"not found", "not_found"},
    {"no such file", "not_found"},
    {"no such entity", "not_found"},
    {"no such device", "not_found"},
    {"streamnotfound", "not_found"},
    {"error resolving", "dns"},
    {"name or service not known", "dns"},
    {"could not resolve", "dns"},
    {"no route to host", "unreachable"},
    {"network is unreachable", "unreachable"},
    {"connection terminated", "closed"},
    {"permission denied", "permission"},
    {"tls handshake", "tls"},
    {"secure connection", "tls"},
    {"timed out", "timeout"},
    {"timeout", "timeout"},
    {"could not receive any udp packets", "timeout"},
}};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

const char* of_stream_error(int code) {
  switch (code) {
    case GST_STREAM_ERROR_TYPE_NOT_FOUND:
    case GST_STREAM_ERROR_CODEC_NOT_FOUND: return "unsupported";
    default: return "decode";
  }
}

const char* reason_of(const GError& error, const std::string& text, const std::string& factory) {
  if (factory == "vedaudioencoder") return "model";
  if (g_error_matches(&error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED)) return "auth";
  if (g_error_matches(&error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND)) return "not_found";
  if (g_error_matches(&error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY)) return "busy";
  if (g_error_matches(&error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN)) return "unsupported";
  // rtspsrc, when the server refused every transport that it may use.
  if (text.find("allow more transport protocols") != std::string::npos) return "transport";
  if (error.domain == GST_STREAM_ERROR) return of_stream_error(error.code);
  for (const auto& [phrase, reason] : kPhrases) {
    if (text.find(phrase) != std::string::npos) return reason;
  }
  return "source";
}

}  // namespace

Failure classify(const GError& error, const std::string& debug, const std::string& factory) {
  const std::string message = error.message == nullptr ? "" : error.message;
  const std::string text = message + " (" + debug + ")";
  return {reason_of(error, lower(text), factory), base::mask_secrets(factory + ": " + message)};
}

Failure failure_of(GstMessage* error_message) {
  GError* raw_error = nullptr;
  char* raw_debug = nullptr;
  gst_message_parse_error(error_message, &raw_error, &raw_debug);
  const GlibError error(raw_error);
  const GlibText debug(raw_debug);
  std::string factory;
  if (GST_IS_ELEMENT(GST_MESSAGE_SRC(error_message))) {
    GstElementFactory* made_by = gst_element_get_factory(GST_ELEMENT(GST_MESSAGE_SRC(error_message)));
    if (made_by != nullptr) factory = GST_OBJECT_NAME(made_by);
  }
  Failure failure = classify(*error, debug ? debug.get() : "", factory);
  failure.hardware_decoder = inside_hardware_decoder(GST_MESSAGE_SRC(error_message));
  return failure;
}

}  // namespace vedette::daemon::streams
