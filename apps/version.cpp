#include "apps/version.h"

#include "tensor/error.h"

namespace clearcut::apps {

std::string version_text() {
  return cat("clearcut 0.1.0\ncompiler: g++ ", __VERSION__, "\nC++: ", __cplusplus, "\nthreads: OpenMP ",
             _OPENMP);
}

}  // namespace clearcut::apps
