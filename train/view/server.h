// An HTTP server for one reader on this machine.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "train/view/http.h"

namespace clearcut {

/// Listens on 127.0.0.1 and nowhere else: programs of this machine reach it, other machines do not.
///
/// One request per connection. Requests that cannot be read are answered with 400, heads above kMostHttpHead
/// with 431, other methods than GET and HEAD with 405. A connection that sends or takes nothing for ten
/// seconds is closed; of many at a time all are served in turn, on one thread.
///
/// Our own and not a library's: Debian's cpp-httplib (0.11) reads header lines of any length before it looks
/// at their size, and links the program to OpenSSL and brotli; the minimal build has neither.
class LoopbackServer {
 public:
  /// What a path answers; called for GET and HEAD. An exception becomes 500 with its text.
  using Handler = std::function<HttpAnswer(const std::string& path)>;

  /// port 0: any that is free. Throws Error with the system's reason.
  explicit LoopbackServer(int port);
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  int port() const { return port_; }
  /// Answers until stop() is true; it is asked at least ten times a second.
  void serve(const Handler& handler, const std::function<bool()>& stop);

 private:
  struct Connection;
  void accept_all();

  int socket_ = -1, port_ = 0;
  std::vector<Connection> open_;
};

}  // namespace clearcut
