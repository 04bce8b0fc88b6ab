#include "cuda/vendor/library.h"

#include <dlfcn.h>
#include <link.h>

#include <array>
#include <utility>

#include "tensor/cuda_device.h"

namespace clearcut::cuda {

namespace {

constexpr std::array kFolders = {"", "/usr/local/cuda/lib64/"};

std::string path_of(void* handle) {
  const link_map* map = nullptr;
  return dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 ? map->l_name : "";
}

}  // namespace

SharedLibrary::SharedLibrary(std::string name, const std::string& file) : name_(std::move(name)) {
  for (const char* folder : kFolders) {
    handle_ = dlopen((folder + file).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ != nullptr) break;
  }
  check(handle_ != nullptr, name_, file, " is not found, neither by LD_LIBRARY_PATH nor in ", kFolders.back(),
        "; install it, or compute without it");
  place_ = path_of(handle_);
}

void* SharedLibrary::address(const char* symbol) const {
  void* function = dlsym(handle_, symbol);
  check(function != nullptr, name_, place_, " has no ", symbol, "; another version is needed");
  return function;
}

bool opens(void* (*handle)()) {
  if (cuda_machine().driver == 0) return false;
  try {
    return handle() != nullptr;
  } catch (const Error&) {
    return false;
  }
}

std::string dotted_version(std::size_t number) {
  return cat(number / 10000, ".", number / 100 % 100, ".", number % 100);
}

}  // namespace clearcut::cuda
