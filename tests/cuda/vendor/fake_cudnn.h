// Stands in for cuDNN on the emulated device: legacy descriptors and the graph back end as its manual
// describes them, convolutions by the reference loops.
#pragma once

#include <string>
#include <vector>

#include "cuda/vendor/cudnn.h"

namespace clearcut::test {

/// Puts itself in the library's place for its lifetime.
class FakeCudnn {
 public:
  FakeCudnn();
  ~FakeCudnn();

  /// Notes of the engines that the heuristics suggest, the best first. An engine whose notes hold -1 is
  /// refused when a plan of it is made.
  std::vector<std::vector<int>> engines = {{}};
  /// Legacy algorithms: whether each is deterministic.
  std::vector<int> algorithms = {1};

  std::vector<std::string> calls;  // "graph forward engine 0", "legacy weight algorithm 0 math 3"
  int plans_made = 0;
};

}  // namespace clearcut::test
