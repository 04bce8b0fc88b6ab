#include "autograd/matmul.h"

#include "autograd/op_case.h"

namespace clearcut {
namespace {

OpFunction product(MatmulOptions options) {
  return [options](const Inputs& in) { return matmul(in[0], in[1], options); };
}
Var use_linear(const Inputs& in) { return linear(in[0], in[1], in.size() > 2 ? in[2] : Var()); }
Var zeros(const Shape& shape) { return Var(Tensor::zeros(shape)); }

// Sizes around the panel and block sizes of the fast product, single rows and columns, and one long K.
const bool added = add_cases({
    {.name = "matmul",
     .shapes = {{{1, 1}, {1, 1}}, {{1, 5}, {5, 7}}, {{13, 3}, {3, 1}}, {{17, 31}, {31, 9}}},
     .f = product({}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 31,
     .golden = "matmul/nn",
     .bad = {{[] {
                matmul(zeros({2, 3}), zeros({4, 5}));
              },
              "a has 3 columns and b 4 rows"},
             {[] {
                matmul(zeros({2, 3}), zeros({3, 2, 5}));
              },
              "a has 3 columns and b 2 rows"},
             {[] {
                matmul(zeros({2, 4, 3}), zeros({3, 3, 5}));
              },
              "batches must be equal"},
             {[] {
                matmul(zeros({3}), zeros({3, 5}));
              },
              "a must be [rows, cols]"},
             {[] {
                matmul(zeros({2, 3}), zeros({2, 3}), {.transpose_a = true, .transpose_b = true});
              },
              "a has 2 columns (transposed) and b 3 rows (transposed)"}}},
    {.name = "matmul both transposed",
     .shapes = {{{7, 5}, {3, 7}}, {{23, 17}, {9, 23}}},
     .f = product({.transpose_a = true, .transpose_b = true}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 23,
     .golden = "matmul/tt"},
    {.name = "matmul batch",
     .shapes = {{{3, 5, 7}, {3, 7, 4}}},
     .f = product({}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 7,
     .golden = "matmul/batch"},
    {.name = "matmul batch b transposed",
     .shapes = {{{2, 5, 7}, {2, 4, 7}}},
     .f = product({.transpose_b = true}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 7,
     .golden = "matmul/batch_nt"},
    {.name = "matmul one b for all",
     .shapes = {{{3, 5, 7}, {7, 4}}},
     .f = product({}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 15,
     .golden = "matmul/shared_b"},
    {.name = "matmul one a for all transposed",
     .shapes = {{{7, 5}, {3, 7, 4}}},
     .f = product({.transpose_a = true}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 12,
     .golden = "matmul/shared_a_tn"},
    {.name = "linear",
     .shapes = {{{5, 7}, {3, 7}, {3}}, {{1, 33}, {10, 33}, {10}}},
     .f = use_linear,
     .fast_forward = true,
     .fast_backward = true,
     .terms = 33,
     .golden = "matmul/linear",
     .bad = {{[] {
                linear(zeros({2, 3}), zeros({5, 4}));
              },
              "x must be [..., K] with K = 4"},
             {[] {
                linear(zeros({2, 3}), zeros({5, 3}), zeros({4}));
              },
              "bias must be [5]"}}},
    {.name = "linear rank 3 without bias",
     .shapes = {{{2, 3, 7}, {5, 7}}},
     .f = use_linear,
     .fast_forward = true,
     .fast_backward = true,
     .terms = 7,
     .golden = "matmul/linear_rank3"},
});

}  // namespace
}  // namespace clearcut
