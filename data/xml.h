// XML files, element by element, without the XML library's header.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tensor/deflate.h"

namespace clearcut {

/// The start of an element. Getters throw Error that names file, line and element.
struct XmlElement {
  std::string name;
  std::vector<std::pair<std::string, std::string>> attributes;
  std::string where;  // "file:line"

  bool has(const std::string& attribute) const;
  const std::string& text(const std::string& attribute) const;
  double number(const std::string& attribute) const;  // finite
  std::int64_t integer(const std::string& attribute) const;
};

/// Walks through a file once; memory does not grow with it. Text between elements is passed over. What the
/// functions throw comes out again. Throws Error "xml: NAME:LINE: ..." for what is not well-formed, and for
/// document type declarations: entities of their own are not read. Source: W3C, Extensible Markup Language
/// (XML) 1.0, fifth edition; expat reads it.
void read_xml(ByteView bytes, const std::string& name, const std::function<void(const XmlElement&)>& start,
              const std::function<void(const std::string& element)>& end);

/// Text as it may stand between quotes: & < > " and control characters escaped or replaced by spaces.
std::string xml_quoted(const std::string& text);

}  // namespace clearcut
