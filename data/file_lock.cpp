#include "data/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "tensor/error.h"

namespace clearcut {

namespace {

/// flock() that goes on after signals; false where somebody else has the lock.
bool take(int file, int operation) {
  while (::flock(file, operation) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) return true;  // no locks here
  }
  return true;
}

}  // namespace

FileLock::FileLock(const std::string& path, Wait wait) {
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  check(file_ >= 0, "lock", "cannot write ", path, ": ", std::strerror(errno));
  held_ = take(file_, wait == Wait::kAlways ? LOCK_EX : LOCK_EX | LOCK_NB);
  for (int tries = 0; !held_ && tries < 10; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    held_ = take(file_, LOCK_EX | LOCK_NB);
  }
}

FileLock::~FileLock() { ::close(file_); }

bool is_locked(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return false;
  const bool free = take(file, LOCK_EX | LOCK_NB);
  ::close(file);
  return !free;
}

}  // namespace clearcut
