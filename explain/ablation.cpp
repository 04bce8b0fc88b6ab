// Feature ablation, feature permutation and Shapley value sampling: pieces of the picture switched off one by
// one, changed one by one, or added one by one in random order.
#include <algorithm>

#include "explain/perturbation.h"
#include "explain/versions.h"
#include "tensor/ops/rearrange.h"
#include "tensor/ops/show_regions.h"
#include "tensor/random.h"

namespace clearcut {

namespace {

std::vector<std::vector<double>> zeros_of(const std::vector<Pieces>& pieces) {
  std::vector<std::vector<double>> zeros;
  for (const Pieces& one : pieces) zeros.emplace_back(static_cast<std::size_t>(one.K));
  return zeros;
}

// The picture [C, H, W] moved around itself: y[c, i, j] = x[c, (i + down) mod H, (j + right) mod W].
Tensor moved(const Tensor& x, std::int64_t down, std::int64_t right) {
  const Tensor y = empty_like(x);
  const std::int64_t H = x.dim(1), W = x.dim(2);
  ops::copy_box(x, {down, right}, y, {0, 0}, {H - down, W - right});
  ops::copy_box(x, {down, 0}, y, {0, W - right}, {H - down, right});
  ops::copy_box(x, {0, right}, y, {H - down, 0}, {down, W - right});
  ops::copy_box(x, {0, 0}, y, {H - down, W - right}, {down, right});
  return y;
}

}  // namespace

Explanation feature_ablation(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  const std::vector<Pieces> pieces = cut_pictures(passes, input, options);
  std::vector<std::vector<double>> drop = zeros_of(pieces);
  PieceVersions versions{.draw = [&](std::int64_t n, std::int64_t i) {
    Bits on(drop[static_cast<std::size_t>(n)].size(), 1);
    if (i > 0) on[static_cast<std::size_t>(i - 1)] = 0;
    return on;
  }};
  for (const Pieces& one : pieces) versions.count.push_back(1 + one.K);
  double whole = 0;  // the score of the picture as it is
  versions.use = [&](std::int64_t n, std::int64_t i, const Bits&, double score) {
    if (i == 0)
      whole = score;
    else
      drop[static_cast<std::size_t>(n)][static_cast<std::size_t>(i - 1)] = whole - score;
  };
  score_pieces(passes, input, pieces, versions);
  return painted(pieces, std::move(drop), options);
}

Explanation feature_permutation(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  const std::vector<Pieces> pieces = cut_pictures(passes, input, options);
  const std::int64_t samples = samples_of(options);
  std::vector<std::vector<double>> drop = zeros_of(pieces);
  double whole = 0;
  const Tensor x = input.x.to(passes.device());
  std::vector<Tensor> labels;
  for (const Pieces& one : pieces) labels.push_back(one.labels.to(passes.device()));
  // Through piece (i - 1) / samples the picture shows what stands elsewhere.
  const auto fill = [&](std::int64_t n, std::int64_t i, const Tensor& slot) {
    if (i == 0) return slot.copy_from(x[n]);
    const auto item = static_cast<std::size_t>(n);
    const RandomStream stream(input.seed, "permutation", input.items[item], static_cast<std::uint32_t>(i));
    Bits on(static_cast<std::size_t>(pieces[item].K), 1);
    on[static_cast<std::size_t>((i - 1) / samples)] = 0;
    ops::show_regions(x[n], labels[item], Tensor::from<std::uint8_t>({pieces[item].K}, on, passes.device()),
                      moved(x[n], stream.below(0, x.dim(2)), stream.below(1, x.dim(3))), slot);
  };
  Versions versions{
      .fill = fill, .on_device = true, .use = [&](std::int64_t n, std::int64_t i, double score) {
        if (i == 0)
          whole = score;
        else
          drop[static_cast<std::size_t>(n)][static_cast<std::size_t>((i - 1) / samples)] +=
              (whole - score) / static_cast<double>(samples);
      }};
  for (const Pieces& one : pieces) versions.count.push_back(1 + one.K * samples);
  score_versions(passes, input, versions);
  return painted(pieces, std::move(drop), options);
}

std::vector<std::int64_t> shapley_order(const ExplainInput& input, std::int64_t n, std::int64_t p,
                                        std::int64_t K) {
  return permutation(RandomStream(input.seed, "shapley", input.items[static_cast<std::size_t>(n)],
                                  static_cast<std::uint32_t>(p)),
                     K);
}

namespace {

// Version 0 shows everything, 1 nothing, 2 + p (K - 1) + t the first t + 1 pieces of order p.
Bits shapley_bits(const ExplainInput& input, std::int64_t n, std::int64_t i, std::int64_t K) {
  Bits on(static_cast<std::size_t>(K), i == 0);
  if (i < 2) return on;
  const auto order = shapley_order(input, n, (i - 2) / (K - 1), K);
  for (std::int64_t t = 0; t <= (i - 2) % (K - 1); ++t)
    on[static_cast<std::size_t>(order[static_cast<std::size_t>(t)])] = 1;
  return on;
}

}  // namespace

Explanation shapley_sampling(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  const std::vector<Pieces> pieces = cut_pictures(passes, input, options);
  const std::int64_t samples = samples_of(options);
  std::vector<std::vector<double>> value = zeros_of(pieces);
  PieceVersions versions{.draw = [&](std::int64_t n, std::int64_t i) {
    return shapley_bits(input, n, i, pieces[static_cast<std::size_t>(n)].K);
  }};
  for (const Pieces& one : pieces) versions.count.push_back(2 + samples * (one.K - 1));
  double all = 0, none = 0, before = 0;
  std::vector<std::int64_t> order;
  versions.use = [&](std::int64_t n, std::int64_t i, const Bits&, double score) {
    const std::int64_t K = pieces[static_cast<std::size_t>(n)].K;
    std::vector<double>& v = value[static_cast<std::size_t>(n)];
    if (i == 0) all = score;
    if (i == 1) none = score;
    if (i == 1 && K == 1) v[0] = all - none;
    if (i < 2) return;
    const std::int64_t t = (i - 2) % (K - 1);
    if (t == 0) {
      order = shapley_order(input, n, (i - 2) / (K - 1), K);
      before = none;
    }
    const auto share = [&](std::int64_t place, double gain) {
      v[static_cast<std::size_t>(order[static_cast<std::size_t>(place)])] +=
          gain / static_cast<double>(samples);
    };
    share(t, score - before);
    before = score;
    if (t == K - 2) share(K - 1, all - score);
  };
  score_pieces(passes, input, pieces, versions);
  return painted(pieces, std::move(value), options);
}

}  // namespace clearcut
