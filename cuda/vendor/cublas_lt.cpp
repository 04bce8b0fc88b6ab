#include "cuda/vendor/cublas_lt.h"

#include "cuda/vendor/library.h"

namespace clearcut::cuda {

namespace {

const CublasLt* replacement = nullptr;
void* open_handle = nullptr;

CublasLt opened() {
  const SharedLibrary library = open_library("cuBLASLt", "libcublasLt.so.13");
  CublasLt f{};
  library.find(f.version, "cublasLtGetVersion");
  library.find(f.status_text, "cublasLtGetStatusString");
  library.find(f.create, "cublasLtCreate");
  library.find(f.desc_create, "cublasLtMatmulDescCreate");
  library.find(f.desc_set, "cublasLtMatmulDescSetAttribute");
  library.find(f.desc_destroy, "cublasLtMatmulDescDestroy");
  library.find(f.layout_create, "cublasLtMatrixLayoutCreate");
  library.find(f.layout_set, "cublasLtMatrixLayoutSetAttribute");
  library.find(f.layout_destroy, "cublasLtMatrixLayoutDestroy");
  library.find(f.preference_create, "cublasLtMatmulPreferenceCreate");
  library.find(f.preference_set, "cublasLtMatmulPreferenceSetAttribute");
  library.find(f.preference_destroy, "cublasLtMatmulPreferenceDestroy");
  library.find(f.heuristic, "cublasLtMatmulAlgoGetHeuristic");
  library.find(f.matmul, "cublasLtMatmul");
  f.place = library.place();
  return f;
}

}  // namespace

const CublasLt& cublas_lt() {
  if (replacement != nullptr) return *replacement;
  static const CublasLt functions = opened();
  return functions;
}

void* cublas_lt_handle() {
  if (open_handle == nullptr) {
    void* handle = nullptr;
    check_cublas_lt(cublas_lt().create(&handle), "opening it on this machine's GPU");
    open_handle = handle;
  }
  return open_handle;
}

bool cublas_lt_works() {
  static const bool works = opens(cublas_lt_handle);
  return replacement != nullptr || works;
}

void check_cublas_lt(int status, const char* what) {
  if (status != 0) fail("cuBLASLt", what, ": ", cublas_lt().status_text(status));
}

void replace_cublas_lt(const CublasLt* functions) {
  replacement = functions;
  open_handle = nullptr;
}

}  // namespace clearcut::cuda
