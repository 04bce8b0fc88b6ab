// The part of cuBLASLt's C interface that is used here, declared so that no header of NVIDIA's is needed to
// build (tests/gpu/vendor_headers.cpp compares it with them). Names and numbers are the library's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace clearcut::cuda {

namespace lt {
enum DataType : int { kFloat32 = 0, kFloat64 = 1 };  // cudaDataType
enum Compute : int {
  kExact32 = 68,
  kHalf = 74,
  kBf16 = 75,
  kTf32 = 77,
  kExact64 = 70
};  // cublasComputeType_t
enum DescAttribute : int { kTransA = 3, kTransB = 4 };
enum LayoutAttribute : int { kBatchCount = 5, kBatchOffset = 6 };
enum PreferenceAttribute : int { kMostWorkspace = 1, kAlignA = 5, kAlignB = 6, kAlignC = 7, kAlignD = 8 };
enum Operation : std::int32_t { kPlain = 0, kTransposed = 1 };  // cublasOperation_t

struct Algorithm {
  std::uint64_t data[8];
};
struct Heuristic {
  Algorithm algorithm;
  std::size_t workspace;
  int status;
  float waves;
  int reserved[4];
};
}  // namespace lt

/// Its functions; each returns 0 or an error that status_text() explains. Handles are pointers.
struct CublasLt {
  std::size_t (*version)();
  const char* (*status_text)(int status);
  int (*create)(void** handle);
  int (*desc_create)(void** desc, lt::Compute compute, lt::DataType scale);
  int (*desc_set)(void* desc, lt::DescAttribute attribute, const void* value, std::size_t bytes);
  int (*desc_destroy)(void* desc);
  /// Matrices are column-major: (row, col) lies at row + col * ld.
  int (*layout_create)(void** layout, lt::DataType type, std::uint64_t rows, std::uint64_t cols,
                       std::int64_t ld);
  int (*layout_set)(void* layout, lt::LayoutAttribute attribute, const void* value, std::size_t bytes);
  int (*layout_destroy)(void* layout);
  int (*preference_create)(void** preference);
  int (*preference_set)(void* preference, lt::PreferenceAttribute attribute, const void* value,
                        std::size_t bytes);
  int (*preference_destroy)(void* preference);
  int (*heuristic)(void* handle, void* desc, void* a, void* b, void* c, void* d, void* preference, int wanted,
                   lt::Heuristic* results, int* found);
  /// d = alpha op(a) op(b) + beta c
  int (*matmul)(void* handle, void* desc, const void* alpha, const void* a, void* layout_a, const void* b,
                void* layout_b, const void* beta, const void* c, void* layout_c, void* d, void* layout_d,
                const lt::Algorithm* algorithm, void* workspace, std::size_t workspace_bytes, void* stream);

  std::string place;  // the file that it came from
};

/// Opens the library at the first call. Throws Error if it is not there.
const CublasLt& cublas_lt();
/// Its handle for this machine's GPU, opened at the first call. Throws Error if there is none.
void* cublas_lt_handle();
/// Whether there are a driver and a handle, or a stand-in. Looked up once.
bool cublas_lt_works();
/// Throws Error "cuBLASLt: what: its text" unless the status is 0.
void check_cublas_lt(int status, const char* what);
/// Tests put functions of their own in its place; null: the library again. The next handle is opened anew.
void replace_cublas_lt(const CublasLt* functions);

}  // namespace clearcut::cuda
