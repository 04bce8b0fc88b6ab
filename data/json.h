// JSON objects without the JSON library's header.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace clearcut {

/// One JSON object; names keep the order in which they were set. Getters throw Error that names the origin,
/// the key and what stands there instead. NaN and infinities are written as null; number() of null is NaN.
class JsonObject {
 public:
  JsonObject();
  JsonObject(const JsonObject& other);
  JsonObject(JsonObject&&) noexcept;
  JsonObject& operator=(JsonObject other) noexcept;
  ~JsonObject();

  /// `origin` (a file, a line) stands in errors. Throws Error unless text is one JSON object in which no name
  /// comes twice.
  static JsonObject parse(std::string_view text, const std::string& origin);
  static JsonObject read(const std::string& path);

  JsonObject& set(const std::string& name, const char* value);
  JsonObject& set(const std::string& name, const std::string& value);
  JsonObject& set(const std::string& name, bool value);
  JsonObject& set(const std::string& name, int value);
  JsonObject& set(const std::string& name, std::int64_t value);
  JsonObject& set(const std::string& name, std::uint64_t value);
  JsonObject& set(const std::string& name, double value);
  JsonObject& set(const std::string& name, const std::vector<std::string>& values);
  JsonObject& set(const std::string& name, const std::vector<double>& values);
  JsonObject& set(const std::string& name, const std::vector<std::int64_t>& values);
  JsonObject& set(const std::string& name, const std::vector<int>& values);
  JsonObject& set(const std::string& name, const std::vector<std::vector<double>>& values);
  JsonObject& set(const std::string& name, const JsonObject& value);
  JsonObject& set(const std::string& name, const std::vector<JsonObject>& values);

  bool has(const std::string& name) const;
  bool is_text(const std::string& name) const;    // what stands there, for names that may hold several kinds
  bool is_object(const std::string& name) const;  // of value; false if there is none
  std::vector<std::string> names() const;
  std::string text(const std::string& name) const;
  bool flag(const std::string& name) const;
  double number(const std::string& name) const;
  std::int64_t integer(const std::string& name) const;
  std::vector<std::string> texts(const std::string& name) const;
  std::vector<double> numbers(const std::string& name) const;
  std::vector<std::int64_t> integers(const std::string& name) const;
  std::vector<std::vector<std::int64_t>> integer_lists(const std::string& name) const;  // [[1, 2], [3]]
  std::vector<std::vector<double>> number_lists(const std::string& name) const;
  JsonObject object(const std::string& name) const;
  std::vector<JsonObject> objects(const std::string& name) const;

  std::string line() const;                   // one line, no line feed
  std::string pretty() const;                 // indented by two, with a line feed
  void write(const std::string& path) const;  // pretty(), to a temporary name and renamed

 private:
  struct Content;
  std::unique_ptr<Content> content_;
};

}  // namespace clearcut
