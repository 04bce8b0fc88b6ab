// LIME: which superpixels, switched off at random, take the score with them.
#include <algorithm>
#include <cmath>

#include "explain/least_squares.h"
#include "explain/methods.h"
#include "explain/regions.h"
#include "explain/target.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace clearcut {

namespace {

// One picture: its superpixels, what they show when off, and the drawn bits.
struct Puzzle {
  Tensor segments;                 // int32 [H, W]
  std::int64_t K = 0;              // superpixels
  std::vector<float> off;          // [3, K]
  std::vector<std::uint8_t> bits;  // [rows, K]
  std::vector<double> score, weight;
};

std::vector<float> mean_colours(const Tensor& x, const Tensor& segments, std::int64_t K) {
  const std::int64_t n = segments.numel();
  const float* p = x.data<const float>();
  const std::int32_t* s = segments.data<const std::int32_t>();
  std::vector<double> sum(static_cast<std::size_t>(3 * K)), size(static_cast<std::size_t>(K));
  for (std::int64_t i = 0; i < n; ++i) {
    size[static_cast<std::size_t>(s[i])] += 1;
    for (std::int64_t c = 0; c < 3; ++c) sum[static_cast<std::size_t>(c * K + s[i])] += p[c * n + i];
  }
  std::vector<float> mean(sum.size());
  for (std::size_t i = 0; i < sum.size(); ++i)
    mean[i] = static_cast<float>(sum[i] / std::max(1.0, size[i % static_cast<std::size_t>(K)]));
  return mean;
}

void draw_bits(Puzzle& puzzle, std::int64_t rows, std::uint64_t seed, std::uint64_t item) {
  puzzle.bits.assign(static_cast<std::size_t>(rows * puzzle.K), 1);
  for (std::int64_t i = 0; i < rows; ++i) {
    const RandomStream stream(seed, "lime", item, static_cast<std::uint32_t>(i));
    std::int64_t on = puzzle.K;
    for (std::int64_t j = 0; i > 0 && j < puzzle.K; ++j) {
      const auto bit = static_cast<std::uint8_t>(stream.bits(j) >> 31U);
      puzzle.bits[static_cast<std::size_t>(i * puzzle.K + j)] = bit;
      on -= bit == 0;
    }
    const double distance = 1 - std::sqrt(static_cast<double>(on) / static_cast<double>(puzzle.K));
    puzzle.weight.push_back(std::sqrt(std::exp(-distance * distance / (0.25 * 0.25))));
  }
  puzzle.score.assign(static_cast<std::size_t>(rows), 0);
}

void render(const Puzzle& puzzle, std::int64_t row, const Tensor& x, const Tensor& slot) {
  const std::int64_t n = puzzle.segments.numel();
  const std::uint8_t* bit = puzzle.bits.data() + row * puzzle.K;
  const std::int32_t* s = puzzle.segments.data<const std::int32_t>();
  const float* from = x.data<const float>();
  float* to = slot.data<float>();
  for (std::int64_t c = 0; c < 3; ++c) {
    const float* off = puzzle.off.data() + c * puzzle.K;
    for (std::int64_t i = 0; i < n; ++i) to[c * n + i] = bit[s[i]] ? from[c * n + i] : off[s[i]];
  }
}

std::vector<Puzzle> make_puzzles(Passes& passes, const ExplainInput& input, std::int64_t rows,
                                 const ExplainOptions& options) {
  const std::vector<Tensor>& segments = passes.segments(input, options.superpixels);
  std::vector<Puzzle> puzzles(static_cast<std::size_t>(input.x.dim(0)));
  parallel_for(input.x.dim(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const auto item = static_cast<std::size_t>(k);
      Puzzle& puzzle = puzzles[item];
      puzzle.segments = segments[item];
      puzzle.K = region_count(puzzle.segments);
      puzzle.off = options.off == Off::kMeanColour
                       ? mean_colours(input.x[k], puzzle.segments, puzzle.K)
                       : std::vector<float>(static_cast<std::size_t>(3 * puzzle.K));
      draw_bits(puzzle, rows, input.seed, input.items[item]);
    }
  });
  return puzzles;
}

}  // namespace

Explanation lime(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  const std::int64_t N = input.x.dim(0), H = input.x.dim(2), W = input.x.dim(3);
  const std::int64_t samples = samples_of(options);
  std::vector<Puzzle> puzzles = make_puzzles(passes, input, samples, options);
  const auto puzzle_of = [&](std::int64_t r) -> Puzzle& {
    return puzzles[static_cast<std::size_t>(r / samples)];
  };
  const InputRows rows{.count = N * samples,
                       .shape = input.x.shape().without_leading(),
                       .fill = [&](std::int64_t r, const Tensor& slot) {
                         render(puzzle_of(r), r % samples, input.x[r / samples], slot);
                       }};
  passes.scores(rows, [&](std::int64_t r, const float* z) {
    puzzle_of(r).score[static_cast<std::size_t>(r % samples)] =
        target_score(z, passes.classes(), input.targets[static_cast<std::size_t>(r / samples)]);
  });
  Explanation result{.maps = Tensor({N, H, W}), .empty = {}, .coefficients = {}, .fit = {}};
  for (std::int64_t k = 0; k < N; ++k) {
    const Puzzle& puzzle = puzzles[static_cast<std::size_t>(k)];
    LinearFit fit = weighted_least_squares(puzzle.bits, puzzle.score, puzzle.weight);
    std::vector<float> value(fit.coefficients.size());
    reduce_channels(fit.coefficients.data(), 1, puzzle.K, reduction_of(options), value.data());
    result.maps[k].copy_from(paint_regions(puzzle.segments, std::vector<double>(value.begin(), value.end())));
    result.coefficients.push_back(std::move(fit.coefficients));
    result.fit.push_back(fit.r2);
  }
  return result;
}

}  // namespace clearcut
