#include "explain/permutohedral.h"

#include <algorithm>
#include <cmath>

#include "tensor/parallel.h"

namespace clearcut {

namespace {

// Numbers lattice points, given by D whole numbers each, in the order in which they are first asked for.
class CornerTable {
 public:
  explicit CornerTable(std::int64_t D) : D_(static_cast<std::size_t>(D)), slots_(1 << 12, -1) {}

  std::int32_t number(const std::int32_t* key) {
    if (2 * (count() + 1) > slots_.size()) grow();
    std::int32_t& slot = slots_[place(key)];
    if (slot < 0) {
      slot = static_cast<std::int32_t>(count());
      keys_.insert(keys_.end(), key, key + D_);
    }
    return slot;
  }
  std::int32_t find(const std::int32_t* key) const { return slots_[place(key)]; }  // -1: not there
  std::size_t count() const { return keys_.size() / D_; }
  const std::int32_t* key(std::size_t number) const { return keys_.data() + number * D_; }

 private:
  // The slot that holds the key, or the free one where it would stand.
  std::size_t place(const std::int32_t* key) const {
    std::uint64_t hash = 0;
    for (std::size_t i = 0; i < D_; ++i)
      hash = (hash ^ static_cast<std::uint32_t>(key[i])) * 0x9E3779B97F4A7C15U;
    std::size_t at = static_cast<std::size_t>(hash >> 20U) & (slots_.size() - 1);
    const auto other = [&](std::int32_t slot) {
      return !std::equal(key, key + D_, keys_.data() + static_cast<std::size_t>(slot) * D_);
    };
    while (slots_[at] >= 0 && other(slots_[at])) at = (at + 1) & (slots_.size() - 1);
    return at;
  }
  void grow() {
    slots_.assign(4 * slots_.size(), -1);
    for (std::size_t k = 0; k < count(); ++k) slots_[place(key(k))] = static_cast<std::int32_t>(k);
  }

  std::size_t D_;
  std::vector<std::int32_t> slots_, keys_;
};

// One pixel's simplex.
struct Simplex {
  std::vector<double> at;            // D + 1 coordinates in the plane of sum 0
  std::vector<std::int32_t> origin;  // the nearest lattice point whose coordinates are multiples of D + 1
  std::vector<std::int32_t> rank;    // of at - origin, largest first
  std::vector<double> weight;        // barycentric; entry r belongs to corner r, the last one is scratch

  explicit Simplex(std::size_t D) : at(D + 1), origin(D + 1), rank(D + 1), weight(D + 2) {}
};

// f: D features, already scaled (see Permutohedral).
void find_simplex(const double* f, Simplex& s) {
  const auto D = static_cast<std::int32_t>(s.at.size()) - 1;
  const double n = D + 1;
  double below = 0;
  for (std::int32_t i = D; i > 0; --i) {
    s.at[static_cast<std::size_t>(i)] = below - i * f[i - 1];
    below += f[i - 1];
  }
  s.at[0] = below;
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < s.at.size(); ++i) {
    const auto whole = static_cast<std::int32_t>(std::floor(s.at[i] / n + 0.5));
    s.origin[i] = whole * (D + 1);
    sum += whole;
  }
  std::fill(s.rank.begin(), s.rank.end(), 0);
  for (std::size_t i = 0; i < s.at.size(); ++i)
    for (std::size_t j = i + 1; j < s.at.size(); ++j)
      ++s.rank[s.at[i] - s.origin[i] < s.at[j] - s.origin[j] ? i : j];
  std::fill(s.weight.begin(), s.weight.end(), 0.0);
  for (std::size_t i = 0; i < s.at.size(); ++i) {
    s.rank[i] += sum;  // the rounded coordinates must sum to 0: those with extreme ranks move
    const std::int32_t turn = s.rank[i] < 0 ? D + 1 : s.rank[i] > D ? -(D + 1) : 0;
    s.rank[i] += turn;
    s.origin[i] += turn;
    const double share = (s.at[i] - s.origin[i]) / n;
    s.weight[static_cast<std::size_t>(D - s.rank[i])] += share;
    s.weight[static_cast<std::size_t>(D + 1 - s.rank[i])] -= share;
  }
  s.weight[0] += 1 + s.weight[static_cast<std::size_t>(D) + 1];
}

// Features so scaled that the blur of the lattice has the deviation 1.
std::vector<double> scales(std::int64_t D) {
  std::vector<double> scale;
  for (std::int64_t i = 0; i < D; ++i)
    scale.push_back(std::sqrt(2.0 / 3) * static_cast<double>(D + 1) /
                    std::sqrt(static_cast<double>((i + 1) * (i + 2))));
  return scale;
}

}  // namespace

