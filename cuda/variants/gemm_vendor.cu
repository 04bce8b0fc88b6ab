// c = a b through cuBLASLt: the yardstick, on a GPU only.
#include "cuda/vendor/cublas_lt.h"
#include "cuda/vendor/gemm.h"
#include "tensor/cuda_variants.h"

namespace clearcut::cuda::variants {

extern const Gemm gemm_vendor = {.name = "vendor",
                                 .multiply = [](const Product& p) { vendor_multiply(p.a, p.b, p.c); },
                                 .fits = [](const Product&) { return cublas_lt_works(); }};

}  // namespace clearcut::cuda::variants
