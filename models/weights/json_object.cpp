#include "models/weights/json_object.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "models/weights/file_map.h"

namespace vedette::models::weights {

using nlohmann::json;

JsonObject::JsonObject(std::shared_ptr<const json> document, const json* object, std::string where)
    : document_(std::move(document)), object_(object), where_(std::move(where)) {}

JsonObject JsonObject::open(const std::filesystem::path& file) {
  return parse(read_text_file(file), file.string());
}

JsonObject JsonObject::parse(std::string_view text, const std::string& file) {
  auto document = std::make_shared<const json>(json::parse(text, nullptr, false));
  if (!document->is_object()) throw std::runtime_error(file + ": not a JSON object");
  const json* object = document.get();
  return {std::move(document), object, file};
}

bool JsonObject::has(const char* key) const {
  const auto found = object_->find(key);
  return found != object_->end() && !found->is_null();
}
bool JsonObject::is_object(const char* key) const {
  return has(key) && (*object_)[key].is_object();
}
bool JsonObject::is_array(const char* key) const {
  return has(key) && (*object_)[key].is_array();
}
bool JsonObject::is_string(const char* key) const {
  return has(key) && (*object_)[key].is_string();
}

void JsonObject::fail(const char* key, const std::string& expected) const {
  const auto found = object_->find(key);
  const std::string received =
      found == object_->end() ? "nothing"
                              : found->dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 80);
  throw std::runtime_error(where_ + ": " + key + ": expected " + expected + ", received " + received);
}

std::int64_t JsonObject::integer(const char* key, std::int64_t least, std::int64_t most) const {
  const auto found = object_->find(key);
  if (found == object_->end() || !found->is_number_integer() || *found < least || *found > most) {
    fail(key, "an integer from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return found->get<std::int64_t>();
}
std::int64_t JsonObject::integer_or(const char* key, std::int64_t fallback, std::int64_t least,
                                    std::int64_t most) const {
  return has(key) ? integer(key, least, most) : fallback;
}
int JsonObject::size(const char* key, int most) const {
  return static_cast<int>(integer(key, 1, most));
}
int JsonObject::size_or(const char* key, int fallback, int most) const {
  return has(key) ? size(key, most) : fallback;
}

double JsonObject::real(const char* key) const {
  if (!has(key) || !(*object_)[key].is_number()) fail(key, "a number");
  const double number = (*object_)[key].get<double>();
  if (!std::isfinite(number)) fail(key, "a finite number");
  return number;
}
double JsonObject::real_or(const char* key, double fallback) const {
  return has(key) ? real(key) : fallback;
}
double JsonObject::positive_or(const char* key, double fallback) const {
  const double number = real_or(key, fallback);
  if (!(number > 0.0)) fail(key, "a number above 0");
  return number;
}

bool JsonObject::flag_or(const char* key, bool fallback) const {
  if (!has(key)) return fallback;
  if (!(*object_)[key].is_boolean()) fail(key, "true or false");
  return (*object_)[key].get<bool>();
}

std::string JsonObject::text(const char* key) const {
  if (!is_string(key)) fail(key, "a string");
  return (*object_)[key].get<std::string>();
}
std::string JsonObject::text_or(const char* key, const std::string& fallback) const {
  return has(key) ? text(key) : fallback;
}

std::vector<double> JsonObject::reals(const char* key) const {
  if (!is_array(key)) fail(key, "a list of numbers");
  std::vector<double> values;
  for (const json& value : (*object_)[key]) {
    if (!value.is_number() || !std::isfinite(value.get<double>())) fail(key, "a list of finite numbers");
    values.push_back(value.get<double>());
  }
  return values;
}
std::vector<std::string> JsonObject::texts(const char* key) const {
  if (!is_array(key)) fail(key, "a list of strings");
  std::vector<std::string> values;
  for (const json& value : (*object_)[key]) {
    if (!value.is_string()) fail(key, "a list of strings");
    values.push_back(value.get<std::string>());
  }
  return values;
}

std::vector<std::pair<std::string, int>> JsonObject::counts(const char* key, int most) const {
  const std::string expected = "a list of [name, count], counts up to " + std::to_string(most);
  if (!is_array(key)) fail(key, expected);
  std::vector<std::pair<std::string, int>> values;
  for (const json& pair : (*object_)[key]) {
    const bool good = pair.is_array() && pair.size() == 2 && pair[0].is_string() &&
                      pair[1].is_number_integer() && pair[1] >= 1 && pair[1] <= most;
    if (!good) fail(key, expected);
    values.emplace_back(pair[0].get<std::string>(), pair[1].get<int>());
  }
  return values;
}

JsonObject JsonObject::object(const char* key) const {
  if (!is_object(key)) fail(key, "an object");
  return {document_, &(*object_)[key], where_ + ": " + key};
}
JsonObject JsonObject::object_or_empty(const char* key) const {
  if (has(key)) return object(key);
  JsonObject empty = parse("{}", where_);
  empty.where_ += ": " + std::string(key);
  return empty;
}
std::vector<JsonObject> JsonObject::objects(const char* key) const {
  if (!is_array(key)) fail(key, "a list of objects");
  std::vector<JsonObject> values;
  for (const json& value : (*object_)[key]) {
    if (!value.is_object()) fail(key, "a list of objects");
    values.push_back({document_, &value, where_ + ": " + key + "[" + std::to_string(values.size()) + "]"});
  }
  return values;
}
std::vector<std::string> JsonObject::keys() const {
  std::vector<std::string> names;
  for (const auto& item : object_->items()) names.push_back(item.key());
  return names;
}

std::string JsonObject::dump() const {
  return object_->dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace vedette::models::weights
