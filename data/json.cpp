#include "data/json.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "tensor/error.h"
#include "tensor/file.h"

namespace clearcut {

using Json = nlohmann::ordered_json;

struct JsonObject::Content {
  Json json = Json::object();
  std::string origin = "object";
};

namespace {

template <class T>
T convert(const Json& value, bool fits, const std::string& origin, const std::string& name,
          const char* wanted) {
  if (!fits) fail("json", origin, ": '", name, "' must be ", wanted, ", it is ", value.dump());
  return value.get<T>();
}

double to_number(const Json& value, const std::string& origin, const std::string& name) {
  if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
  return convert<double>(value, value.is_number(), origin, name, "a number");
}

std::int64_t to_integer(const Json& value, const std::string& origin, const std::string& name) {
  return convert<std::int64_t>(value, value.is_number_integer(), origin, name, "a whole number");
}

std::string to_text(const Json& value, const std::string& origin, const std::string& name) {
  return convert<std::string>(value, value.is_string(), origin, name, "a text");
}

// Looks for a name that comes twice in one object, of which the library keeps the last. A pass of its own:
// the library's parser with a callback is quadratic in the length of a list of objects.
class NamesOnce : public nlohmann::json_sax<Json> {
 public:
  const std::string& twice() const { return twice_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    open_.emplace_back();
    return true;
  }
  bool key(string_t& name) override {
    if (!open_.back().insert(name).second) twice_ = name;
    return twice_.empty();
  }
  bool end_object() override {
    open_.pop_back();
    return true;
  }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;  // the parser says it
  }

 private:
  std::vector<std::set<std::string>> open_;
  std::string twice_;
};

Json parse_strictly(std::string_view text, const std::string& origin) {
  NamesOnce names;
  Json::sax_parse(text, &names);
  check(names.twice().empty(), "json", origin, ": the name '", names.twice(), "' comes twice");
  try {
    Json json = Json::parse(text);
    check(json.is_object(), "json", origin, ": must be one object {...}");
    return json;
  } catch (const Json::exception& error) {
    fail("json", origin, ": ", error.what());
  }
}

}  // namespace

JsonObject::JsonObject() : content_(std::make_unique<Content>()) {}
JsonObject::JsonObject(const JsonObject& other) : content_(std::make_unique<Content>(*other.content_)) {}
JsonObject::JsonObject(JsonObject&&) noexcept = default;
JsonObject& JsonObject::operator=(JsonObject other) noexcept {
  std::swap(content_, other.content_);
  return *this;
}
JsonObject::~JsonObject() = default;

JsonObject JsonObject::parse(std::string_view text, const std::string& origin) {
  JsonObject object;
  object.content_->json = parse_strictly(text, origin);
  object.content_->origin = origin;
  return object;
}

JsonObject JsonObject::read(const std::string& path) { return parse(read_text(path), path); }

#define CLEARCUT_SET(Type)                                           \
  JsonObject& JsonObject::set(const std::string& name, Type value) { \
    content_->json[name] = value;                                    \
    return *this;                                                    \
  }
CLEARCUT_SET(const char*)
CLEARCUT_SET(const std::string&)
CLEARCUT_SET(bool)
CLEARCUT_SET(int)
CLEARCUT_SET(std::int64_t)
CLEARCUT_SET(std::uint64_t)
CLEARCUT_SET(double)
CLEARCUT_SET(const std::vector<std::string>&)
CLEARCUT_SET(const std::vector<double>&)
CLEARCUT_SET(const std::vector<std::int64_t>&)
CLEARCUT_SET(const std::vector<int>&)
CLEARCUT_SET(const std::vector<std::vector<double>>&)
#undef CLEARCUT_SET

JsonObject& JsonObject::set(const std::string& name, const JsonObject& value) {
  content_->json[name] = value.content_->json;
  return *this;
}

