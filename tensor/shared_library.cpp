#include "tensor/shared_library.h"

#include <dlfcn.h>
#include <link.h>

#include <utility>

namespace clearcut {

namespace {

std::string path_of(void* handle) {
  const link_map* map = nullptr;
  return dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 ? map->l_name : "";
}

}  // namespace

SharedLibrary::SharedLibrary(std::string name, const std::string& file, const Options& options)
    : name_(std::move(name)) {
  const int flags = RTLD_NOW | (options.plug_ins ? RTLD_GLOBAL : RTLD_LOCAL);
  handle_ = dlopen(file.c_str(), flags);
  if (handle_ == nullptr && !options.folder.empty()) handle_ = dlopen((options.folder + file).c_str(), flags);
  check(handle_ != nullptr, name_, file, " is not found, neither by LD_LIBRARY_PATH nor in ",
        options.folder.empty() ? "the system's folders" : options.folder, "; ", options.hint);
  place_ = path_of(handle_);
}

void* SharedLibrary::address(const char* symbol) const {
  void* found = dlsym(handle_, symbol);
  check(found != nullptr, name_, place_, " has no ", symbol, "; another version is needed");
  return found;
}

}  // namespace clearcut
