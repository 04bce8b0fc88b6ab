// The server, asked through plain sockets.
#include "train/view/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/errors.h"

namespace clearcut {
namespace {

/// A client's connection to `address`; -1 if nobody listens there.
int connected(const char* address, int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, address, &where.sin_addr);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0) return socket;
  ::close(socket);
  return -1;
}

void send_text(int socket, const std::string& text) {
  ASSERT_EQ(::send(socket, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

/// All that comes until the server ends the connection.
std::string rest_of(int socket) {
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::recv(socket, buffer, sizeof buffer, 0)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  ::close(socket);
  return text;
}

class Server : public testing::Test {
 protected:
  Server()
      : server_(0), thread_([this] {
          server_.serve(
              [](const std::string& path) -> HttpAnswer {
                if (path == "/broken") fail("view", "this one is broken");
                if (path == "/large") return {.body = std::string(3'000'000, 'x')};
                return {.body = "path " + path};
              },
              [this] { return stop_.load(); });
        }) {}
  ~Server() override {
    stop_ = true;
    thread_.join();
  }
  std::string ask(const std::string& request) {
    const int socket = connected("127.0.0.1", server_.port());
    send_text(socket, request);
    return rest_of(socket);
  }

  std::atomic<bool> stop_ = false;
  LoopbackServer server_;
  std::thread thread_;
};

TEST_F(Server, AnswersGetAndHead) {
  const std::string got = ask("GET /a%20b HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\n")) << got;
  EXPECT_TRUE(got.ends_with("\r\n\r\npath /a b")) << got;
  const std::string head = ask("HEAD /a%20b HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(head + "path /a b", got);
}

TEST_F(Server, NothingCanBeWritten) {
  for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "get"})
    EXPECT_TRUE(ask(method + " / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 ")) << method;
}

TEST_F(Server, BadRequestsAreAnsweredAndTheNextOneToo) {
  EXPECT_TRUE(ask("nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(ask(std::string("\0\xff\r\n\r\n", 6)).starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(ask("GET /%00 HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(ask(std::string(20000, 'x')).starts_with("HTTP/1.1 431 "));
  const std::string broken = ask("GET /broken HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(broken.starts_with("HTTP/1.1 500 ")) << broken;
  EXPECT_NE(broken.find("this one is broken"), std::string::npos);
  EXPECT_TRUE(ask("GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

// Browsers open connections before they need them.
TEST_F(Server, SilentAndSlowConnectionsHinderNobody) {
  const int silent = connected("127.0.0.1", server_.port()), slow = connected("127.0.0.1", server_.port());
  const std::string request = "GET /slow HTTP/1.1\r\n\r\n";
  for (const char c : request) {
    send_text(slow, std::string(1, c));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(ask("GET /a HTTP/1.1\r\n\r\n").ends_with("path /a"));
  EXPECT_TRUE(rest_of(slow).ends_with("path /slow"));
  ::close(silent);
  const int gone = connected("127.0.0.1", server_.port());
  send_text(gone, "GET /large HTTP/1.1\r\n\r\n");
  ::close(gone);  // before it has read anything
  EXPECT_TRUE(ask("GET /b HTTP/1.1\r\n\r\n").ends_with("path /b"));
}

TEST_F(Server, LargeAnswersArriveWhole) {
  const std::string got = ask("GET /large HTTP/1.1\r\n\r\n");
  EXPECT_EQ(got.size() - got.find("\r\n\r\n"), 3'000'004u);
}

// 127.0.0.2 is this machine as well: a server that listens everywhere would answer there.
TEST_F(Server, ListensOnLoopbackAlone) {
  EXPECT_EQ(connected("127.0.0.2", server_.port()), -1);
  expect_error([&] { LoopbackServer(server_.port()); }, "cannot listen on 127.0.0.1");
}

}  // namespace
}  // namespace clearcut
