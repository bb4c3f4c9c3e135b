#include "daemon/streams/tls_trust.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "daemon/streams/gst_handles.h"

namespace vedette::daemon::streams {

struct TlsTrust::Entry {
  std::string place;  // HOST:PORT
  bool verify;
  GObjectPtr<GTlsDatabase> authorities;  // empty: the system's
  std::atomic<GTlsCertificateFlags> flaws{};
};

namespace {

// What the database knows beside the system's.
struct Trusted {
  std::mutex mutex;
  std::vector<std::shared_ptr<TlsTrust::Entry>> entries;
  GObjectPtr<GTlsDatabase> system;

  std::vector<std::shared_ptr<TlsTrust::Entry>> of(const std::string& place) {
    const std::lock_guard lock(mutex);
    std::vector<std::shared_ptr<TlsTrust::Entry>> found;
    std::ranges::copy_if(entries, std::back_inserter(found),
                         [&](const auto& e) { return e->place == place; });
    return found;
  }
};

struct VedetteTlsDatabase {
  GTlsDatabase parent;
  Trusted* trusted;
};
struct VedetteTlsDatabaseClass {
  GTlsDatabaseClass parent;
};
G_DEFINE_TYPE(VedetteTlsDatabase, vedette_tls_database, G_TYPE_TLS_DATABASE)

Trusted* trusted_of(GTlsDatabase* database) {
  return reinterpret_cast<VedetteTlsDatabase*>(database)->trusted;
}

std::string place_of(const char* host, guint16 port) {
  const GlibText low(g_ascii_strdown(host, -1));
  return std::string(low.get()) + ":" + std::to_string(port);
}

std::string place_of(GSocketConnectable* identity) {
  if (!G_IS_NETWORK_ADDRESS(identity)) return "";
  auto* address = G_NETWORK_ADDRESS(identity);
  return place_of(g_network_address_get_hostname(address), g_network_address_get_port(address));
}

// One stream's judgement of a chain; `error` as of g_tls_database_verify_chain.
GTlsCertificateFlags judge(TlsTrust::Entry& entry, GTlsDatabase* system, GTlsCertificate* chain,
                           const char* purpose, GSocketConnectable* identity, GTlsDatabaseVerifyFlags how,
                           GCancellable* cancel, GError** error) {
  GTlsCertificateFlags flaws{};
  if (entry.verify) {
    GTlsDatabase* authorities = entry.authorities ? entry.authorities.get() : system;
    flaws = g_tls_database_verify_chain(authorities, chain, purpose, identity, nullptr, how, cancel, error);
  }
  entry.flaws = flaws;
  return flaws;
}

// Where two streams at one place disagree, the server is taken only when each of them takes it.
GTlsCertificateFlags verify_chain(GTlsDatabase* database, GTlsCertificate* chain, const gchar* purpose,
                                  GSocketConnectable* identity, GTlsInteraction* interaction,
                                  GTlsDatabaseVerifyFlags how, GCancellable* cancel, GError** error) {
  Trusted& trusted = *trusted_of(database);
  const auto entries = trusted.of(place_of(identity));
  if (entries.empty()) {
    return g_tls_database_verify_chain(trusted.system.get(), chain, purpose, identity, interaction, how,
                                       cancel, error);
  }
  int flaws = G_TLS_CERTIFICATE_NO_FLAGS;
  for (const auto& entry : entries) {
    flaws |= judge(*entry, trusted.system.get(), chain, purpose, identity, how, cancel, error);
    if (flaws != G_TLS_CERTIFICATE_NO_FLAGS) break;
  }
  return static_cast<GTlsCertificateFlags>(flaws);
}

void vedette_tls_database_init(VedetteTlsDatabase* database) {
  database->trusted = new Trusted;
}

void vedette_tls_database_finalize(GObject* object) {
  delete reinterpret_cast<VedetteTlsDatabase*>(object)->trusted;
  G_OBJECT_CLASS(vedette_tls_database_parent_class)->finalize(object);
}

void vedette_tls_database_class_init(VedetteTlsDatabaseClass* klass) {
  klass->parent.verify_chain = verify_chain;
  G_OBJECT_CLASS(klass)->finalize = vedette_tls_database_finalize;
}

// The process' database where it is ours; null before `install`.
GObjectPtr<GTlsDatabase> installed() {
  GObjectPtr<GTlsDatabase> database(g_tls_backend_get_default_database(g_tls_backend_get_default()));
  const bool ours =
      database && G_TYPE_CHECK_INSTANCE_TYPE(database.get(), vedette_tls_database_get_type()) != FALSE;
  return ours ? std::move(database) : nullptr;
}

}  // namespace

void TlsTrust::install() {
  if (installed()) return;
  GTlsBackend* backend = g_tls_backend_get_default();
  GObjectPtr<GTlsDatabase> system(g_tls_backend_get_default_database(backend));
  if (!system) return;  // GLib was built without TLS: connecting says so
  const GObjectPtr<GTlsDatabase> ours(G_TLS_DATABASE(g_object_new(vedette_tls_database_get_type(), nullptr)));
  trusted_of(ours.get())->system = std::move(system);
  g_tls_backend_set_default_database(backend, ours.get());
}

TlsTrust::TlsTrust(const settings::SourceUrl& source, const settings::TlsSettings& tls)
    : entry_(std::make_shared<Entry>()) {
  entry_->place = place_of(source.host.c_str(), static_cast<guint16>(source.port));
  entry_->verify = tls.verify;
  if (tls.verify && !tls.ca.empty()) {
    GError* raw = nullptr;
    entry_->authorities.reset(g_tls_file_database_new(tls.ca.c_str(), &raw));
    const GlibError error(raw);
    if (error) throw std::runtime_error("tls.ca " + tls.ca + ": " + error->message);
  }
  const auto database = installed();
  if (!database) return;
  Trusted& trusted = *trusted_of(database.get());
  const std::lock_guard lock(trusted.mutex);
  trusted.entries.push_back(entry_);
}

TlsTrust::~TlsTrust() {
  const auto database = installed();
  if (!database) return;
  Trusted& trusted = *trusted_of(database.get());
  const std::lock_guard lock(trusted.mutex);
  std::erase(trusted.entries, entry_);
}

std::string TlsTrust::refused() const {
  struct Flaw {
    GTlsCertificateFlags flag;
    const char* text;
  };
  static constexpr std::array<Flaw, 6> kFlaws{
      {{G_TLS_CERTIFICATE_UNKNOWN_CA, "nobody who is trusted signed it"},
       {G_TLS_CERTIFICATE_BAD_IDENTITY, "it is of another name"},
       {G_TLS_CERTIFICATE_NOT_ACTIVATED, "it is not valid yet"},
       {G_TLS_CERTIFICATE_EXPIRED, "it has expired"},
       {G_TLS_CERTIFICATE_REVOKED, "it was revoked"},
       {G_TLS_CERTIFICATE_INSECURE, "its algorithm is not secure"}}};
  const GTlsCertificateFlags flaws = entry_->flaws;
  if (flaws == G_TLS_CERTIFICATE_NO_FLAGS) return "";
  std::string text;
  for (const Flaw& flaw : kFlaws) {
    if ((flaws & flaw.flag) != 0) text += std::string(text.empty() ? "" : ", ") + flaw.text;
  }
  return "the server's certificate is refused: " + (text.empty() ? "it cannot be judged" : text);
}

}  // namespace vedette::daemon::streams