JsonObject& JsonObject::set(const std::string& name, const std::vector<JsonObject>& values) {
  Json list = Json::array();
  for (const JsonObject& value : values) list.push_back(value.content_->json);
  content_->json[name] = std::move(list);
  return *this;
}

namespace {

const Json& member(const Json& json, const std::string& origin, const std::string& name) {
  const auto it = json.find(name);
  check(it != json.end(), "json", origin, ": has no '", name, "'");
  return *it;
}

template <class Convert>
auto list(const Json& json, const std::string& origin, const std::string& name, const Convert& to) {
  const Json& value = member(json, origin, name);
  if (!value.is_array()) fail("json", origin, ": '", name, "' must be a list, it is ", value.dump());
  std::vector<decltype(to(value, origin, name))> items;
  for (const Json& item : value) items.push_back(to(item, origin, name));
  return items;
}

// Converts a list whose elements `to` converts.
template <class Convert>
auto list_of(const Convert& to) {
  return [to](const Json& value, const std::string& origin, const std::string& name) {
    return list(Json{{name, value}}, origin, name, to);
  };
}

}  // namespace

bool JsonObject::has(const std::string& name) const { return content_->json.contains(name); }
bool JsonObject::is_text(const std::string& name) const {
  return has(name) && content_->json.at(name).is_string();
}
bool JsonObject::is_object(const std::string& name) const {
  return has(name) && content_->json.at(name).is_object();
}

std::vector<std::string> JsonObject::names() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : content_->json.items()) names.push_back(name);
  return names;
}

std::string JsonObject::text(const std::string& name) const {
  return to_text(member(content_->json, content_->origin, name), content_->origin, name);
}
bool JsonObject::flag(const std::string& name) const {
  const Json& value = member(content_->json, content_->origin, name);
  return convert<bool>(value, value.is_boolean(), content_->origin, name, "true or false");
}
double JsonObject::number(const std::string& name) const {
  return to_number(member(content_->json, content_->origin, name), content_->origin, name);
}
std::int64_t JsonObject::integer(const std::string& name) const {
  return to_integer(member(content_->json, content_->origin, name), content_->origin, name);
}
std::vector<std::string> JsonObject::texts(const std::string& name) const {
  return list(content_->json, content_->origin, name, to_text);
}
std::vector<double> JsonObject::numbers(const std::string& name) const {
  return list(content_->json, content_->origin, name, to_number);
}
std::vector<std::int64_t> JsonObject::integers(const std::string& name) const {
  return list(content_->json, content_->origin, name, to_integer);
}
std::vector<std::vector<std::int64_t>> JsonObject::integer_lists(const std::string& name) const {
  return list(content_->json, content_->origin, name, list_of(to_integer));
}
std::vector<std::vector<double>> JsonObject::number_lists(const std::string& name) const {
  return list(content_->json, content_->origin, name, list_of(to_number));
}

JsonObject JsonObject::object(const std::string& name) const {
  const Json& value = member(content_->json, content_->origin, name);
  JsonObject object;
  object.content_->json = convert<Json>(value, value.is_object(), content_->origin, name, "an object");
  object.content_->origin = content_->origin + ", " + name;
  return object;
}

std::vector<JsonObject> JsonObject::objects(const std::string& name) const {
  std::vector<JsonObject> objects;
  for (Json& value : list(content_->json, content_->origin, name,
                          [](const Json&item, const std::string&origin, const std::string&key) {
                            return convert<Json>(item, item.is_object(), origin, key, "a list of objects");
                          })) {
    objects.emplace_back();
    objects.back().content_->json = std::move(value);
    objects.back().content_->origin = cat(content_->origin, ", ", name, " ", objects.size());
  }
  return objects;
}

// Text that is not UTF-8 (a file name can be anything) is written with replacement characters.
std::string JsonObject::line() const {
  return content_->json.dump(-1, ' ', false, Json::error_handler_t::replace);
}
std::string JsonObject::pretty() const {
  return content_->json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}
void JsonObject::write(const std::string& path) const { write_file(path, pretty()); }

}  // namespace clearcut
