// Stands in for cuBLASLt on the emulated device: plain loops over what its manual says of column-major
// matrices.
#pragma once

#include <vector>

#include "cuda/vendor/cublas_lt.h"

namespace clearcut::test {

struct FakeLayout {
  int type = -1;
  std::int64_t rows = 0, cols = 0, ld = 0, batch = 1, offset = 0;
};
/// What one call of matmul got.
struct FakeProduct {
  int compute = 0;
  bool transpose_a = false, transpose_b = false;
  FakeLayout a, b, d;
  std::size_t workspace = 0;
};

/// Puts itself in the library's place for its lifetime.
class FakeCublasLt {
 public:
  FakeCublasLt();
  ~FakeCublasLt();

  std::vector<FakeProduct> products;
  int heuristics_asked = 0, alive = 0;        // descriptors that were not destroyed
  bool no_algorithm = false, broken = false;  // it then finds none; it cannot be opened
};

}  // namespace clearcut::test
