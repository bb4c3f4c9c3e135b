#pragma once

#include <yaml-cpp/yaml.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/settings/settings.h"

namespace vedette::daemon::settings {

// What all sections of one parse share.
struct ParseContext {
  const Environment& environment;
  std::vector<Problem> problems;
  std::vector<KnownKey> known;
  std::vector<std::string> warnings;

  // Past a bounded number, further problems are dropped.
  void problem(const YAML::Mark& mark, const std::string& key, const std::string& message);
};

// One map of the configuration on its way into a settings struct. A reader leaves its target as it is when
// the key is absent, and notes a problem when the value is of another kind or out of range. Every reader also
// makes its key known: finish() then reports the keys that nobody asked for. Reading an absent map is fine.
class Section {
 public:
  // `path`: "streams.gate"; `pattern`: the same with "*" for ids.
  Section(const YAML::Node& node, std::string path, std::string pattern, ParseContext& context);

  // Whether the file or the environment gives the key.
  bool has(const std::string& key) const;
  // Whether the file has a map there.
  bool is_map(const std::string& key) const;
  YAML::Mark mark() const;
  YAML::Mark mark_of(const std::string& key) const;
  std::string path_of(const std::string& key) const;

  void text(const std::string& key, std::string& out, const char* type = "text");
  void flag(const std::string& key, bool& out);
  void duration(const std::string& key, std::chrono::nanoseconds& out, std::chrono::nanoseconds least,
                std::chrono::nanoseconds most);
  void duration(const std::string& key, std::chrono::milliseconds& out, std::chrono::nanoseconds least,
                std::chrono::nanoseconds most);
  void size(const std::string& key, std::size_t& out, std::uint64_t least, std::uint64_t most);
  void rate(const std::string& key, double& out_hz, double least, double most);
  void rate(const std::string& key, float& out_hz, double least, double most);
  void number(const std::string& key, double& out, double least, double most);
  void number(const std::string& key, float& out, double least, double most);
  void integer(const std::string& key, int& out, int least, int most);
  void utc(const std::string& key, std::optional<std::chrono::nanoseconds>& out);
  // A list of texts, or one text; from the environment: separated by ':'.
  void list(const std::string& key, std::vector<std::string>& out);

  template <class T>
  void choice(const std::string& key, T& out, std::initializer_list<std::pair<std::string_view, T>> choices) {
    std::vector<std::string_view> names;
    for (const auto& one : choices) names.push_back(one.first);
    if (const auto index = choose(key, names)) out = (choices.begin() + *index)->second;
  }

  Section section(const std::string& key);
  // The maps of the list below `key`, in its order; `type` names such lists.
  std::vector<Section> items(const std::string& key, const char* type);
  // The map below `key`, as (id, section) pairs in the file's order.
  std::vector<std::pair<std::string, Section>> sections(const std::string& key);

  // Reports unknown keys, each with the nearest known one.
  void finish();

 private:
  struct Value {
    std::string text;
    YAML::Mark mark;
  };
  std::optional<Value> scalar(const std::string& key, const char* type, const char* expected);
  std::optional<std::string> from_environment(const std::string& key) const;
  std::optional<std::string> expand(const std::string& text, const YAML::Mark& mark, const std::string& key);
  std::optional<double> bounded(const std::string& key, const char* type, const char* form, double least,
                                double most, std::optional<double> (*parse)(std::string_view));
  std::optional<std::ptrdiff_t> choose(const std::string& key, std::span<const std::string_view> names);
  YAML::Node child(const std::string& key) const;  // undefined when absent
  void note(const std::string& key, const char* type);
  void note_bounds(std::string bounds);
  bool check_map();

  YAML::Node node_;
  std::string path_, pattern_;
  ParseContext& context_;
  std::vector<std::string> keys_;
};

}  // namespace vedette::daemon::settings
