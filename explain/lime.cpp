// LIME and Kernel SHAP: linear models of what the score does while pieces are switched off at random.
#include <algorithm>
#include <cmath>

#include "explain/global_prior.h"
#include "explain/least_squares.h"
#include "tensor/random.h"

namespace clearcut {

namespace {

constexpr std::int64_t kSettleRows = 100;  // between two looks at the weights

// Rows of pieces, scored and fitted, of all pictures of a batch.
struct LinearModels {
  std::function<Bits(std::int64_t n, std::int64_t i)> draw;
  std::function<double(std::int64_t n, const Bits& on)> weight;
  std::function<LinearFit(std::int64_t n, const LeastSquares& sums)> fit;
};

double largest_of(const std::vector<double>& values) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

// True if no coefficient moved by more than `share` of the largest.
bool settled(const std::vector<double>& before, const std::vector<double>& now, double share) {
  double moved = 0;
  for (std::size_t j = 0; j < now.size(); ++j) moved = std::max(moved, std::abs(now[j] - before[j]));
  return moved <= share * largest_of(now);
}

// One picture while its rows come in.
struct Progress {
  LeastSquares sums;
  LinearFit fit = {};
  std::int64_t quiet = 0;  // looks in a row at which the weights had settled
};

// Rows up to `samples`, or until the weights have stood still at two looks in a row.
Explanation fit_pieces(Passes& passes, const ExplainInput& input, const ExplainOptions& options,
                       const std::vector<Pieces>& pieces, const LinearModels& model) {
  const std::int64_t samples = samples_of(options);
  const std::int64_t round = options.settle > 0 ? std::min(samples, kSettleRows) : samples;
  std::vector<Progress> progress;
  for (const Pieces& one : pieces) progress.push_back({.sums = LeastSquares(one.K)});
  std::vector<double> row;
  const auto use = [&](std::int64_t n, std::int64_t, const Bits& on, double score) {
    row.assign(on.begin(), on.end());
    progress[static_cast<std::size_t>(n)].sums.add(row.data(), score, model.weight(n, on));
  };
  for (std::int64_t first = 0; first < samples; first += round) {
    PieceVersions versions{
        .first = std::vector<std::int64_t>(pieces.size(), first), .draw = model.draw, .use = use};
    for (const Progress& p : progress)
      versions.count.push_back(p.quiet < 2 ? std::min(round, samples - first) : 0);
    score_pieces(passes, input, pieces, versions);
    for (std::size_t n = 0; n < pieces.size(); ++n) {
      Progress& p = progress[n];
      if (versions.count[n] == 0) continue;
      LinearFit now = model.fit(static_cast<std::int64_t>(n), p.sums);
      const bool still = first > 0 && settled(p.fit.coefficients, now.coefficients, options.settle);
      p.quiet = still ? p.quiet + 1 : 0;
      p.fit = std::move(now);
    }
  }
  std::vector<std::vector<double>> coefficients;
  for (Progress& p : progress) coefficients.push_back(std::move(p.fit.coefficients));
  Explanation result = painted(pieces, std::move(coefficients), options);
  for (const Progress& p : progress) {
    result.fit.push_back(p.fit.r2);
    result.samples.push_back(p.sums.rows());
  }
  return result;
}

std::int64_t count_on(const Bits& on) { return std::count(on.begin(), on.end(), 1); }

// 1 - the cosine of the angle between a picture and its versions, from sums over pieces.
class PictureDistance {
 public:
  PictureDistance(const Pieces& pieces, const Tensor& x)
      : xx_(size(pieces)), xo_(size(pieces)), oo_(size(pieces)) {
    const std::int64_t n = pieces.labels.numel();
    const std::int32_t* s = pieces.labels.data<const std::int32_t>();
    const float* p = x.data<const float>();
    for (std::int64_t j = 0; j < x.numel(); ++j) {
      const auto k = static_cast<std::size_t>(s[j % n]);
      const double value = p[j], off = pieces.off[static_cast<std::size_t>(j / n * pieces.K) + k];
      xx_[k] += value * value;
      xo_[k] += value * off;
      oo_[k] += off * off;
    }
  }
  double operator()(const Bits& on) const {
    double whole = 0, product = 0, square = 0;
    for (std::size_t k = 0; k < on.size(); ++k) {
      whole += xx_[k];
      product += on[k] ? xx_[k] : xo_[k];
      square += on[k] ? xx_[k] : oo_[k];
    }
    return whole > 0 && square > 0 ? 1 - product / std::sqrt(whole * square) : 1;
  }

