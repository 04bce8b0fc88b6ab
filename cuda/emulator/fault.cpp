#include "cuda/emulator/fault.h"

#include <signal.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "cuda/emulator/block.h"
#include "cuda/emulator/device_memory.h"
#include "tensor/error.h"

namespace clearcut::emulator {

namespace {

struct sigaction before_segv, before_bus;

// Kernel code faulted: its fibre is left where it is, for good. (The handler runs on a stack of its own,
// which the next fault uses from the start again.)
void on_fault(int signal, siginfo_t* info, void*) {
  if (Block* block = Block::running_or_null()) {
    std::string text = cat("thread ", block->current().linear, " touched ", describe_address(info->si_addr));
    block->stop(std::move(text), cudaErrorIllegalAddress);
  }
  if (is_in_buffer(info->si_addr)) {
    const std::string text =
        cat("clearcut: host code touched device memory: ", describe_address(info->si_addr), "\n");
    if (write(STDERR_FILENO, text.data(), text.size()) < 0) return;
  }
  // Back to who was there before: the access is tried again and finds that handler.
  sigaction(signal, signal == SIGSEGV ? &before_segv : &before_bus, nullptr);
}

void install() {
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(SIGSEGV, &action, &before_segv);
  sigaction(SIGBUS, &action, &before_bus);
}

struct SignalStack {
  SignalStack() : memory(new char[kBytes]) {
    stack_t stack = {};
    stack.ss_sp = memory.get();
    stack.ss_size = kBytes;
    sigaltstack(&stack, nullptr);
  }
  ~SignalStack() {
    stack_t none = {};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
  }
  static constexpr std::size_t kBytes = 65536;
  std::unique_ptr<char[]> memory;
};

}  // namespace

void catch_faults() {
  if constexpr (sanitizer::kAddress || sanitizer::kThread) return;
  static std::once_flag once;
  std::call_once(once, install);
  static thread_local const SignalStack stack;
}

}  // namespace clearcut::emulator
