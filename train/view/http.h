// What `clearcut view` needs of HTTP: requests read, answers written.
#pragma once

#include <string>

#include "tensor/deflate.h"

namespace clearcut {

/// A request without a body, as browsers send it for a page and its parts.
struct HttpRequest {
  std::string method;  // "GET", "HEAD", ...
  std::string path;    // decoded, begins with '/'; what follows '?' is left out
};

/// A longer head, its empty line included, is refused (431).
inline constexpr std::size_t kMostHttpHead = 8192;

/// Reads request line and header lines up to the empty line; what follows it is not looked at. Header fields
/// are checked for their form and otherwise ignored. Percent codes are decoded once.
///
/// Throws Error for anything else than METHOD SP PATH SP HTTP/1.0 or 1.1 and lines that end in CR LF; for a
/// path that holds a broken percent code or, decoded, a control character; without an empty line; for a head
/// longer than kMostHttpHead. Source: RFC 9112, sections 2 to 5; RFC 3986, section 2.1.
HttpRequest parse_http_request(ByteView head);

struct HttpAnswer {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body = {};
  std::string policy = "default-src 'none'";  // Content-Security-Policy
};

/// Status line, header fields and body; for HEAD without the body, but with its length. Every answer forbids
/// other sites to use it, and guessing of its type; nothing is cached; the connection ends.
std::string http_bytes(const HttpAnswer& answer, bool head_only);

}  // namespace clearcut