Permutohedral::Permutohedral(const Tensor& features) {
  check_rank("permutohedral", "features", features, 4, "[1, D, H, W]");
  check(features.dim(0) == 1 && features.dim(1) >= 1, "permutohedral", "features must be [1, D, H, W]; got ",
        features.shape());
  D_ = features.dim(1);
  pixels_ = features.dim(2) * features.dim(3);
  const Tensor wide = features.to(DType::kFloat64);
  const double* f = wide.data<const double>();
  const std::vector<double> scale = scales(D_);
  const std::int64_t each = D_ + 1;
  weight_.resize(static_cast<std::size_t>(pixels_ * each));
  std::vector<std::int32_t> keys(static_cast<std::size_t>(pixels_ * each * D_));
  parallel_for(pixels_, 1024, [&](std::int64_t begin, std::int64_t end) {
    Simplex s(static_cast<std::size_t>(D_));
    std::vector<double> point(static_cast<std::size_t>(D_));
    for (std::int64_t p = begin; p < end; ++p) {
      for (std::int64_t d = 0; d < D_; ++d)
        point[static_cast<std::size_t>(d)] = f[d * pixels_ + p] * scale[static_cast<std::size_t>(d)];
      find_simplex(point.data(), s);
      for (std::int64_t r = 0; r < each; ++r) {
        weight_[static_cast<std::size_t>(p * each + r)] =
            static_cast<float>(s.weight[static_cast<std::size_t>(r)]);
        std::int32_t* key = keys.data() + (p * each + r) * D_;
        for (std::size_t d = 0; d < static_cast<std::size_t>(D_); ++d) {
          const auto step = static_cast<std::int32_t>(s.rank[d] <= D_ - r ? r : r - each);
          key[d] = s.origin[d] + step;
        }
      }
    }
  });
  find_corners(keys);
  sort_by_corner();
}

void Permutohedral::find_corners(const std::vector<std::int32_t>& keys) {
  CornerTable table(D_);
  corner_.resize(keys.size() / static_cast<std::size_t>(D_));
  for (std::size_t i = 0; i < corner_.size(); ++i)
    corner_[i] = table.number(keys.data() + i * static_cast<std::size_t>(D_));
  corners_ = static_cast<std::int64_t>(table.count());
  beside_.resize(static_cast<std::size_t>((D_ + 1) * corners_ * 2));
  parallel_for(corners_, 256, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::int32_t> key(static_cast<std::size_t>(D_));
    for (std::int64_t axis = 0; axis <= D_; ++axis)
      for (std::int64_t k = begin; k < end; ++k)
        for (const std::int32_t side : {-1, 1}) {
          const std::int32_t* from = table.key(static_cast<std::size_t>(k));
          for (std::size_t d = 0; d < key.size(); ++d) key[d] = from[d] + side;
          if (axis < D_) key[static_cast<std::size_t>(axis)] -= side * static_cast<std::int32_t>(D_ + 1);
          const std::int32_t found = table.find(key.data());
          beside_[static_cast<std::size_t>((axis * corners_ + k) * 2 + (side > 0))] =
              found < 0 ? static_cast<std::int32_t>(corners_) : found;
        }
  });
}

