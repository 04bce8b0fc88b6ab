// Which sanitizer the tests are built with: g++ says so with a macro, clang with a feature.
#pragma once

#if !defined(__has_feature)
#define __has_feature(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define CLEARCUT_ASAN 1
#else
#define CLEARCUT_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define CLEARCUT_TSAN 1
#else
#define CLEARCUT_TSAN 0
#endif

namespace clearcut::test {
constexpr bool kAddressSanitizer = CLEARCUT_ASAN, kThreadSanitizer = CLEARCUT_TSAN;
}  // namespace clearcut::test
