// Ctrl-C: long jobs ask interrupted() between items or steps, save, and throw Interrupted.
#pragma once

#include <stdexcept>

namespace clearcut {

/// Thrown by a job that stopped at a clean place because of a signal. The text says how to go on.
class Interrupted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// From now on SIGINT, SIGTERM and SIGUSR1 set a flag; the same signal again ends the program at once.
/// SIGUSR1 is the one that mpirun passes on to all ranks without a wait.
void catch_interrupts();
bool interrupted();
/// Sets or clears the flag, as a signal would.
void set_interrupted(bool on);
/// Throws Interrupted("op: interrupted; ...hint") if the flag is set. For jobs whose results so far are
/// already on disk.
void stop_if_interrupted(const char* op, const char* hint = "run the same command again to go on");

}  // namespace clearcut
