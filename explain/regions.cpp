#include "explain/regions.h"

#include <algorithm>
#include <utility>

namespace clearcut {

namespace {

void check_regions(const char* op, const Tensor& regions) {
  check(regions.defined() && regions.rank() == 2 && regions.dtype() == DType::kInt32, op,
        "regions must be int32 [H, W]; got ",
        regions.defined() ? cat(regions.dtype(), " ", regions.shape()) : "an undefined tensor");
}

// One connected piece of a label map after the other.
class Pieces {
 public:
  explicit Pieces(const Tensor& labels)
      : H_(labels.dim(0)),
        W_(labels.dim(1)),
        label_(labels.data<const std::int32_t>()),
        names_(Tensor::full(labels.shape(), -1, DType::kInt32)),
        name_(names_.data<std::int32_t>()) {}

  Tensor named(const RegionSizes& sizes) {
    std::int32_t next = 0;
    for (std::int64_t start = 0; start < H_ * W_; ++start) {
      if (name_[start] >= 0) continue;
      const std::int32_t beside = grow(start, next, sizes.max_size);
      if (static_cast<std::int64_t>(piece_.size()) >= sizes.min_size)
        ++next;
      else
        for (const std::int64_t p : piece_) name_[p] = beside;
    }
    return names_;
  }

 private:
  // Finds the piece of `start` breadth first and names its pixels. Returns the other region that was seen
  // last beside it among those that have a name already, or `name`.
  std::int32_t grow(std::int64_t start, std::int32_t name, std::int64_t max_size) {
    std::int32_t beside = name;
    piece_ = {start};
    name_[start] = name;
    const auto full = [&] { return static_cast<std::int64_t>(piece_.size()) >= max_size; };
    for (std::size_t i = 0; i < piece_.size() && !full(); ++i) {
      const std::int64_t p = piece_[i], row = p / W_, col = p % W_;
      const std::pair<bool, std::int64_t> around[] = {
          {col + 1 < W_, p + 1}, {col > 0, p - 1}, {row + 1 < H_, p + W_}, {row > 0, p - W_}};
      for (const auto& [inside, q] : around) {
        if (!inside) continue;
        if (name_[q] < 0 && label_[q] == label_[start]) {
          name_[q] = name;
          piece_.push_back(q);
          if (full()) break;
        } else if (name_[q] >= 0 && name_[q] != name) {
          beside = name_[q];
        }
      }
    }
    return beside;
  }

  std::int64_t H_, W_;
  const std::int32_t* label_;
  Tensor names_;
  std::int32_t* name_;
  std::vector<std::int64_t> piece_;  // pixels, in the order in which they were found
};

}  // namespace

Tensor connect_regions(const Tensor& labels, const RegionSizes& sizes) {
  check_regions("connect_regions", labels);
  check(sizes.max_size >= 1, "connect_regions", "max_size must be >= 1; got ", sizes.max_size);
  return Pieces(labels).named(sizes);
}

std::int64_t region_count(const Tensor& regions) {
  check_regions("region_count", regions);
  std::int64_t count = 0;
  const std::int32_t* p = regions.data<const std::int32_t>();
  for (std::int64_t i = 0; i < regions.numel(); ++i) {
    check(p[i] >= 0, "region_count", "labels must be >= 0; pixel ", i, " has ", p[i]);
    count = std::max<std::int64_t>(count, p[i] + 1);
  }
  return count;
}

std::vector<double> region_averages(const Tensor& values, const Tensor& regions) {
  check(values.defined() && values.dtype() == DType::kFloat32 && values.shape() == regions.shape(),
        "region_averages", "values must be float32 of the shape of regions ", regions.shape(), "; got ",
        values.defined() ? cat(values.dtype(), " ", values.shape()) : "nothing");
  const auto K = static_cast<std::size_t>(region_count(regions));
  std::vector<double> sums(K);
  std::vector<std::int64_t> sizes(K);
  const float* v = values.data<const float>();
  const std::int32_t* r = regions.data<const std::int32_t>();
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    sums[static_cast<std::size_t>(r[i])] += v[i];
    ++sizes[static_cast<std::size_t>(r[i])];
  }
  for (std::size_t k = 0; k < K; ++k) sums[k] /= static_cast<double>(std::max<std::int64_t>(1, sizes[k]));
  return sums;
}

Tensor region_means(const Tensor& values, const Tensor& regions) {
  return paint_regions(regions, region_averages(values, regions));
}

Tensor paint_regions(const Tensor& regions, const std::vector<double>& values) {
  check(region_count(regions) <= static_cast<std::int64_t>(values.size()), "paint_regions", "there are ",
        region_count(regions), " regions but ", values.size(), " values");
  Tensor y(regions.shape());
  float* p = y.data<float>();
  const std::int32_t* r = regions.data<const std::int32_t>();
  for (std::int64_t i = 0; i < y.numel(); ++i)
    p[i] = static_cast<float>(values[static_cast<std::size_t>(r[i])]);
  return y;
}

}  // namespace clearcut
