// libFuzzer's door to the readers of foreign files. CLEARCUT_FUZZ_TARGET names the reader, one of
// fuzz_targets(); CLEARCUT_FUZZ_SEEDS a folder that gets the whole files to start from. See tools/fuzz.sh.
#include <cstdlib>
#include <iostream>

#include "tensor/file.h"
#include "tensor/memory.h"
#include "tests/fuzz_targets.h"

namespace clearcut::test {
namespace {

[[noreturn]] void complain(const std::string& what) {
  std::cerr << what << std::endl;
  __builtin_trap();  // libFuzzer keeps the file that led here
}

const FuzzTarget& chosen_target() {
  const char* name = std::getenv("CLEARCUT_FUZZ_TARGET");
  std::string known;
  for (const FuzzTarget& target : fuzz_targets()) {
    if (name != nullptr && target.name == name) return target;
    known += " " + target.name;
  }
  std::cerr << "CLEARCUT_FUZZ_TARGET must name one of:" << known << std::endl;
  std::exit(2);
}

void read(const FuzzTarget& target, ByteView bytes) {
  const PeakMeter meter;
  try {
    target.read(bytes);
  } catch (const Error& error) {
    if (std::string(error.what()).empty()) complain("an error without a text");
  }
  if (meter.bytes_above_start() > target.most_memory(bytes.size()))
    complain(cat(bytes.size(), " bytes of a file took ", meter.bytes_above_start(), " bytes of tensors"));
  if (!memory_damage().empty()) complain(memory_damage());
}

}  // namespace
}  // namespace clearcut::test

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  using namespace clearcut;
  set_memory_debug(true);  // tensors share blocks, in which the address sanitizer sees no borders
  const test::FuzzTarget& target = test::chosen_target();
  if (const char* folder = std::getenv("CLEARCUT_FUZZ_SEEDS"))
    for (std::size_t i = 0; i < target.seeds.size(); ++i)
      write_file(cat(folder, "/seed_", i), target.seeds[i]);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  clearcut::test::read(clearcut::test::chosen_target(), {data, size});
  return 0;
}
