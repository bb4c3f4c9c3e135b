#include "cli/example_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/example_text.h"
#include "sinks/record.h"

namespace vedette::cli {

std::string example_config(const ExampleStreams& streams) {
  std::string text(kExampleText);
  if (streams.empty()) return text;
  constexpr std::string_view kStreams = "\nstreams:\n";
  text.resize(text.find(kStreams) + kStreams.size());
  for (const auto& [id, source] : streams) {
    // A string of JSON is one of YAML.
    const std::string quoted =
        nlohmann::json(source).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    text += "  " + id + ":\n    source: " + quoted + "\n";
  }
  return text;
}

std::pair<std::string, std::string> example_stream(const std::string& text, std::size_t number) {
  const std::size_t equals = text.find('=');
  if (equals != std::string::npos && sinks::is_stream_id(text.substr(0, equals)))
    return {text.substr(0, equals), text.substr(equals + 1)};
  return {"camera" + std::to_string(number), text};
}

}  // namespace vedette::cli
