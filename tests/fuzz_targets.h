// Every reader of foreign bytes, with whole files to start from: for the damage tests.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tensor/deflate.h"

namespace clearcut::test {

struct FuzzTarget {
  std::string name;                    // tests/corpus/NAME has more files for it
  std::vector<Bytes> seeds;            // files that are read without error
  std::function<void(ByteView)> read;  // may throw Error, nothing else
  /// Most bytes of tensors for each byte of a file. The smallest tensor takes 1 KiB with its guards, which
  /// eight bytes can ask for.
  std::size_t growth = 128;
  std::size_t constant = 1 << 16;  // and besides

  std::size_t most_memory(std::size_t file_size) const { return constant + growth * file_size; }
};

const std::vector<FuzzTarget>& fuzz_targets();

}  // namespace clearcut::test
