#include "tensor/ops/region_losses.h"

#include <algorithm>
#include <numeric>

#include "tensor/ops/cross_entropy.h"
#include "tensor/ops/elementwise.h"
#include "tensor/parallel.h"

namespace clearcut::ops {

namespace {

RegionLoss prepare(const char* op, const Tensor& p, const Tensor& labels,
                   std::optional<std::int64_t> ignore) {
  check_rank(op, "p", p, 4, "[N, C, H, W]");
  check(labels.shape() == Shape{p.dim(0), p.dim(2), p.dim(3)}, op, "p ", p.shape(),
        " needs labels [N, H, W]; got ", labels.shape());
  RegionLoss r;
  r.labels = known_labels(op, p, labels, ignore);
  return r;
}

Tensor scalar(const Tensor& p, double value) { return Tensor::full({}, value, p.dtype(), p.device()); }

}  // namespace

RegionLoss dice_loss(const Tensor& p, const Tensor& labels, std::optional<std::int64_t> ignore,
                     double smooth) {
  RegionLoss r = prepare("dice_loss", p, labels, ignore);
  const auto C = static_cast<std::size_t>(p.dim(1));
  std::vector<double> sums;
  on<Floats>("dice_loss", p.device(), p.dtype(), [&]<class T>(auto tag) {
    sums = kernels::region_sums(tag, nchw<const T>(p), r.labels.data<const std::int32_t>());
  });
  double total = 0;
  const double n = static_cast<double>(C);
  for (std::size_t c = 0; c < C; ++c) {
    const double upper = 2 * sums[c] + smooth, lower = sums[C + c] + sums[2 * C + c] + smooth;
    // With smooth = 0 a class that is neither there nor predicted is right.
    total += lower > 0 ? 1 - upper / lower : 0;
    r.other.push_back(lower > 0 ? upper / (lower * lower * n) : 0);
    r.same.push_back(lower > 0 ? r.other.back() - 2 / (lower * n) : 0);
  }
  r.loss = scalar(p, total / n);
  return r;
}

Tensor dice_loss_backward(const Tensor& dloss, const Tensor& p, const RegionLoss& forward) {
  const Tensor dp = empty_like(p);
  const auto scaled = [&](std::vector<double> values) {
    for (double& v : values) v *= dloss.item();
    return values;
  };
  on<Floats>("dice_loss_backward", p.device(), p.dtype(), [&]<class T>(auto tag) {
    kernels::region_gradient(tag, forward.labels.data<const std::int32_t>(), scaled(forward.same),
                             scaled(forward.other), nchw<T>(dp));
  });
  return dp;
}

RegionLoss lovasz_softmax(const Tensor& p, const Tensor& labels, std::optional<std::int64_t> ignore) {
  RegionLoss r = prepare("lovasz_softmax", p, labels, ignore);
  std::vector<std::int64_t> Y(static_cast<std::size_t>(p.dim(1)));
  for (const std::int32_t y : r.labels.values<std::int32_t>())
    if (y >= 0) ++Y[static_cast<std::size_t>(y)];
  const auto present = std::ranges::count_if(Y, [](std::int64_t n) { return n > 0; });
  r.gradient = zeros_like(p);
  if (present == 0) {
    r.loss = scalar(p, 0);
    return r;
  }
  on<Floats>("lovasz_softmax", p.device(), p.dtype(), [&]<class T>(auto tag) {
    const double sum =
        kernels::lovasz(tag, nchw<const T>(p), r.labels.data<const std::int32_t>(), Y, nchw<T>(r.gradient));
    r.loss = scalar(p, sum / static_cast<double>(present));
  });
  r.gradient = pointwise(pointwise::div{static_cast<double>(present)}, r.gradient);
  return r;
}

Tensor lovasz_softmax_backward(const Tensor& dloss, const RegionLoss& forward) {
  return pointwise(pointwise::mul{dloss.item()}, forward.gradient);
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

template <class T>
std::vector<double> region_sums(Reference, Nchw<const T> p, const std::int32_t* labels) {
  const std::int64_t plane = p.H * p.W;
  std::vector<double> sums(static_cast<std::size_t>(3 * p.C));
  parallel_for(p.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      double both = 0, predicted = 0, there = 0;
      for (std::int64_t n = 0; n < p.N; ++n)
        for (std::int64_t i = 0; i < plane; ++i) {
          const std::int32_t y = labels[n * plane + i];
          if (y < 0) continue;
          const double of_class = p.plane(n, c)[i];
          predicted += of_class;
          if (y == c) both += of_class, there += 1;
        }
      sums[static_cast<std::size_t>(c)] = both;
      sums[static_cast<std::size_t>(p.C + c)] = predicted;
      sums[static_cast<std::size_t>(2 * p.C + c)] = there;
    }
  });
  return sums;
}