 private:
  static std::size_t size(const Pieces& pieces) { return static_cast<std::size_t>(pieces.K); }
  std::vector<double> xx_, xo_, oo_;  // sums of x x, x off, off off
};

double bits_weight(const Bits& on) {
  const double distance = 1 - std::sqrt(static_cast<double>(count_on(on)) / static_cast<double>(on.size()));
  return std::sqrt(std::exp(-distance * distance / (0.25 * 0.25)));
}

}  // namespace

Bits lime_bits(const ExplainInput& input, std::int64_t n, std::int64_t i, std::int64_t K) {
  Bits on(static_cast<std::size_t>(K), 1);
  const RandomStream stream(input.seed, "lime", input.items[static_cast<std::size_t>(n)],
                            static_cast<std::uint32_t>(i));
  for (std::int64_t j = 0; i > 0 && j < K; ++j)
    on[static_cast<std::size_t>(j)] = static_cast<std::uint8_t>(stream.bits(j) >> 31U);
  return on;
}

Bits kernel_shap_bits(const ExplainInput& input, std::int64_t n, std::int64_t i, std::int64_t K) {
  if (i == 0 || i == 1 || K == 1) return Bits(static_cast<std::size_t>(K), i != 1);
  const std::uint64_t item = input.items[static_cast<std::size_t>(n)];
  const auto step = static_cast<std::uint32_t>(i);
  double total = 0, sum = 0;
  for (std::int64_t k = 1; k < K; ++k) total += 1.0 / static_cast<double>(k * (K - k));
  const double drawn = RandomStream(input.seed, "kernelshap size", item, step).uniform(0) * total;
  std::int64_t size = 1;
  for (; size < K - 1; ++size) {
    sum += 1.0 / static_cast<double>(size * (K - size));
    if (drawn < sum) break;
  }
  const auto order = permutation(RandomStream(input.seed, "kernelshap", item, step), K);
  Bits on(static_cast<std::size_t>(K));
  for (std::int64_t j = 0; j < size; ++j)
    on[static_cast<std::size_t>(order[static_cast<std::size_t>(j)])] = 1;
  return on;
}

Explanation lime(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  const std::vector<Pieces> pieces = cut_pictures(passes, input, options);
  std::vector<PictureDistance> distances;
  if (options.nearness == Nearness::kPicture)
    for (std::size_t n = 0; n < pieces.size(); ++n)
      distances.emplace_back(pieces[n], input.x[static_cast<std::int64_t>(n)]);
  const auto weight = [&](std::int64_t n, const Bits& on) {
    if (distances.empty()) return bits_weight(on);
    const double distance = distances[static_cast<std::size_t>(n)](on);
    return std::exp(-distance * distance / 2);
  };
  return fit_pieces(
      passes, input, options, pieces,
      {.draw = [&](std::int64_t n,
                   std::int64_t i) { return lime_bits(input, n, i, pieces[static_cast<std::size_t>(n)].K); },
       .weight = weight,
       .fit = [&](std::int64_t,
                  const LeastSquares& sums) { return sums.fit(options.penalty, options.penalty_weight); }});
}

Explanation g_lime(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  const std::vector<Pieces> pieces = cut_pictures(passes, input, options);
  std::vector<std::vector<double>> priors;
  if (options.prior.empty()) {
    for (const Pieces& one : pieces) priors.emplace_back(static_cast<std::size_t>(one.K));
  } else {
    const GlobalPrior prior = read_prior(options.prior);
    const std::vector<Tensor> descriptors = describe_pieces(passes, input, pieces, prior.layer);
    for (std::size_t n = 0; n < pieces.size(); ++n)
      priors.push_back(prior.of_pieces(descriptors[n], input.targets[n]));
  }
  return fit_pieces(
      passes, input, options, pieces,
      {.draw = [&](std::int64_t n,
                   std::int64_t i) { return lime_bits(input, n, i, pieces[static_cast<std::size_t>(n)].K); },
       .weight = [](std::int64_t, const Bits& on) { return bits_weight(on); },
       .fit =
           [&](std::int64_t n, const LeastSquares& sums) {
             return sums.fit_towards(priors[static_cast<std::size_t>(n)], options.pull);
           }});
}

Explanation kernel_shap(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  check(samples_of(options) >= 2, "kernelshap", "samples must be >= 2; got ", samples_of(options));
  const std::vector<Pieces> pieces = cut_pictures(passes, input, options);
  const auto weight = [](std::int64_t, const Bits& on) {
    const std::int64_t count = count_on(on);
    return count == 0 || count == static_cast<std::int64_t>(on.size()) ? 1e6 : 1.0;
  };
  return fit_pieces(passes, input, options, pieces,
                    {.draw =
                         [&](std::int64_t n, std::int64_t i) {
                           return kernel_shap_bits(input, n, i, pieces[static_cast<std::size_t>(n)].K);
                         },
                     .weight = weight,
                     .fit = [](std::int64_t, const LeastSquares& sums) { return sums.fit(); }});
}

}  // namespace clearcut
