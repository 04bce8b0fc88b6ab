#include "cuda/emulator/shared.h"

#include <sys/mman.h>

#include <algorithm>

#include "cuda/emulator/sanitizer.h"
#include "tensor/error.h"

namespace clearcut::emulator {

namespace {

constexpr std::size_t kArena = 512 * 1024;  // several times what a launch may ask for
constexpr std::size_t kRedZone = 64;
constexpr unsigned char kPattern = 0xC5;

}  // namespace

SharedMemory::~SharedMemory() {
  if (arena_ == nullptr) return;
  sanitizer::unpoison(arena_, kArena);
  munmap(arena_, kArena);
}

void SharedMemory::begin(std::size_t dynamic_bytes) {
  if (arena_ == nullptr) {
    void* map = mmap(nullptr, kArena, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(map != MAP_FAILED, "emulator", "the system has no memory for shared memory");
    arena_ = static_cast<char*>(map);
  } else {
    sanitizer::forget(arena_, kArena);
  }
  sanitizer::unpoison(arena_, kArena);
  sanitizer::fill(arena_, kPattern, 2 * kRedZone);
  sanitizer::poison(arena_, kArena);
  variables_.clear();
  static_bytes_ = 0;
  used_ = kRedZone;
  if (dynamic_bytes > 0)
    variables_.push_back({nullptr, "dynamic shared memory", take(dynamic_bytes, 128), dynamic_bytes});
}

char* SharedMemory::take(std::size_t bytes, std::size_t alignment) {
  const std::size_t at = (used_ + alignment - 1) / alignment * alignment, end = at + bytes;
  check(end + kRedZone <= kArena, "emulator", "shared memory of more than ", kArena, " bytes");
  sanitizer::unpoison(arena_ + used_, end + kRedZone - used_);
  sanitizer::fill(arena_ + used_, kPattern, at - used_);
  sanitizer::fill(arena_ + at, 0xFF, bytes);
  sanitizer::fill(arena_ + end, kPattern, kRedZone);
  sanitizer::poison(arena_ + used_, at - used_);
  sanitizer::poison(arena_ + end, kRedZone);
  used_ = end + kRedZone;
  return arena_ + at;
}

void* SharedMemory::variable(const void* tag, const char* name, std::size_t bytes, std::size_t alignment) {
  const auto known =
      std::find_if(variables_.begin(), variables_.end(), [tag](const Variable& v) { return v.tag == tag; });
  if (known != variables_.end()) return known->data;
  static_bytes_ += bytes;
  variables_.push_back({tag, name, take(bytes, alignment), bytes});
  return variables_.back().data;
}

void* SharedMemory::dynamic() const {
  return variables_.empty() || variables_[0].tag != nullptr ? arena_ : variables_[0].data;
}

bool SharedMemory::contains(const void* address, std::size_t bytes) const {
  const auto* at = static_cast<const char*>(address);
  return std::any_of(variables_.begin(), variables_.end(), [at, bytes](const Variable& v) {
    return at >= v.data && at + bytes <= v.data + v.bytes;
  });
}

std::string SharedMemory::damage() const {
  if (sanitizer::kAddress) return "";  // already reported, with the place
  const auto damaged = [](const char* zone, std::size_t& at) {
    for (at = 0; at < kRedZone; ++at)
      if (static_cast<unsigned char>(zone[at]) != kPattern) return true;
    return false;
  };
  std::size_t at = 0;
  for (const Variable& v : variables_)
    if (damaged(v.data + v.bytes, at))
      return cat("byte ", at, " behind ", v.name, " (", v.bytes, " bytes) in shared memory was written");
  if (damaged(arena_, at)) return "memory before the first shared variable was written";
  return "";
}

}  // namespace clearcut::emulator
