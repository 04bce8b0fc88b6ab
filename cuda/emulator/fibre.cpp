#include "cuda/emulator/fibre.h"

#include <sys/mman.h>

#include <cstdint>

#include "tensor/error.h"

#if defined(__x86_64__)
// Saves the registers that a call must keep, changes stacks, restores them. A fresh stack "returns" to
// clearcut_fibre_entry, which calls r13 with r12 as its argument.
asm(R"(
.text
.globl clearcut_fibre_switch
.type clearcut_fibre_switch,@function
clearcut_fibre_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size clearcut_fibre_switch,.-clearcut_fibre_switch
.globl clearcut_fibre_entry
.type clearcut_fibre_entry,@function
clearcut_fibre_entry:
  movq %r12, %rdi
  xorl %ebp, %ebp
  callq *%r13
  ud2
.size clearcut_fibre_entry,.-clearcut_fibre_entry
)");
extern "C" void clearcut_fibre_switch(void** save, void* to);
extern "C" void clearcut_fibre_entry();
#endif

namespace clearcut::emulator {

namespace {

constexpr std::size_t kPage = 4096;
// Sanitizers make frames larger.
constexpr std::size_t kStack = (sanitizer::kAddress || sanitizer::kThread ? 256 : 64) * 1024 + kPage;

}  // namespace

// Tops of stacks lie in different sets of the cache.
Fibre::Fibre(std::size_t number) : size_(kStack), colour_(number * 448 % kPage) {
  void* map = mmap(nullptr, size_ + kPage, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  check(map != MAP_FAILED, "emulator", "the system has no memory for the stack of a CUDA thread");
  mprotect(map, kPage, PROT_NONE);
  stack_ = static_cast<char*>(map) + kPage;
}

Fibre::~Fibre() {
  sanitizer::unpoison(stack_, size_);
  munmap(stack_ - kPage, size_ + kPage);
}

#if defined(__x86_64__)

void Fibre::prepare(void (*run)(void*), void* argument) {
  sanitizer::forget(stack_, size_);
  sanitizer::unpoison(stack_, size_);
  auto** top = reinterpret_cast<void**>(stack_ + size_ - colour_);
  *--top = nullptr;  // the end of the stack, and 16-byte alignment at the call
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(&clearcut_fibre_entry);
  top -= 6;  // r15 r14 r13 r12 rbx rbp
  for (int i = 0; i < 6; ++i) top[i] = nullptr;
  top[2] = reinterpret_cast<void*>(run);
  top[3] = argument;
  context.stack_pointer = top;
}

void switch_context(Context& from, Context& to) {
  clearcut_fibre_switch(&from.stack_pointer, to.stack_pointer);
}

#else

namespace {

// makecontext hands over ints: addresses travel in halves.
void enter(unsigned run_low, unsigned run_high, unsigned argument_low, unsigned argument_high) {
  const auto join = [](unsigned low, unsigned high) {
    return static_cast<std::uintptr_t>(low) | static_cast<std::uintptr_t>(std::uint64_t{high} << 32);
  };
  reinterpret_cast<void (*)(void*)>(join(run_low, run_high))(
      reinterpret_cast<void*>(join(argument_low, argument_high)));
}

}  // namespace

void Fibre::prepare(void (*run)(void*), void* argument) {
  sanitizer::forget(stack_, size_);
  sanitizer::unpoison(stack_, size_);
  getcontext(&context.state);
  context.state.uc_stack.ss_sp = stack_;
  context.state.uc_stack.ss_size = size_ - colour_;
  context.state.uc_link = nullptr;
  const auto r = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(run));
  const auto a = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(argument));
  makecontext(&context.state, reinterpret_cast<void (*)()>(enter), 4, static_cast<unsigned>(r),
              static_cast<unsigned>(r >> 32), static_cast<unsigned>(a), static_cast<unsigned>(a >> 32));
}

void switch_context(Context& from, Context& to) { swapcontext(&from.state, &to.state); }

#endif

}  // namespace clearcut::emulator
