// Sums, means, maxima and log-sum-exps of a Var.
#pragma once

#include <vector>

#include "autograd/var.h"

namespace clearcut {

/// The sum or mean of all elements: a scalar.
Var sum(const Var& x);
Var mean(const Var& x);
/// Over `dims` (each once; negative ones count from the end); with `keep` they stay with size 1.
Var sum(const Var& x, const std::vector<int>& dims, bool keep = false);
Var mean(const Var& x, const std::vector<int>& dims, bool keep = false);

/// The largest element along `dim`; its gradient goes to the first maximum.
Var max(const Var& x, int dim, bool keep = false);

/// log(sum over `dim` of exp(x)), safe from overflow.
Var log_sum_exp(const Var& x, int dim, bool keep = false);

/// For x [N, C]: y[n] = log(sum over c in columns[n] of exp(x[n, c])), shape [N]; one column gives x itself.
/// Throws Error unless there is one non-empty list of columns in [0, C) per row.
Var log_sum_exp(const Var& x, const std::vector<std::vector<std::int64_t>>& columns);

}  // namespace clearcut