template <class T>
void region_gradient(Reference, const std::int32_t* labels, const std::vector<double>& same,
                     const std::vector<double>& other, Nchw<T> dp) {
  const std::int64_t plane = dp.H * dp.W;
  parallel_for(dp.N * dp.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t map = begin; map < end; ++map) {
      const std::int64_t n = map / dp.C, c = map % dp.C;
      const T mine = static_cast<T>(same[static_cast<std::size_t>(c)]),
              others = static_cast<T>(other[static_cast<std::size_t>(c)]);
      for (std::int64_t i = 0; i < plane; ++i) {
        const std::int32_t y = labels[n * plane + i];
        dp.data[map * plane + i] = y < 0 ? T(0) : y == c ? mine : others;
      }
    }
  });
}

namespace {

template <class T>
double lovasz_of_class(Nchw<const T> p, const std::int32_t* labels, std::int64_t c, std::int64_t Y,
                       Nchw<T> dp) {
  const std::int64_t plane = p.H * p.W;
  std::vector<std::pair<T, std::int64_t>> errors;  // with their pixels
  for (std::int64_t i = 0; i < p.N * plane; ++i) {
    if (labels[i] < 0) continue;
    const T of_class = p.plane(i / plane, c)[i % plane];
    errors.emplace_back(labels[i] == c ? T(1) - of_class : of_class, i);
  }
  std::ranges::sort(errors, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  double loss = 0, before = 0;
  std::int64_t found = 0;
  for (std::size_t k = 0; k < errors.size(); ++k) {
    const auto [e, i] = errors[k];
    const bool mine = labels[i] == c;
    found += mine ? 1 : 0;
    const double jaccard = 1 - static_cast<double>(Y - found) /
                                   static_cast<double>(Y + static_cast<std::int64_t>(k) + 1 - found);
    loss += e * (jaccard - before);
    dp.plane(i / plane, c)[i % plane] = static_cast<T>(mine ? before - jaccard : jaccard - before);
    before = jaccard;
  }
  return loss;
}

}  // namespace

template <class T>
double lovasz(Reference, Nchw<const T> p, const std::int32_t* labels, const std::vector<std::int64_t>& Y,
              Nchw<T> dp) {
  return parallel_sum<double>(p.C, 1, [&](std::int64_t begin, std::int64_t end) {
    double sum = 0;
    for (std::int64_t c = begin; c < end; ++c)
      if (const std::int64_t pixels = Y[static_cast<std::size_t>(c)]; pixels > 0)
        sum += lovasz_of_class(p, labels, c, pixels, dp);
    return sum;
  });
}

#define INSTANTIATE(T)                                                                                    \
  template std::vector<double> region_sums(Reference, Nchw<const T>, const std::int32_t*);                \
  template void region_gradient(Reference, const std::int32_t*, const std::vector<double>&,               \
                                const std::vector<double>&, Nchw<T>);                                     \
  template double lovasz(Reference, Nchw<const T>, const std::int32_t*, const std::vector<std::int64_t>&, \
                         Nchw<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace clearcut::kernels
