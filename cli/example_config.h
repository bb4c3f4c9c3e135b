#pragma once

#include <string>
#include <utility>
#include <vector>

namespace vedette::cli {

// Stream ids and their sources.
using ExampleStreams = std::vector<std::pair<std::string, std::string>>;

// config/vedette.yaml, every key with its comment, with these streams in the place of its example; without
// any, as it is.
std::string example_config(const ExampleStreams& streams);

// What stands on the command line, "ID=URL" or "URL", as id and source. `number` makes the id of one without.
std::pair<std::string, std::string> example_stream(const std::string& text, std::size_t number);

}  // namespace vedette::cli
