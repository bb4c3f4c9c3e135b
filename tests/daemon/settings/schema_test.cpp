#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "daemon/settings/settings.h"

namespace vedette::daemon::settings {
namespace {

using nlohmann::json;

json schema() {
  std::ifstream file(VEDETTE_SOURCE_DIR "/config/vedette.schema.json");
  return json::parse(file);
}

// The schema as path -> type, as the parser names them; a type is the name of a definition.
void flatten(const json& root, const json& node, const std::string& path,
             std::map<std::string, std::string>& out) {
  const std::string reference = node.value("$ref", "");
  const json& resolved = reference.empty() ? node : root.at(json::json_pointer(reference.substr(1)));
  for (const json& one : resolved.value("anyOf", json::array())) flatten(root, one, path, out);
  if (resolved.contains("anyOf")) return;
  if (resolved.contains("enum")) {
    out[path] = "choice";
    return;
  }
  if (resolved.value("type", json()) != "object") {
    out[path] = reference.substr(reference.rfind('/') + 1);
    const json items = resolved.value("items", json::object());
    if (items.contains("$ref")) flatten(root, items, path + ".*", out);
    return;
  }
  if (!path.empty() && !path.ends_with(".*")) out[path] = "map";
  const std::string prefix = path.empty() ? "" : path + ".";
  const json properties = resolved.value("properties", json::object());
  for (const auto& [key, child] : properties.items()) {
    flatten(root, child, prefix + key, out);
  }
  const json patterns = resolved.value("patternProperties", json::object());
  for (const auto& [pattern, child] : patterns.items()) {
    EXPECT_EQ(pattern, "^[a-z0-9_-]{1,64}$");
    flatten(root, child, prefix + "*", out);
  }
  EXPECT_EQ(resolved.value("additionalProperties", json()), false) << path << " lets unknown keys pass";
}

TEST(Schema, AgreesWithTheParserOnEveryKeyAndItsType) {
  const json root = schema();
  std::map<std::string, std::string> theirs, ours;
  flatten(root, root, "", theirs);
  for (const KnownKey& key : known_keys()) ours[key.path] = key.type;
  EXPECT_EQ(theirs, ours);
}

// As flatten, of what the annotation x-bounds says.
void bounds(const json& root, const json& node, const std::string& path,
            std::map<std::string, std::string>& out) {
  if (node.contains("x-bounds")) out[path] = node.at("x-bounds");
  const std::string reference = node.value("$ref", "");
  const json& resolved = reference.empty() ? node : root.at(json::json_pointer(reference.substr(1)));
  for (const json& one : resolved.value("anyOf", json::array())) bounds(root, one, path, out);
  if (resolved.contains("items")) bounds(root, resolved.at("items"), path + ".*", out);
  const std::string prefix = path.empty() ? "" : path + ".";
  const json properties = resolved.value("properties", json::object());
  for (const auto& [key, child] : properties.items()) bounds(root, child, prefix + key, out);
  const json patterns = resolved.value("patternProperties", json::object());
  for (const auto& [pattern, child] : patterns.items()) bounds(root, child, prefix + "*", out);
}

TEST(Schema, HasTheBoundsOfTheParser) {
  const json root = schema();
  std::map<std::string, std::string> theirs, ours;
  bounds(root, root, "", theirs);
  for (const KnownKey& key : known_keys())
    if (!key.bounds.empty()) ours[key.path] = key.bounds;
  EXPECT_EQ(theirs, ours);
}

TEST(Schema, DescribesEveryKey) {
  const json root = schema();
  for (const auto& [name, definition] : root.at("$defs").items()) {
    const json properties = definition.value("properties", json::object());
    for (const auto& [key, value] : properties.items()) {
      EXPECT_TRUE(value.contains("description")) << name << "." << key;
    }
  }
}

// Each choice of the schema is one that the parser takes, and the parser takes no other: it lists them when
// it refuses.
TEST(Schema, OffersTheChoicesOfTheParser) {
  const Environment none = [](const std::string&) { return std::nullopt; };
  const std::map<std::string, std::string> places{
      {"/$defs/common/properties/transport/enum", "streams: {a: {source: 'rtsp://h', transport: \"@\"}}"},
      {"/$defs/common/properties/pace/enum", "streams: {a: {source: 'file:///x', pace: \"@\"}}"},
      {"/$defs/video/properties/decoder/enum", "streams: {a: {source: 'test://', video: {decoder: \"@\"}}}"},
      {"/$defs/models/properties/precision/enum",
       "models: {precision: \"@\"}\nstreams: {a: {source: 'test://'}}"},
      {"/$defs/models/properties/device/enum", "models: {device: \"@\"}\nstreams: {a: {source: 'test://'}}"},
      {"/properties/log/enum", "log: \"@\"\nstreams: {a: {source: 'test://'}}"},
  };
  const json root = schema();
  for (const auto& [place, text] : places) {
    const auto with = [&](const std::string& value) {
      return std::string(text).replace(text.find('@'), 1, value);
    };
    std::string expected;
    for (const auto& choice : root.at(json::json_pointer(place))) {
      EXPECT_NO_THROW(parse(with(choice), "x", none)) << place << " " << choice;
      expected += (expected.empty() ? "one of " : ", ") + choice.get<std::string>();
    }
    try {
      parse(with("?"), "x", none);
      ADD_FAILURE() << place;
    } catch (const SettingsError& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(expected + ", received"));
    }
  }
}

}  // namespace
}  // namespace vedette::daemon::settings
