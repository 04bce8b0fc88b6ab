#include "explain/regions.h"

#include <algorithm>
#include <map>
#include <utility>

namespace clearcut {

namespace {

void check_regions(const char* op, const Tensor& regions) {
  check(regions.defined() && regions.rank() == 2 && regions.dtype() == DType::kInt32, op,
        "regions must be int32 [H, W]; got ",
        regions.defined() ? cat(regions.dtype(), " ", regions.shape()) : "an undefined tensor");
}

// Pieces of a label map: the piece of each pixel and the pixels of each piece.
class Pieces {
 public:
  Pieces(const Tensor& labels, std::int64_t max_size)
      : H_(labels.dim(0)), W_(labels.dim(1)), piece_(static_cast<std::size_t>(H_ * W_), -1) {
    const std::int32_t* label = labels.data<const std::int32_t>();
    for (std::int64_t start = 0; start < H_ * W_; ++start)
      if (piece_[static_cast<std::size_t>(start)] < 0) grow(start, label, max_size);
  }

  void merge_small(std::int64_t min_size) {
    for (std::size_t k = 0; k < pixels_.size(); ++k)
      while (!pixels_[k].empty() && static_cast<std::int64_t>(pixels_[k].size()) < min_size) {
        const int other = longest_border(static_cast<int>(k));
        if (other < 0) return;  // the only region
        move(static_cast<int>(k), other);
      }
  }

  Tensor raster_order() const {
    std::vector<std::int32_t> name(pixels_.size(), -1), result(piece_.size());
    std::int32_t next = 0;
    for (std::size_t p = 0; p < piece_.size(); ++p) {
      std::int32_t& mine = name[static_cast<std::size_t>(piece_[p])];
      if (mine < 0) mine = next++;
      result[p] = mine;
    }
    return Tensor::from<std::int32_t>({H_, W_}, result);
  }

 private:
  template <class Body>
  void for_each_neighbour(std::int64_t pixel, const Body& body) const {
    const std::int64_t row = pixel / W_, col = pixel % W_;
    if (row > 0) body(pixel - W_);
    if (col > 0) body(pixel - 1);
    if (col + 1 < W_) body(pixel + 1);
    if (row + 1 < H_) body(pixel + W_);
  }

  void grow(std::int64_t start, const std::int32_t* label, std::int64_t max_size) {
    const int id = static_cast<int>(pixels_.size());
    std::vector<std::int64_t> found = {start};
    piece_[static_cast<std::size_t>(start)] = id;
    for (std::size_t i = 0; i < found.size(); ++i)
      for_each_neighbour(found[i], [&](std::int64_t q) {
        int& mine = piece_[static_cast<std::size_t>(q)];
        if (mine >= 0 || label[q] != label[start] || static_cast<std::int64_t>(found.size()) >= max_size)
          return;
        mine = id;
        found.push_back(q);
      });
    pixels_.push_back(std::move(found));
  }

  int longest_border(int id) const {
    std::map<int, std::int64_t> border;  // ordered: the lowest id wins a tie
    for (const std::int64_t p : pixels_[static_cast<std::size_t>(id)])
      for_each_neighbour(p, [&](std::int64_t q) {
        const int other = piece_[static_cast<std::size_t>(q)];
        if (other != id) ++border[other];
      });
    int best = -1;
    for (const auto& [other, length] : border)
      if (best < 0 || length > border[best]) best = other;
    return best;
  }

  void move(int from, int to) {
    auto& source = pixels_[static_cast<std::size_t>(from)];
    auto& target = pixels_[static_cast<std::size_t>(to)];
    for (const std::int64_t p : source) piece_[static_cast<std::size_t>(p)] = to;
    target.insert(target.end(), source.begin(), source.end());
    source.clear();
  }

  std::int64_t H_, W_;
  std::vector<int> piece_;
  std::vector<std::vector<std::int64_t>> pixels_;
};

}  // namespace

Tensor connect_regions(const Tensor& labels, const RegionSizes& sizes) {
  check_regions("connect_regions", labels);
  check(sizes.max_size >= 1, "connect_regions", "max_size must be >= 1; got ", sizes.max_size);
  Pieces pieces(labels, sizes.max_size);
  pieces.merge_small(sizes.min_size);
  return pieces.raster_order();
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
