// One forward and backward pass of an operator row, and how near two of them must be.
#pragma once

#include <string>
#include <vector>

#include "autograd/op_case.h"

namespace clearcut::test {

struct OpRun {
  Tensor y;
  std::vector<Tensor> grads;
  std::int64_t fast_forward = 0, fast_backward = 0;  // bodies entered: see enter_fast_body()
};

/// Runs f on clones of the inputs; dy is drawn if it is not given, the same numbers for any dtype and device.
OpRun run_op(const OpFunction& f, const std::vector<Tensor>& inputs, const Tensor& dy = {});

/// How far a float result of the row may be from `expected`, in double.
double op_tolerance(const OpCase& row, const Tensor& expected);

/// Fails the test unless shapes are equal and no element differs by more than `tolerance`. Any device.
void expect_close(const Tensor& got, const Tensor& expected, double tolerance, const std::string& what);

}  // namespace clearcut::test
