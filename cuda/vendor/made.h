// A handle of a C library, destroyed with its scope.
#pragma once

namespace clearcut::cuda {

class Made {
 public:
  explicit Made(int (*destroy)(void*)) : destroy_(destroy) {}
  ~Made() {
    if (made_ != nullptr) destroy_(made_);
  }
  Made(Made&& other) noexcept : made_(other.made_), destroy_(other.destroy_) { other.made_ = nullptr; }
  Made(const Made&) = delete;
  Made& operator=(const Made&) = delete;

  void** out() { return &made_; }  // for the library's create()
  operator void*() const { return made_; }

 private:
  void* made_ = nullptr;
  int (*destroy_)(void*);
};

}  // namespace clearcut::cuda
