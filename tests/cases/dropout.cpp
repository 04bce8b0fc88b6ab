#include "autograd/dropout.h"

#include <cmath>
#include <set>

#include "autograd/op_case.h"

namespace clearcut {
namespace {

std::vector<double> drop_ones(const Shape& shape, const DropoutOptions& options) {
  return ops::dropout(Tensor::full(shape, 1.0, DType::kFloat64), options).values<double>();
}

// Of n independent decisions with probability p, a share within 5 standard deviations of p is zero.
void share_and_scale() {
  const std::int64_t n = 40000;
  const double p = 0.3;
  std::int64_t dropped = 0;
  for (const double v : drop_ones({1, n}, {.p = p})) {
    check(v == 0 || v == 1 / (1 - p), "test", "dropout of 1 gave ", v);
    dropped += v == 0;
  }
  const double deviation = std::sqrt(p * (1 - p) / static_cast<double>(n));
  check(std::abs(static_cast<double>(dropped) / static_cast<double>(n) - p) < 5 * deviation, "test", dropped,
        " of ", n, " dropped");
}

// The mask of picture 9 is the same alone and beside others; step, purpose and seed change it.
void mask_depends_on_its_key_only() {
  const auto alone = drop_ones({1, 50}, {.items = {9}});
  const auto batch = drop_ones({3, 50}, {.items = {4, 9, 7}});
  check(std::equal(alone.begin(), alone.end(), batch.begin() + 50), "test", "the batch changed a mask");
  const std::set<std::vector<double>> masks = {alone, drop_ones({1, 50}, {.items = {9}, .step = 1}),
                                               drop_ones({1, 50}, {.purpose = "fc", .items = {9}}),
                                               drop_ones({1, 50}, {.seed = 2, .items = {9}}),
                                               drop_ones({1, 50}, {.items = {8}})};
  check(masks.size() == 5, "test", "only ", masks.size(), " of 5 keys gave masks of their own");
}

void channels_drop_whole() {
  std::set<double> seen;
  const auto y = drop_ones({4, 20, 3, 5}, {.whole_channels = true});
  for (std::size_t c = 0; c < 80; ++c) {
    for (std::size_t i = 1; i < 15; ++i)
      check(y[c * 15 + i] == y[c * 15], "test", "channel ", c, " is mixed");
    seen.insert(y[c * 15]);
  }
  check(seen == std::set<double>{0, 2}, "test", "values must be 0 and 1 / (1 - 0.5)");
}

void oracle() {
  share_and_scale();
  mask_depends_on_its_key_only();
  channels_drop_whole();
  const Var x(Tensor::zeros({2, 3}));
  check(dropout(x, {.p = 0}).value().shares_storage(x.value()), "test", "p = 0 must change nothing");
}

const bool added = add_cases({
    {.name = "dropout",
     .shapes = {{{2, 3, 4, 5}}, {{3, 9001}}},
     .f = [](const Inputs& in) { return dropout(in[0], {.p = 0.3}); },
     .fast_forward = true,
     .fast_backward = true,
     .oracle = oracle,
     .bad = {{[] {
                ops::dropout(Tensor::zeros({2, 3}), {.p = 1});
              },
              "dropout: p must lie in [0, 1), got 1"},
             {[] {
                ops::dropout(Tensor::zeros({2, 3}), {.items = {1}});
              },
              "N = 2, got 1 ids"},
             {[] { ops::dropout(Tensor::zeros({2}), {.whole_channels = true}); }, "x must be [N, C, ...]"}}},
    {.name = "dropout of channels",
     .shapes = {{{2, 3, 4, 5}}},
     .f = [](const Inputs& in) { return dropout(in[0], {.p = 0.4, .whole_channels = true}); },
     .fast_forward = true,
     .fast_backward = true,
     .oracle = channels_drop_whole},
});

}  // namespace
}  // namespace clearcut
