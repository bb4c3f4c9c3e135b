#include "daemon/settings/change.h"

#include <algorithm>

namespace vedette::daemon::settings {

namespace {

const StreamSettings* find(const std::vector<StreamSettings>& streams, const std::string& id) {
  const auto found = std::ranges::find(streams, id, &StreamSettings::id);
  return found != streams.end() ? &*found : nullptr;
}

void say(std::string& text, const std::vector<std::string>& ids, const char* what) {
  if (ids.empty()) return;
  text += std::to_string(ids.size()) + " " + what + " (";
  for (const std::string& id : ids) text += (&id == ids.data() ? "" : " ") + id;
  text += "), ";
}

}  // namespace

std::string StreamChanges::summary() const {
  std::string text;
  say(text, added, "new");
  say(text, changed, "changed");
  say(text, removed, "gone");
  return text + std::to_string(kept) + " as before";
}

StreamChanges compare(const std::vector<StreamSettings>& before, const std::vector<StreamSettings>& after) {
  StreamChanges changes;
  for (const StreamSettings& stream : after) {
    const StreamSettings* was = find(before, stream.id);
    if (was == nullptr) {
      changes.added.push_back(stream.id);
    } else if (*was != stream) {
      changes.changed.push_back(stream.id);
    } else {
      ++changes.kept;
    }
  }
  for (const StreamSettings& stream : before) {
    if (find(after, stream.id) == nullptr) changes.removed.push_back(stream.id);
  }
  return changes;
}

std::vector<std::string> keys_for_restart(const Settings& before, const Settings& after) {
  std::vector<std::string> keys;
  const auto check = [&](const char* key, bool same) {
    if (!same) keys.emplace_back(key);
  };
  const ModelSettings &was = before.models, &is = after.models;
  check("redis", before.redis == after.redis);
  check("http", before.http_host == after.http_host && before.http_port == after.http_port &&
                    before.http_token == after.http_token);
  check("models.hear", was.hear == is.hear);
  check("models.see", was.see == is.see);
  check("models.think", was.think == is.think);
  check("models.search_path", was.search_path == is.search_path);
  check("models.precision", was.precision == is.precision);
  check("models.device", was.device == is.device);
  check("models.threads", was.threads == is.threads);
  check("models.kv_memory", was.kv_bytes == is.kv_bytes);
  check("models.tiles", was.tiles == is.tiles);
  check("evidence.path", before.evidence.path == after.evidence.path);
  return keys;
}

}  // namespace vedette::daemon::settings
