// Libraries of NVIDIA's, opened when they are asked for: the program itself needs none of them.
#pragma once

#include <string>

#include "tensor/error.h"

namespace clearcut::cuda {

/// A shared library and its name for people: SharedLibrary("cuDNN", "libcudnn.so.9"). Looked for where the
/// system's linker looks (LD_LIBRARY_PATH, the system's folders), then in /usr/local/cuda/lib64. It stays
/// open until the program ends.
class SharedLibrary {
 public:
  /// Throws Error "cuDNN: libcudnn.so.9 is not found" with the places.
  SharedLibrary(std::string name, const std::string& file);

  /// Fills a pointer to a C function. Throws Error if this version of the library does not have it.
  template <class Function>
  void find(Function*& function, const char* symbol) const {
    function = reinterpret_cast<Function*>(address(symbol));
  }
  const std::string& place() const { return place_; }  // path of the file

 private:
  void* address(const char* symbol) const;

  std::string name_, place_;
  void* handle_ = nullptr;
};

/// Whether handle() gives one: false without a driver, as on the emulated device, where it is not tried.
bool opens(void* (*handle)());

/// "13.1.0" of numbers like 130100 (major * 10000 + minor * 100 + patch).
std::string dotted_version(std::size_t number);

}  // namespace clearcut::cuda
