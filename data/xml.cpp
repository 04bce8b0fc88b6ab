#include "data/xml.h"

#include <expat.h>

#include <charconv>
#include <cmath>
#include <exception>
#include <limits>
#include <memory>

#include "tensor/error.h"

namespace clearcut {

namespace {

constexpr std::size_t kPiece = std::size_t{1} << 24;  // bytes handed over at a time: expat counts in int

struct Walk {
  const std::string& name;
  const std::function<void(const XmlElement&)>& start;
  const std::function<void(const std::string&)>& end;
  XML_Parser parser;
  std::exception_ptr error = {};  // may not pass through the library's C

  std::string where() const { return cat(name, ":", XML_GetCurrentLineNumber(parser)); }
};

template <class Call>
void guarded(Walk& walk, const Call& call) {
  if (walk.error) return;
  try {
    call();
  } catch (...) {
    walk.error = std::current_exception();
    XML_StopParser(walk.parser, XML_FALSE);
  }
}

void on_start(void* data, const char* name, const char** attributes) {
  Walk& walk = *static_cast<Walk*>(data);
  guarded(walk, [&] {
    XmlElement element{.name = name, .attributes = {}, .where = walk.where()};
    for (; *attributes != nullptr; attributes += 2)
      element.attributes.emplace_back(attributes[0], attributes[1]);
    walk.start(element);
  });
}

void on_end(void* data, const char* name) {
  Walk& walk = *static_cast<Walk*>(data);
  guarded(walk, [&] { walk.end(name); });
}

void on_doctype(void* data, const char*, const char*, const char*, int) {
  Walk& walk = *static_cast<Walk*>(data);
  guarded(walk, [&] { fail("xml", walk.where(), ": document type declarations are not read"); });
}

}  // namespace

void read_xml(ByteView bytes, const std::string& name, const std::function<void(const XmlElement&)>& start,
              const std::function<void(const std::string&)>& end) {
  const std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser(XML_ParserCreate(nullptr),
                                                                            &XML_ParserFree);
  check(parser != nullptr, "xml", name, ": no memory for the parser");
  Walk walk{.name = name, .start = start, .end = end, .parser = parser.get()};
  XML_SetUserData(parser.get(), &walk);
  XML_SetElementHandler(parser.get(), on_start, on_end);
  XML_SetStartDoctypeDeclHandler(parser.get(), on_doctype);
  for (std::size_t at = 0; at <= bytes.size(); at += kPiece) {
    const ByteView piece = bytes.subspan(at, std::min(kPiece, bytes.size() - at));
    const bool last = at + piece.size() == bytes.size();
    const XML_Status status = XML_Parse(parser.get(), reinterpret_cast<const char*>(piece.data()),
                                        static_cast<int>(piece.size()), last);
    if (walk.error) std::rethrow_exception(walk.error);
    check(status == XML_STATUS_OK, "xml", walk.where(), ": ",
          XML_ErrorString(XML_GetErrorCode(parser.get())));
    if (last) return;
  }
}

bool XmlElement::has(const std::string& attribute) const {
  for (const auto& [key, value] : attributes)
    if (key == attribute) return true;
  return false;
}

const std::string& XmlElement::text(const std::string& attribute) const {
  for (const auto& [key, value] : attributes)
    if (key == attribute) return value;
  fail("xml", where, ": <", name, "> has no ", attribute);
}

double XmlElement::number(const std::string& attribute) const {
  const std::string& value = text(attribute);
  double number = std::numeric_limits<double>::quiet_NaN();
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  check(error == std::errc() && end == value.data() + value.size() && std::isfinite(number), "xml", where,
        ": ", attribute, "=\"", value, "\" is no number");
  return number;
}

std::int64_t XmlElement::integer(const std::string& attribute) const {
  const std::string& value = text(attribute);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  check(error == std::errc() && end == value.data() + value.size(), "xml", where, ": ", attribute, "=\"",
        value, "\" is no whole number");
  return number;
}

std::string xml_quoted(const std::string& text) {
  std::string quoted;
  for (const char letter : text) {
    if (letter == '&')
      quoted += "&amp;";
    else if (letter == '<')
      quoted += "&lt;";
    else if (letter == '>')
      quoted += "&gt;";
    else if (letter == '"')
      quoted += "&quot;";
    else
      quoted += letter >= 0 && letter < ' ' ? ' ' : letter;
  }
  return quoted;
}

}  // namespace clearcut
