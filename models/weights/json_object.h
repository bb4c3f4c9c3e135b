#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vedette::models::weights {

// One JSON object of a model folder, read key by key. Every message names the file, the way to the key, what
// was expected and what stands there: all methods throw std::runtime_error so. A key that is absent or null
// gives `fallback` where there is one. Immutable; a copy shares the document.
class JsonObject {
 public:
  static JsonObject open(const std::filesystem::path& file);
  static JsonObject parse(std::string_view text, const std::string& file);

  bool has(const char* key) const;
  bool is_object(const char* key) const;
  bool is_array(const char* key) const;
  bool is_string(const char* key) const;

  std::int64_t integer(const char* key, std::int64_t least, std::int64_t most) const;
  std::int64_t integer_or(const char* key, std::int64_t fallback, std::int64_t least,
                          std::int64_t most) const;
  // As integer, for sizes that fit an int.
  int size(const char* key, int most) const;
  int size_or(const char* key, int fallback, int most) const;
  // Finite.
  double real(const char* key) const;
  double real_or(const char* key, double fallback) const;
  double positive_or(const char* key, double fallback) const;
  bool flag_or(const char* key, bool fallback) const;
  std::string text(const char* key) const;
  std::string text_or(const char* key, const std::string& fallback) const;
  std::vector<double> reals(const char* key) const;
  std::vector<std::string> texts(const char* key) const;
  // A list of [name, count], in its order; counts are 1 to `most`.
  std::vector<std::pair<std::string, int>> counts(const char* key, int most) const;
  JsonObject object(const char* key) const;
  // The object under the key, or an empty one.
  JsonObject object_or_empty(const char* key) const;
  std::vector<JsonObject> objects(const char* key) const;
  std::vector<std::string> keys() const;

  // The object as JSON text, for a parser of another module.
  std::string dump() const;
  // The file and the way to this object, as messages have it.
  const std::string& where() const { return where_; }

  [[noreturn]] void fail(const char* key, const std::string& expected) const;

 private:
  JsonObject(std::shared_ptr<const nlohmann::json> document, const nlohmann::json* object, std::string where);

  std::shared_ptr<const nlohmann::json> document_;
  const nlohmann::json* object_;  // inside document_
  std::string where_;
};

}  // namespace vedette::models::weights
