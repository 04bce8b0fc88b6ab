// A stream of the card beside that of the kernels.
#pragma once

#include <memory>

namespace clearcut::cuda {

/// A queue of work that runs while kernels run, on the card of the thread that makes it. Its end waits for
/// its work. Throws Error if the card refuses a call.
class SideStream {
 public:
  SideStream();
  ~SideStream();
  SideStream(const SideStream&) = delete;
  SideStream& operator=(const SideStream&) = delete;

  /// Its work from now on begins after the kernels that were started before.
  void wait_for_kernels();
  /// Kernels and copies that are started from now on begin after the work that it has. The host does not
  /// wait.
  void let_kernels_wait();
  /// What libraries call a stream.
  void* handle() const;

 private:
  struct Streams;
  std::unique_ptr<Streams> streams_;
};

}  // namespace clearcut::cuda
