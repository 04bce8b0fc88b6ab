// Requests as RFC 9112 writes them, and what is none.
#include "train/view/http.h"

#include <gtest/gtest.h>

#include "tests/errors.h"

namespace clearcut {
namespace {

HttpRequest parsed(const std::string& text) {
  return parse_http_request({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

// RFC 9112, section 2.1.
TEST(Http, ReadsTheRequestOfTheStandard) {
  const HttpRequest request = parsed(
      "GET /hello.txt HTTP/1.1\r\nUser-Agent: curl/7.64.1\r\nHost: www.example.com\r\nAccept-Language: en, "
      "mi\r\n\r\n");
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.path, "/hello.txt");
}

// RFC 3986, sections 2.1 and 3.4.
TEST(Http, DecodesThePathOnceAndLeavesTheQueryOut) {
  EXPECT_EQ(parsed("GET /a%20b%2Fc HTTP/1.0\r\n\r\n").path, "/a b/c");
  EXPECT_EQ(parsed("GET /%252e HTTP/1.1\r\n\r\n").path, "/%2e");
  EXPECT_EQ(parsed("GET /a?b=/c HTTP/1.1\r\n\r\n").path, "/a");
  EXPECT_EQ(parsed("GET /%C3%A9 HTTP/1.1\r\n\r\n").path, "/\u00e9");
}

TEST(Http, RefusesWhatIsNoRequest) {
  const auto refused = [](const std::string& text, const std::string& why) {
    expect_error([&] { parsed(text); }, why);
  };
  refused("", "no empty line");
  refused("GET / HTTP/1.1\r\n", "no empty line");
  refused("GET / HTTP/1.1\n\n", "no empty line");
  refused("\r\n\r\n", "METHOD PATH");
  refused("GET /\r\n\r\n", "METHOD PATH");
  refused("GET / HTTP/2.0\r\n\r\n", "only HTTP/1.0 and 1.1");
  refused("G\tT / HTTP/1.1\r\n\r\n", "no method");
  refused("GET http://elsewhere/ HTTP/1.1\r\n\r\n", "begin with '/'");
  refused("GET /a b HTTP/1.1\r\n\r\n", "a space");
  refused("GET /%4 HTTP/1.1\r\n\r\n", "hexadecimal");
  refused("GET /%zz HTTP/1.1\r\n\r\n", "hexadecimal");
  refused("GET /%00 HTTP/1.1\r\n\r\n", "control character");
  refused("GET / HTTP/1.1\r\nno colon\r\n\r\n", "NAME: VALUE");
  refused("GET / HTTP/1.1\r\nHo st: x\r\n\r\n", "NAME: VALUE");
  refused("GET / HTTP/1.1\r\nX: " + std::string(kMostHttpHead, 'x') + "\r\n\r\n", "more than 8192 bytes");
}

TEST(Http, AnswersCarryTheirLengthAndPolicy) {
  const std::string whole = http_bytes({.body = "four"}, false), head = http_bytes({.body = "four"}, true);
  EXPECT_TRUE(whole.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(whole.ends_with("\r\n\r\nfour"));
  EXPECT_EQ(head + "four", whole);
  for (const char* field :
       {"\r\nContent-Length: 4\r\n", "\r\nContent-Security-Policy: default-src 'none'\r\n",
        "\r\nX-Content-Type-Options: nosniff\r\n", "\r\nCross-Origin-Resource-Policy: same-origin\r\n"})
    EXPECT_NE(head.find(field), std::string::npos) << field;
  EXPECT_NE(http_bytes({.status = 405}, false).find("\r\nAllow: GET, HEAD\r\n"), std::string::npos);
}

}  // namespace
}  // namespace clearcut
