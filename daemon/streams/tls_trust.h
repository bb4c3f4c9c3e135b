#pragma once

#include <gio/gio.h>

#include <memory>
#include <string>

#include "daemon/settings/settings.h"
#include "daemon/settings/source_url.h"

namespace vedette::daemon::streams {

// Which certificates one stream's server may show. rtspsrc takes a set of authorities, rtmp2src and the HLS
// elements take none, but all of them ask GLib's database of the process. `install` puts one of ours in its
// place, which judges a certificate by the settings of the streams at that host and port, and all others as
// the system does. Any thread.
class TlsTrust {
 public:
  // Call once, before the first connection.
  static void install();

  // From now until it is destroyed, its server is judged by these settings. Throws: std::runtime_error when
  // the authorities cannot be read.
  TlsTrust(const settings::SourceUrl& source, const settings::TlsSettings& tls);
  ~TlsTrust();
  TlsTrust(const TlsTrust&) = delete;
  TlsTrust& operator=(const TlsTrust&) = delete;

  // What is wrong with the certificate that was shown last; empty: nothing.
  std::string refused() const;

  struct Entry;  // of the database

 private:
  std::shared_ptr<Entry> entry_;
};

}  // namespace vedette::daemon::streams
