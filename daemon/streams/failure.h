#pragma once

#include <gst/gst.h>

#include <string>

namespace vedette::daemon::streams {

// Why a connection ended: a word from a fixed list for state and metrics, and a sentence for the log.
//   auth, tls, refused, not_found, permission, busy, timeout, dns, transport, unreachable, closed, eos,
//   stalled, no_media, decode, unsupported, model, source, stopped
struct Failure {
  std::string reason;
  std::string detail;             // without passwords
  bool hardware_decoder = false;  // a decoder in hardware failed
};

// Puts an error of the bus into one of those words.
Failure failure_of(GstMessage* error_message);
// As failure_of, from the parts. `factory`: name of the element's factory.
Failure classify(const GError& error, const std::string& debug, const std::string& factory);

}  // namespace vedette::daemon::streams
