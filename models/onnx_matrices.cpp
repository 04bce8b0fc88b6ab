// Matrix products and softmax of an ONNX graph.
#include <limits>
#include <numeric>

#include "autograd/arithmetic.h"
#include "autograd/matmul.h"
#include "autograd/rearrange.h"
#include "autograd/softmax.h"
#include "models/onnx_node.h"

namespace clearcut::onnx {

namespace {

using Ints = std::vector<std::int64_t>;
using Values = std::vector<Var>;

// Since opset 13 over one axis (default the last); before, over `axis` (default 1) and all later ones.
template <Var (*f)(const Var&, int)>
Run build_softmax(NodeReader& node) {
  node.inputs(1, 1);
  const std::int64_t axis = node.integer("axis", node.opset < 13 ? 1 : -1);
  const bool single = node.opset >= 13;
  return [axis, single](const Values& in) {
    const Ints sizes = in[0].shape().sizes();
    const std::int64_t at = positive_axis(axis, static_cast<std::int64_t>(sizes.size()), "softmax");
    if (single || at + 1 == static_cast<std::int64_t>(sizes.size())) return f(in[0], static_cast<int>(at));
    const std::int64_t rows =
        std::accumulate(sizes.begin(), sizes.begin() + at, std::int64_t{1}, std::multiplies<>());
    return reshape(f(reshape(in[0], {rows, -1}), 1), sizes);
  };
}

// alpha A' B' + beta C, with A' = A or its transpose.
Run build_gemm(NodeReader& node) {
  node.inputs(2, 3);
  const MatmulOptions options{.transpose_a = node.integer("transA", 0) != 0,
                              .transpose_b = node.integer("transB", 0) != 0};
  const double alpha = node.real("alpha", 1), beta = node.real("beta", 1);
  return [=](const Values& in) {
    check(in[0].shape().rank() == 2 && in[1].shape().rank() == 2, "gemm", "A and B must be matrices, got ",
          in[0].shape(), " and ", in[1].shape());
    const bool has_c = in.size() > 2 && in[2].defined();
    if (has_c && !options.transpose_a && options.transpose_b && alpha == 1 && beta == 1 &&
        in[2].shape() == Shape{in[1].dim(0)})
      return linear(in[0], in[1], in[2]);
    Var y = matmul(in[0], in[1], options);
    if (alpha != 1) y = y * alpha;
    if (has_c) y = y + (beta == 1 ? in[2] : in[2] * beta);
    return y;
  };
}

// The product of the last two dimensions; the others are a batch. A matrix serves the whole batch.
Var product(const Var& a, const Var& b) {
  const int rank = a.shape().rank(), other = b.shape().rank();
  if (rank <= 3 && other <= 3) return matmul(a, b);
  Ints sizes = a.shape().sizes();
  sizes.back() = b.dim(-1);
  if (other == 2) return reshape(matmul(reshape(a, {-1, a.dim(-1)}), b), sizes);
  const Ints right = b.shape().sizes();
  check(rank == other && std::equal(sizes.begin(), sizes.end() - 2, right.begin()), "matmul",
        "the leading dimensions must be the same; got ", a.shape(), " and ", b.shape());
  return reshape(matmul(reshape(a, {-1, a.dim(-2), a.dim(-1)}), reshape(b, {-1, b.dim(-2), b.dim(-1)})),
                 sizes);
}

Run build_matmul(NodeReader& node) {
  node.inputs(2, 2);
  return [](const Values& in) { return product(in[0], in[1]); };
}

constexpr BuilderRow kRows[] = {{"Gemm", build_gemm},
                                {"LogSoftmax", build_softmax<log_softmax>},
                                {"MatMul", build_matmul},
                                {"Softmax", build_softmax<softmax>}};

}  // namespace

BuilderTable matrix_builders() { return kRows; }

}  // namespace clearcut::onnx
