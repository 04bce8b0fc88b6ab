#include "train/view/http.h"

#include <algorithm>
#include <string_view>

#include "tensor/error.h"

namespace clearcut {
namespace {

// Letters of methods and of header names (RFC 9110, section 5.6.2).
bool is_token(std::string_view text) {
  static constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    check(high >= 0 && low >= 0, "http", "a '%' without two hexadecimal digits in the path");
    out += static_cast<char>(16 * high + low);
    i += 2;
  }
  return out;
}

void check_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  check(colon != std::string_view::npos && is_token(line.substr(0, colon)), "http",
        "a header line is no NAME: VALUE");
}

HttpRequest parse_request_line(std::string_view line) {
  const std::size_t first = line.find(' '), last = line.rfind(' ');
  check(first != std::string_view::npos && first < last, "http", "the first line is no METHOD PATH HTTP/1.1");
  const std::string_view version = line.substr(last + 1);
  check(version == "HTTP/1.1" || version == "HTTP/1.0", "http", "only HTTP/1.0 and 1.1 are spoken here");
  HttpRequest request{.method = std::string(line.substr(0, first)), .path = {}};
  check(is_token(request.method), "http", "the first line begins with no method");
  const std::string_view target = line.substr(first + 1, last - first - 1);
  check(target.starts_with('/'), "http", "the path must begin with '/'");
  request.path = percent_decoded(target.substr(0, target.find_first_of("?#")));
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127 || c == ' '; };
  check(std::none_of(target.begin(), target.end(), control), "http", "a space in the path");
  const auto unprintable = [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; };
  check(std::none_of(request.path.begin(), request.path.end(), unprintable), "http",
        "a control character in the path");
  return request;
}

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    default:
      return "Internal Server Error";
  }
}

}  // namespace

HttpRequest parse_http_request(ByteView head) {
  const std::string_view all(reinterpret_cast<const char*>(head.data()), head.size());
  const std::size_t end = all.find("\r\n\r\n");
  check(end != std::string_view::npos, "http", "the request has no empty line");
  check(end + 4 <= kMostHttpHead, "http", "the request's head has more than ", kMostHttpHead, " bytes");
  std::string_view rest = all.substr(0, end);
  const std::size_t first = std::min(rest.find("\r\n"), rest.size());
  const HttpRequest request = parse_request_line(rest.substr(0, first));
  rest.remove_prefix(std::min(rest.size(), first + 2));
  while (!rest.empty()) {
    const std::size_t line = std::min(rest.find("\r\n"), rest.size());
    check_field(rest.substr(0, line));
    rest.remove_prefix(std::min(rest.size(), line + 2));
  }
  return request;
}

std::string http_bytes(const HttpAnswer& answer, bool head_only) {
  std::string out = cat("HTTP/1.1 ", answer.status, " ", reason(answer.status), "\r\n");
  if (answer.status == 405) out += "Allow: GET, HEAD\r\n";
  out += cat("Content-Type: ", answer.type, "\r\nContent-Length: ", answer.body.size(),
             "\r\nContent-Security-Policy: ", answer.policy,
             "\r\nX-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: same-origin"
             "\r\nReferrer-Policy: no-referrer\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n");
  return head_only ? out : out + answer.body;
}

}  // namespace clearcut
