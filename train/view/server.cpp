#include "train/view/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "tensor/error.h"

namespace clearcut {

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::seconds(10);
constexpr std::size_t kMostConnections = 64;  // further ones wait in the system's queue

std::string answer_to(const std::string& head, const LoopbackServer::Handler& handler) {
  HttpRequest request;
  try {
    request = parse_http_request({reinterpret_cast<const std::uint8_t*>(head.data()), head.size()});
  } catch (const Error& error) {
    return http_bytes({.status = 400, .body = cat(error.what(), "\n")}, false);
  }
  if (request.method != "GET" && request.method != "HEAD")
    return http_bytes({.status = 405, .body = "this page can be read, nothing else\n"}, false);
  const bool head_only = request.method == "HEAD";
  try {
    return http_bytes(handler(request.path), head_only);
  } catch (const std::exception& error) {
    return http_bytes({.status = 500, .body = cat(error.what(), "\n")}, head_only);
  }
}

}  // namespace

struct LoopbackServer::Connection {
  enum class State { kReading, kWriting, kDraining, kDone };

  int socket;
  State state = State::kReading;
  std::string in = {}, out = {};
  std::size_t sent = 0;
  Clock::time_point until = Clock::now() + kPatience;

  short waits_for() const { return state == State::kWriting ? POLLOUT : POLLIN; }
  void read(const Handler& handler);
  void write();
};

// After the answer the rest of what the other side sends is taken and dropped: closing before it ended would
// make the system throw away what was not read yet of the answer.
void LoopbackServer::Connection::read(const Handler& handler) {
  std::array<char, 4096> buffer;
  const ssize_t n = ::recv(socket, buffer.data(), buffer.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    state = State::kDone;
    return;
  }
  if (state == State::kDraining) return;
  until = Clock::now() + kPatience;
  in.append(buffer.data(), static_cast<std::size_t>(n));
  const std::size_t end = in.find("\r\n\r\n");
  if (std::min(end, in.size()) + 4 > kMostHttpHead)
    out = http_bytes({.status = 431, .body = "the request's head is too long\n"}, false);
  else if (end != std::string::npos)
    out = answer_to(in, handler);
  if (!out.empty()) state = State::kWriting;
}

void LoopbackServer::Connection::write() {
  const ssize_t n = ::send(socket, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    state = State::kDone;
    return;
  }
  until = Clock::now() + kPatience;
  sent += static_cast<std::size_t>(n);
  if (sent < out.size()) return;
  ::shutdown(socket, SHUT_WR);
  state = State::kDraining;
}

LoopbackServer::LoopbackServer(int port) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (socket_ >= 0) ::setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  auto* where = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (socket_ < 0 || ::bind(socket_, where, size) != 0 || ::listen(socket_, 64) != 0 ||
      ::getsockname(socket_, where, &size) != 0) {
    const std::string reason = std::strerror(errno);
    if (socket_ >= 0) ::close(socket_);
    fail("view", "cannot listen on 127.0.0.1, port ", port, ": ", reason, "; --port 0 takes any free port");
  }
  port_ = ntohs(address.sin_port);
}

LoopbackServer::~LoopbackServer() {
  for (const Connection& connection : open_) ::close(connection.socket);
  ::close(socket_);
}

void LoopbackServer::accept_all() {
  while (open_.size() < kMostConnections) {
    const int socket = ::accept4(socket_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) return;
    open_.push_back({.socket = socket});
  }
}

void LoopbackServer::serve(const Handler& handler, const std::function<bool()>& stop) {
  std::vector<pollfd> polled;
  while (!stop()) {
    polled.clear();
    for (const Connection& c : open_)
      polled.push_back({.fd = c.socket, .events = c.waits_for(), .revents = 0});
    if (open_.size() < kMostConnections) polled.push_back({.fd = socket_, .events = POLLIN, .revents = 0});
    if (::poll(polled.data(), polled.size(), 100) < 0) {
      check(errno == EINTR, "view", "poll: ", std::strerror(errno));
      continue;
    }
    for (std::size_t i = 0; i < open_.size(); ++i) {
      if (polled[i].revents == 0) continue;
      if (open_[i].waits_for() == POLLOUT)
        open_[i].write();
      else
        open_[i].read(handler);
    }
    const Clock::time_point now = Clock::now();
    std::erase_if(open_, [&](const Connection& c) {
      const bool over = c.state == Connection::State::kDone || now > c.until;
      if (over) ::close(c.socket);
      return over;
    });
    accept_all();
  }
}

}  // namespace clearcut
