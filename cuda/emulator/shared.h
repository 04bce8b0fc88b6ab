// Shared memory of the block that runs on this processor thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace clearcut::emulator {

/// An arena with red zones of 64 bytes around each variable: under ASan poisoned, else filled with a pattern
/// that is checked when the block ends. What was never written reads as NaN.
class SharedMemory {
 public:
  SharedMemory() = default;
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  void begin(std::size_t dynamic_bytes);
  /// Memory of the variable `tag`; the same for all threads of the block.
  void* variable(const void* tag, const char* name, std::size_t bytes, std::size_t alignment);
  /// If none was asked for: red zone, so that each use is noticed.
  void* dynamic() const;
  bool contains(const void* address, std::size_t bytes) const;
  std::size_t static_bytes() const { return static_bytes_; }
  /// "" or the first red zone that was written to.
  std::string damage() const;

 private:
  struct Variable {
    const void* tag;
    const char* name;
    char* data;
    std::size_t bytes;
  };
  char* take(std::size_t bytes, std::size_t alignment);

  char* arena_ = nullptr;
  std::size_t used_ = 0, static_bytes_ = 0;
  std::vector<Variable> variables_;
};

}  // namespace clearcut::emulator
