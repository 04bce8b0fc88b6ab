// Libraries that are opened when they are asked for: the program starts and runs without them.
#pragma once

#include <string>

#include "tensor/error.h"

namespace clearcut {

/// A shared library and its name for people: SharedLibrary("cuDNN", "libcudnn.so.9"). Looked for where the
/// system's linker looks (LD_LIBRARY_PATH, the system's folders), then in options.folder. It stays open until
/// the program ends.
class SharedLibrary {
 public:
  struct Options {
    std::string folder = {};  // "" or ending with /
    std::string hint = "install it, or compute without it";
    bool plug_ins = false;  // it opens libraries of its own, which look for its functions
  };
  /// Throws Error "cuDNN: libcudnn.so.9 is not found" with the places.
  SharedLibrary(std::string name, const std::string& file, const Options& options);

  /// Fills a pointer to a C function. Throws Error if this version of the library does not have it.
  template <class Function>
  void find(Function*& function, const char* symbol) const {
    function = reinterpret_cast<Function*>(address(symbol));
  }
  /// Of a function or a variable. Throws Error if it is not there.
  void* address(const char* symbol) const;
  const std::string& place() const { return place_; }  // path of the file

 private:
  std::string name_, place_;
  void* handle_ = nullptr;
};

}  // namespace clearcut
