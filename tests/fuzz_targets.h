// Every reader of foreign bytes, with whole files to start from: for the damage tests.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tensor/deflate.h"

namespace clearcut::test {

struct FuzzTarget {
  std::string name;
  std::vector<Bytes> seeds;            // files that are read without error
  std::function<void(ByteView)> read;  // may throw Error, nothing else
};

const std::vector<FuzzTarget>& fuzz_targets();

}  // namespace clearcut::test
