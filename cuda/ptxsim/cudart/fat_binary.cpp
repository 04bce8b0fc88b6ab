#include "cuda/ptxsim/cudart/fat_binary.h"

#include <cstring>

#include "tensor/error.h"

namespace clearcut::ptxsim {

namespace {

struct Wrapper {
  std::int32_t magic, version;
  const unsigned char* data;
};
// The data: 16 bytes of header (size of it at 6, bytes behind it at 8), then entries.
struct Entry {
  std::uint16_t kind, unused;
  std::uint32_t header_bytes;
  std::uint64_t bytes;  // behind the header
};
constexpr std::uint16_t kPtx = 1;

template <class T>
T read(const unsigned char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace

std::string ptx_of(const void* wrapper) {
  const unsigned char* data = static_cast<const Wrapper*>(wrapper)->data;
  const unsigned char* at = data + read<std::uint16_t>(data + 6);
  const unsigned char* end = at + read<std::uint64_t>(data + 8);
  while (at < end) {
    const auto entry = read<Entry>(at);
    if (entry.kind == kPtx) {
      std::string text(reinterpret_cast<const char*>(at + entry.header_bytes), entry.bytes);
      text.resize(std::strlen(text.c_str()));
      check(text.find(".version") != std::string::npos, "ptx",
            "the PTX is compressed; build with --no-compress");
      return text;
    }
    at += entry.header_bytes + entry.bytes;
  }
  fail("ptx", "the program holds no PTX; build with -gencode arch=compute_80,code=compute_80");
}

}  // namespace clearcut::ptxsim
