// A full disk, as far as one process is concerned.
#pragma once

#include <sys/resource.h>

#include <csignal>

namespace clearcut::test {

/// While it lives no file of this process grows beyond `bytes`: writing gives an error after the bytes that
/// still fit, as on a full disk.
class DiskLimit {
 public:
  explicit DiskLimit(std::size_t bytes) {
    signal_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit now = before_;
    now.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~DiskLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, signal_);
  }
  DiskLimit(const DiskLimit&) = delete;
  DiskLimit& operator=(const DiskLimit&) = delete;

 private:
  rlimit before_{};
  void (*signal_)(int) = nullptr;
};

}  // namespace clearcut::test
