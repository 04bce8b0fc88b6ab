// The part of NCCL's C interface that is used here, declared so that no header of NVIDIA's is needed to build
// (tests/gpu/vendor_headers.cpp compares it with them). Names and numbers are the library's.
#pragma once

#include <cstddef>
#include <string>

namespace clearcut::cuda {

namespace nccl {
struct Ticket {
  char bytes[128];
};
constexpr int kFloat32 = 7, kFloat64 = 8, kSum = 0;
}  // namespace nccl

/// Its functions; each returns 0 or an error that error_text() explains. A communicator is a pointer.
struct Nccl {
  int (*version)(int* number);
  const char* (*error_text)(int status);
  const char* (*last_error)(void* communicator);  // more about the last error; the communicator may be null
  int (*draw_ticket)(nccl::Ticket* ticket);
  int (*join)(void** communicator, int ranks, nccl::Ticket ticket, int rank);
  int (*leave)(void* communicator);
  int (*all_reduce)(const void* from, void* to, std::size_t n, int type, int operation, void* communicator,
                    void* stream);
  int (*all_gather)(const void* from, void* to, std::size_t n, int type, void* communicator, void* stream);

  std::string place;  // the file that it came from
};

/// Opens the library at the first call. Throws Error if it is not there.
const Nccl& nccl_library();
/// Tests put functions of their own in its place; null: the library again.
void replace_nccl(const Nccl* functions);

}  // namespace clearcut::cuda
