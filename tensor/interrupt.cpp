#include "tensor/interrupt.h"

#include <csignal>

#include <atomic>
#include <string>

namespace clearcut {

namespace {
static_assert(std::atomic<bool>::is_always_lock_free);  // may be written by a signal handler
std::atomic<bool> flag{false};

void handle(int signal) {
  flag.store(true);
  std::signal(signal, SIG_DFL);
}
}  // namespace

void catch_interrupts() {
  std::signal(SIGINT, handle);
  std::signal(SIGTERM, handle);
  std::signal(SIGUSR1, handle);
}

bool interrupted() { return flag.load(); }
void set_interrupted(bool on) { flag.store(on); }

void stop_if_interrupted(const char* op, const char* hint) {
  if (interrupted()) throw Interrupted(std::string(op) + ": interrupted; " + hint);
}

}  // namespace clearcut
