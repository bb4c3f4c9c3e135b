#include "daemon/settings/section.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <set>
#include <sstream>

#include "daemon/settings/setting_text.h"
#include "daemon/settings/units.h"

namespace vedette::daemon::settings {

namespace {

constexpr std::size_t kMaxProblems = 50;

std::string kind_of(const YAML::Node& node) {
  if (node.IsMap()) return "a map";
  if (node.IsSequence()) return "a list";
  if (node.IsScalar()) return in_quotes(base::mask_secrets(node.Scalar()));
  return "nothing";
}

std::string shown(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

std::string shown(std::chrono::nanoseconds value) {
  const double seconds = std::chrono::duration<double>(value).count();
  if (seconds != 0.0 && seconds < 1.0) return shown(seconds * 1e3) + "ms";
  if (seconds >= 86400.0) return shown(seconds / 86400.0) + "d";
  if (seconds >= 3600.0) return shown(seconds / 3600.0) + "h";
  return shown(seconds) + "s";
}

std::string shown_size(std::uint64_t bytes) {
  if (bytes >= 1ULL << 30 && bytes % (1ULL << 30) == 0) return std::to_string(bytes >> 30) + " GiB";
  if (bytes >= 1'000'000 && bytes % 1'000'000 == 0) return std::to_string(bytes / 1'000'000) + " MB";
  return std::to_string(bytes) + " B";
}

}  // namespace

void ParseContext::problem(const YAML::Mark& mark, const std::string& key, const std::string& message) {
  if (problems.size() >= kMaxProblems) return;
  const bool placed = !mark.is_null();
  problems.push_back({placed ? mark.line + 1 : 0, placed ? mark.column + 1 : 0, key, message});
}

Section::Section(const YAML::Node& node, std::string path, std::string pattern, ParseContext& context)
    : node_(node), path_(std::move(path)), pattern_(std::move(pattern)), context_(context) {}

std::string Section::path_of(const std::string& key) const {
  return path_.empty() ? key : path_ + "." + key;
}

YAML::Mark Section::mark() const {
  return node_.IsDefined() ? node_.Mark() : YAML::Mark::null_mark();
}

YAML::Node Section::child(const std::string& key) const {
  if (!node_.IsDefined() || !node_.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
  return node_[key];  // of a constant node: adds nothing
}

YAML::Mark Section::mark_of(const std::string& key) const {
  if (!node_.IsDefined() || !node_.IsMap()) return mark();
  for (const auto& entry : node_) {
    if (entry.first.IsScalar() && entry.first.Scalar() == key) return entry.second.Mark();
  }
  return node_.Mark();
}

bool Section::has(const std::string& key) const {
  if (from_environment(key)) return true;
  const YAML::Node node = child(key);
  return node.IsDefined() && !node.IsNull();
}

bool Section::is_map(const std::string& key) const {
  const YAML::Node node = child(key);
  return node.IsDefined() && node.IsMap();
}

std::optional<std::string> Section::from_environment(const std::string& key) const {
  std::string name = "VEDETTE_" + path_of(key);
  for (char& c : name) {
    c = c == '.' || c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return context_.environment(name);
}

std::optional<std::string> Section::expand(const std::string& text, const YAML::Mark& mark,
                                           const std::string& key) {
  Expansion expansion = expand_variables(text, context_.environment);
  if (expansion.problem.empty()) return std::move(expansion.text);
  context_.problem(mark, path_of(key), expansion.problem);
  return std::nullopt;
}

void Section::note(const std::string& key, const char* type) {
  keys_.push_back(key);
  context_.known.push_back({pattern_.empty() ? key : pattern_ + "." + key, type, ""});
}

// Of the key that was noted last.
void Section::note_bounds(std::string bounds) {
  context_.known.back().bounds = std::move(bounds);
}

std::optional<Section::Value> Section::scalar(const std::string& key, const char* type,
                                              const char* expected) {
  note(key, type);
  if (const auto value = from_environment(key)) return Value{*value, YAML::Mark::null_mark()};
  const YAML::Node node = child(key);
  if (!node.IsDefined()) return std::nullopt;
  if (!node.IsScalar()) {
    context_.problem(node.Mark(), path_of(key),
                     std::string("expected ") + expected + ", received " + kind_of(node));
    return std::nullopt;
  }
  auto text = expand(node.Scalar(), node.Mark(), key);
  if (!text) return std::nullopt;
  return Value{std::move(*text), node.Mark()};
}

void Section::text(const std::string& key, std::string& out, const char* type) {
  if (auto value = scalar(key, type, "a text")) out = std::move(value->text);
}

void Section::flag(const std::string& key, bool& out) {
  const auto value = scalar(key, "flag", "true or false");
  if (!value) return;
  if (value->text == "true" || value->text == "false") {
    out = value->text == "true";
  } else {
    context_.problem(value->mark, path_of(key), "expected true or false, received " + in_quotes(value->text));
  }
}

void Section::duration(const std::string& key, std::chrono::nanoseconds& out, std::chrono::nanoseconds least,
                       std::chrono::nanoseconds most) {
  const auto value = scalar(key, "duration", kDurationForm);
  note_bounds(shown(least) + " to " + shown(most));
  if (!value) return;
  const auto parsed = parse_duration(value->text);
  if (parsed && *parsed >= least && *parsed <= most) {
    out = *parsed;
    return;
  }
  const std::string expected =
      parsed ? "a duration from " + shown(least) + " to " + shown(most) : kDurationForm;
  context_.problem(value->mark, path_of(key),
                   "expected " + expected + ", received " + in_quotes(value->text));
}

void Section::duration(const std::string& key, std::chrono::milliseconds& out, std::chrono::nanoseconds least,
                       std::chrono::nanoseconds most) {
  std::chrono::nanoseconds value = out;
  duration(key, value, least, most);
  out = std::chrono::duration_cast<std::chrono::milliseconds>(value);
}

void Section::size(const std::string& key, std::size_t& out, std::uint64_t least, std::uint64_t most) {
  const auto value = scalar(key, "size", kSizeForm);
  const std::string range = shown_size(least) + " to " + shown_size(most);
  note_bounds(range);
  if (!value) return;
  const auto parsed = parse_size(value->text);
  if (parsed && *parsed >= least && *parsed <= most) {
    out = static_cast<std::size_t>(*parsed);
    return;
  }
  const std::string expected = parsed ? "a size from " + range : kSizeForm;
  context_.problem(value->mark, path_of(key),
                   "expected " + expected + ", received " + in_quotes(value->text));
}

std::optional<double> Section::bounded(const std::string& key, const char* type, const char* form,
                                       double least, double most,
                                       std::optional<double> (*parse)(std::string_view)) {
  const auto value = scalar(key, type, form);
  const std::string unit = std::string_view(type) == "rate" ? " fps" : "";
  note_bounds(shown(least) + " to " + shown(most) + unit);
  if (!value) return std::nullopt;
  const auto parsed = parse(value->text);
  if (parsed && *parsed >= least && *parsed <= most) return parsed;
  const std::string expected = parsed ? "a value from " + shown(least) + " to " + shown(most) : form;
  context_.problem(value->mark, path_of(key),
                   "expected " + expected + ", received " + in_quotes(value->text));
  return std::nullopt;
}

void Section::rate(const std::string& key, double& out_hz, double least, double most) {
  if (const auto value = bounded(key, "rate", kRateForm, least, most, parse_rate)) out_hz = *value;
}

void Section::rate(const std::string& key, float& out_hz, double least, double most) {
  if (const auto value = bounded(key, "rate", kRateForm, least, most, parse_rate))
    out_hz = static_cast<float>(*value);
}

void Section::number(const std::string& key, double& out, double least, double most) {
  if (const auto value = bounded(key, "number", "a number", least, most, parse_number)) out = *value;
}

void Section::number(const std::string& key, float& out, double least, double most) {
  if (const auto value = bounded(key, "number", "a number", least, most, parse_number))
    out = static_cast<float>(*value);
}

void Section::integer(const std::string& key, int& out, int least, int most) {
  const auto whole = [](std::string_view text) -> std::optional<double> {
    const auto value = parse_number(text);
    return value && *value == std::floor(*value) ? value : std::nullopt;
  };
  if (const auto value = bounded(key, "integer", "a whole number", least, most, whole))
    out = static_cast<int>(*value);
}

void Section::utc(const std::string& key, std::optional<std::chrono::nanoseconds>& out) {
  const auto value = scalar(key, "utc", kUtcForm);
  if (!value) return;
  out = parse_utc(value->text);
  if (out) return;
  context_.problem(value->mark, path_of(key),
                   std::string("expected ") + kUtcForm + ", received " + in_quotes(value->text));
}

void Section::list(const std::string& key, std::vector<std::string>& out) {
  note(key, "list");
  if (const auto value = from_environment(key)) {
    out.clear();
    std::istringstream parts(*value);
    for (std::string part; std::getline(parts, part, ':');) out.push_back(part);
    return;
  }
  const YAML::Node node = child(key);
  if (!node.IsDefined()) return;
  std::vector<YAML::Node> items;
  if (node.IsSequence()) {
    for (const auto& item : node) items.push_back(item);
  }
  if (node.IsScalar()) items.push_back(node);
  if (!node.IsSequence() && !node.IsScalar()) {
    context_.problem(node.Mark(), path_of(key), "expected a list of texts, received " + kind_of(node));
    return;
  }
  out.clear();
  for (const YAML::Node& item : items) {
    if (!item.IsScalar()) {
      context_.problem(item.Mark(), path_of(key),
                       "expected a list of texts, received " + kind_of(item) + " in it");
      return;
    }
    if (auto text = expand(item.Scalar(), item.Mark(), key)) out.push_back(std::move(*text));
  }
}

std::optional<std::ptrdiff_t> Section::choose(const std::string& key,
                                              std::span<const std::string_view> names) {
  std::string expected;
  for (const std::string_view name : names) expected += (expected.empty() ? "" : ", ") + std::string(name);
  expected = "one of " + expected;
  const auto value = scalar(key, "choice", expected.c_str());
  if (!value) return std::nullopt;
  const auto found = std::ranges::find(names, value->text);
  if (found != names.end()) return found - names.begin();
  const std::vector<std::string> all(names.begin(), names.end());
  const std::string near = nearest(value->text, all);
  context_.problem(value->mark, path_of(key),
                   "expected " + expected + ", received " + in_quotes(value->text) +
                       (near.empty() ? "" : " (did you mean " + in_quotes(near) + "?)"));
  return std::nullopt;
}

Section Section::section(const std::string& key) {
  note(key, "map");
  return {child(key), path_of(key), pattern_.empty() ? key : pattern_ + "." + key, context_};
}

std::vector<std::pair<std::string, Section>> Section::sections(const std::string& key) {
  Section all = section(key);
  std::vector<std::pair<std::string, Section>> found;
  if (!all.check_map()) return found;
  for (const auto& entry : all.node_) {
    if (!entry.first.IsScalar()) continue;  // check_map has said so
    const std::string& id = entry.first.Scalar();
    found.emplace_back(id, Section(entry.second, all.path_of(id), all.pattern_ + ".*", context_));
  }
  return found;
}

std::vector<Section> Section::items(const std::string& key, const char* type) {
  note(key, type);
  std::vector<Section> found;
  if (from_environment(key)) {
    context_.problem(YAML::Mark::null_mark(), path_of(key),
                     "a list of maps cannot come from the environment");
    return found;
  }
  const YAML::Node list = child(key);
  if (!list.IsDefined() || list.IsNull()) return found;
  if (!list.IsSequence()) {
    context_.problem(list.Mark(), path_of(key), "expected a list of maps, received " + kind_of(list));
    return found;
  }
  const std::string pattern = (pattern_.empty() ? key : pattern_ + "." + key) + ".*";
  for (std::size_t i = 0; i < list.size(); ++i) {
    Section item(list[i], path_of(key) + "." + std::to_string(i), pattern, context_);
    if (item.check_map()) {
      found.push_back(std::move(item));
    } else if (list[i].IsNull()) {
      context_.problem(list[i].Mark(), item.path_, "expected a map, received nothing");
    }
  }
  return found;
}

// Whether the node is a map; notes a problem when it is something else than absent, and for keys that are no
// texts or come twice.
bool Section::check_map() {
  if (!node_.IsDefined() || node_.IsNull()) return false;
  if (!node_.IsMap()) {
    context_.problem(node_.Mark(), path_, "expected a map, received " + kind_of(node_));
    return false;
  }
  std::set<std::string> seen;
  for (const auto& entry : node_) {
    if (!entry.first.IsScalar()) {
      context_.problem(entry.first.Mark(), path_, "expected a key, received " + kind_of(entry.first));
    } else if (!seen.insert(entry.first.Scalar()).second) {
      context_.problem(entry.first.Mark(), path_of(entry.first.Scalar()),
                       "the key stands here for the second time");
    }
  }
  return true;
}

void Section::finish() {
  if (!check_map()) return;
  for (const auto& entry : node_) {
    if (!entry.first.IsScalar()) continue;
    const std::string& key = entry.first.Scalar();
    if (std::ranges::find(keys_, key) != keys_.end()) continue;
    const std::string near = nearest(key, keys_);
    context_.problem(entry.first.Mark(), path_of(key),
                     "unknown key" + (near.empty() ? "" : "; did you mean " + in_quotes(near) + "?"));
  }
}

}  // namespace vedette::daemon::settings