void Permutohedral::sort_by_corner() {
  start_.assign(static_cast<std::size_t>(corners_) + 1, 0);
  for (const std::int32_t k : corner_) ++start_[static_cast<std::size_t>(k) + 1];
  for (std::size_t k = 1; k < start_.size(); ++k) start_[k] += start_[k - 1];
  std::vector<std::int64_t> next(start_.begin(), start_.end() - 1);
  from_.resize(corner_.size());
  share_.resize(corner_.size());
  for (std::size_t i = 0; i < corner_.size(); ++i) {
    const auto at = static_cast<std::size_t>(next[static_cast<std::size_t>(corner_[i])]++);
    from_[at] = static_cast<std::int32_t>(static_cast<std::int64_t>(i) / (D_ + 1));
    share_[at] = weight_[i];
  }
}

// What the pixels give to their corners: [corners + 1, C]; the last corner, of zeros, stands for all that are
// not there.
std::vector<float> Permutohedral::splat(const Tensor& q) const {
  const std::int64_t C = q.dim(1);
  const float* from = q.data<const float>();
  std::vector<float> pixel(static_cast<std::size_t>(pixels_ * C));  // [pixels, C]
  parallel_for(pixels_, 4096, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = 0; c < C; ++c)
      for (std::int64_t p = begin; p < end; ++p)
        pixel[static_cast<std::size_t>(p * C + c)] = from[c * pixels_ + p];
  });
  std::vector<float> value(static_cast<std::size_t>((corners_ + 1) * C));
  parallel_for(corners_, 512, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k)
      for (std::int64_t e = start_[static_cast<std::size_t>(k)]; e < start_[static_cast<std::size_t>(k) + 1];
           ++e) {
        const float share = share_[static_cast<std::size_t>(e)];
        const float* x = pixel.data() + from_[static_cast<std::size_t>(e)] * C;
        for (std::int64_t c = 0; c < C; ++c) value[static_cast<std::size_t>(k * C + c)] += share * x[c];
      }
  });
  return value;
}

void Permutohedral::blur(std::vector<float>& value, std::int64_t C) const {
  std::vector<float> blurred(value.size());
  for (std::int64_t axis = 0; axis <= D_; ++axis) {
    const std::int32_t* beside = beside_.data() + axis * corners_ * 2;
    parallel_for(corners_, 2048, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k) {
        const float *a = value.data() + beside[2 * k] * C, *b = value.data() + beside[2 * k + 1] * C;
        for (std::int64_t c = 0; c < C; ++c)
          blurred[static_cast<std::size_t>(k * C + c)] =
              value[static_cast<std::size_t>(k * C + c)] + 0.5F * (a[c] + b[c]);
      }
    });
    value.swap(blurred);
  }
}

Tensor Permutohedral::filter(const Tensor& q) const {
  check(q.defined() && q.rank() == 4 && q.dim(0) == 1 && q.dim(2) * q.dim(3) == pixels_, "permutohedral",
        "q must be [1, C, H, W] with ", pixels_, " pixels; got ", q.defined() ? q.shape() : Shape());
  const std::int64_t C = q.dim(1);
  std::vector<float> value = splat(q);
  blur(value, C);
  const float factor = 1 / (1 + std::pow(2.0F, static_cast<float>(-D_)));
  Tensor y = empty_like(q);
  float* to = y.data<float>();
  parallel_for(pixels_, 4096, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p)
      for (std::int64_t c = 0; c < C; ++c) {
        float sum = 0;
        for (std::int64_t r = 0; r <= D_; ++r) {
          const auto i = static_cast<std::size_t>(p * (D_ + 1) + r);
          sum += weight_[i] * value[static_cast<std::size_t>(corner_[i] * C + c)];
        }
        to[c * pixels_ + p] = factor * sum;
      }
  });
  return y;
}

}  // namespace clearcut
