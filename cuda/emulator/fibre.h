// Fibres: functions with stacks of their own that hand the processor over to each other.
#pragma once

#include <cstddef>

#include "cuda/emulator/sanitizer.h"
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace clearcut::emulator {

/// Where a fibre, or the code that runs fibres, stopped.
#if defined(__x86_64__)
struct Context {
  void* stack_pointer = nullptr;
};
#else
struct Context {
  ucontext_t state;
};
#endif

/// Stops here, in `from`, and goes on where `to` stopped: 12 instructions on x86-64; elsewhere the C
/// library's swapcontext, some 15 times slower.
void switch_context(Context& from, Context& to);

/// A stack with a guard page below it. Copies of Fibre do not exist: contexts point into it.
class Fibre {
 public:
  explicit Fibre(std::size_t number);
  ~Fibre();
  Fibre(const Fibre&) = delete;
  Fibre& operator=(const Fibre&) = delete;

  /// The next switch to `context` calls run(argument), which must never return.
  void prepare(void (*run)(void*), void* argument);

  const void* stack() const { return stack_; }
  std::size_t size() const { return size_; }
  Context context;

 private:
  char* stack_ = nullptr;
  std::size_t size_ = 0, colour_ = 0;
};

}  // namespace clearcut::emulator
