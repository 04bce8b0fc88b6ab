// What the address and thread sanitizers must be told about fibres and shared memory; nothing in plain
// builds. The emulator itself is compiled without instrumentation: EMULATOR_ASAN or EMULATOR_TSAN says that
// the program around it has it.
#pragma once

#include <cstddef>

#if defined(EMULATOR_TSAN)
#include <sys/mman.h>
#endif

extern "C" {
#if defined(EMULATOR_ASAN)
void __asan_poison_memory_region(const volatile void*, std::size_t);
void __asan_unpoison_memory_region(const volatile void*, std::size_t);
void __sanitizer_start_switch_fiber(void**, const void*, std::size_t);
void __sanitizer_finish_switch_fiber(void*, const void**, std::size_t*);
#endif
#if defined(EMULATOR_TSAN)
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned);
void __tsan_destroy_fiber(void*);
void __tsan_switch_to_fiber(void*, unsigned);
void __tsan_acquire(void*);
void __tsan_release(void*);
void __tsan_write_range(void*, unsigned long);
void AnnotateIgnoreReadsBegin(const char*, int);
void AnnotateIgnoreReadsEnd(const char*, int);
#endif
}

namespace clearcut::emulator::sanitizer {

#if defined(EMULATOR_ASAN)
constexpr bool kAddress = true;
inline void poison(const void* p, std::size_t n) { __asan_poison_memory_region(p, n); }
inline void unpoison(const void* p, std::size_t n) { __asan_unpoison_memory_region(p, n); }
inline void start_switch(void** fake, const void* bottom, std::size_t size) {
  __sanitizer_start_switch_fiber(fake, bottom, size);
}
inline void finish_switch(void* fake, const void** bottom, std::size_t* size) {
  __sanitizer_finish_switch_fiber(fake, bottom, size);
}
#else
constexpr bool kAddress = false;
inline void poison(const void*, std::size_t) {}
inline void unpoison(const void*, std::size_t) {}
inline void start_switch(void**, const void*, std::size_t) {}
inline void finish_switch(void*, const void**, std::size_t*) {}
#endif

#if defined(EMULATOR_TSAN)
constexpr bool kThread = true;
inline void* current_fibre() { return __tsan_get_current_fiber(); }
inline void* create_fibre() { return __tsan_create_fiber(0); }
inline void destroy_fibre(void* fibre) { __tsan_destroy_fiber(fibre); }
/// The switch itself orders nothing; only barriers do.
inline void switch_fibre(void* fibre) { __tsan_switch_to_fiber(fibre, 1); }
inline void acquire(void* key) { __tsan_acquire(key); }
inline void release(void* key) { __tsan_release(key); }
inline void note_write(void* p, std::size_t n) { __tsan_write_range(p, n); }
/// The emulator's own bookkeeping is not the kernel's doing.
struct Quiet {
  Quiet() { AnnotateIgnoreReadsBegin(__FILE__, __LINE__); }
  ~Quiet() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
};
/// Whoever used these pages before, nobody races with them now.
inline void forget(void* p, std::size_t n) {
  const Quiet quiet;
  mmap(p, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}
#else
constexpr bool kThread = false;
inline void* current_fibre() { return nullptr; }
inline void* create_fibre() { return nullptr; }
inline void destroy_fibre(void*) {}
inline void switch_fibre(void*) {}
inline void acquire(void*) {}
inline void release(void*) {}
inline void note_write(void*, std::size_t) {}
struct Quiet {
  ~Quiet() {}
};
inline void forget(void*, std::size_t) {}
#endif

/// Fills memory unseen: a sanitizer must not take it for a write of the thread that runs.
inline void fill(void* p, int value, std::size_t n) {
  auto* byte = static_cast<volatile unsigned char*>(p);
  for (std::size_t i = 0; i < n; ++i) byte[i] = static_cast<unsigned char>(value);
}

/// Copies unseen, likewise.
inline void copy(void* to, const void* from, std::size_t n) {
  auto* out = static_cast<volatile unsigned char*>(to);
  const auto* in = static_cast<const volatile unsigned char*>(from);
  for (std::size_t i = 0; i < n; ++i) out[i] = in[i];
}

}  // namespace clearcut::emulator::sanitizer
