// The forward product: panels of tiles are transformed and multiplied by the transformed weights, chunk by
// chunk of output channels, and each chunk is transformed back while it is in the second cache.
//
// Many tiles and small weights: each task owns some panels of tiles; the weights are transformed once. Else
// the panels are worked on in groups; the tasks first share the channels of the input, then own chunks of
// output channels, whose weights they transform. The sum over input channels is cut into blocks that depend
// on their number alone, so both ways give the same bits.
#include "tensor/cpu/conv/winograd.h"

#include <algorithm>

#include "tensor/cpu/conv/winograd_tiles.h"
#include "tensor/parallel.h"

namespace clearcut::conv {

namespace {

using isa::kWinogradPoints;

constexpr std::int64_t kMostK = 256;  // input channels of a block
constexpr std::int64_t kChunk = 32;   // output channels of a chunk: 48 tiles of it are 216 KiB
constexpr std::int64_t kPad = 16;     // floats between points: they are a multiple of 4 KiB apart else
constexpr std::int64_t kMostShared = 10 << 20;    // bytes of transformed weights that are kept
constexpr std::int64_t kMostWeights = 600 << 10;  // bytes of transformed weights of a task
constexpr std::int64_t kMostGroup = 24 << 20;     // bytes of a group of panels, both sides
constexpr std::int64_t kLeastTasks = 8;
constexpr std::int64_t kGrain = 16;  // channels that a task transforms

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

struct Range {
  std::int64_t begin, end;
  std::int64_t size() const { return end - begin; }
};

// Rows of the left matrix in panels of equal height, at most a register tile's.
struct RowPanels {
  RowPanels(std::int64_t M, std::int64_t most) : count(ceil_div(M, most)), height(ceil_div(M, count)) {}
  std::int64_t count, height;
};

// How the weights are cut: row panels, and blocks of input channels that depend on their number alone.
struct WeightCut {
  explicit WeightCut(const WinogradWeights& w)
      : rows(w.M, isa_table().gemm->max_rows), blocks(ceil_div(w.K, kMostK)), block(ceil_div(w.K, blocks)) {}
  Range channels(std::int64_t b, std::int64_t K) const { return {b * block, std::min(K, (b + 1) * block)}; }
  RowPanels rows;
  std::int64_t blocks, block;
};

// A matrix for each of the 36 points, `stride` floats apart.
template <class T>
struct PointsOf {
  T* data;
  std::int64_t stride;
};
using Points = PointsOf<float>;
using ConstPoints = PointsOf<const float>;

std::int64_t weight_stride(std::int64_t panels, std::int64_t height, std::int64_t k) {
  return panels * height * k + kPad;
}

// Row panels [m.begin, m.end) of the weights for input channels k: [panel][k][height].
void transform_weights(const WinogradWeights& w, const RowPanels& rows, Range m, Range k, const Points& to) {
  for (std::int64_t i = m.begin; i < m.end; ++i) {
    const std::int64_t row = i * rows.height;
    isa_table().winograd->weights({.w = w.data + row * w.m_stride + k.begin * w.k_stride,
                                   .rows = std::min(rows.height, w.M - row),
                                   .row_stride = w.m_stride,
                                   .k = k.size(),
                                   .k_stride = w.k_stride,
                                   .turned = w.turned,
                                   .u = to.data + (i - m.begin) * rows.height * k.size(),
                                   .point_stride = to.stride,
                                   .height = rows.height});
  }
}

class Product {
 public:
  explicit Product(const WinogradProduct& p)
      : p_(p),
        gemm_(*isa_table().gemm),
        kernels_(*isa_table().winograd),
        tiles_({.images = p.out.N,
                .H = p.out.H,
                .W = p.out.W,
                .image_stride = p.out.C * p.out.H * p.out.W,
                .source_image_stride = p.in.C * p.in.H * p.in.W,
                .top = p.top,
                .left = p.left,
                .dilation = p.dilation},
               gemm_.lanes * gemm_.max_vectors),
        cut_(p.w),
        rows_(cut_.rows),
        chunk_(std::max<std::int64_t>(1, kChunk / rows_.height)),
        blocks_(cut_.blocks),
        block_(cut_.block) {}

  void run() const {
    const auto panels = static_cast<std::int64_t>(tiles_.panels().size());
    if (blocks_ == 1 && panels >= kLeastTasks && kWinogradPoints * p_.w.M * p_.w.K * 4 <= kMostShared) {
      if (p_.transformed) return run_by_panels(*p_.transformed);
      return run_by_panels(TransformedWeights(p_.w));
    }
    const std::int64_t floats = kWinogradPoints * tiles_.width() * (block_ + (blocks_ > 1 ? p_.w.M : 0));
    const std::int64_t group = std::clamp<std::int64_t>(kMostGroup / (4 * floats), 1, panels);
    for (std::int64_t first = 0; first < panels; first += group)
      run_group({first, std::min(panels, first + group)});
  }

 private:
  using Panel = WinogradTiles::Panel;

  static std::int64_t tile_stride(std::int64_t channels, std::int64_t width) {
    return channels * width + kPad;
  }

  // Input channels k of a panel: [k][width].
  void transform_input(const Panel& panel, Range k, const Points& to) const {
    const std::int64_t plane = p_.in.H * p_.in.W;
    kernels_.input({.x = p_.in.plane(0, p_.first_in + k.begin),
                    .begin = p_.in.data,
                    .end = p_.in.plane(p_.in.N, 0),
                    .channels = k.size(),
                    .channel_stride = plane,
                    .H = p_.in.H,
                    .W = p_.in.W,
                    .dilation_h = p_.dilation.h,
                    .dilation_w = p_.dilation.w,
                    .runs = panel.source.data(),
                    .run_count = static_cast<std::int64_t>(panel.source.size()),
                    .v = to.data,
                    .point_stride = to.stride,
                    .width = panel.width});
  }

  struct Operands {
    ConstPoints u, v;
    Points m;
    std::int64_t k;
    bool add;
  };
  // m = u v for row panels [rows.begin, rows.end); all three begin with the first of them.
  void multiply(const Panel& panel, Range rows, const Operands& o) const {
    for (std::int64_t point = 0; point < kWinogradPoints; ++point)
      for (std::int64_t i = rows.begin; i < rows.end; ++i) {
        const std::int64_t from = (i - rows.begin) * rows_.height;
        const isa::GemmTile tile{.rows = std::min(rows_.height, p_.w.M - i * rows_.height),
                                 .vectors = panel.width / gemm_.lanes,
                                 .k = o.k,
                                 .a = o.u.data + point * o.u.stride + from * o.k,
                                 .a_row = 1,
                                 .a_k = rows_.height,
                                 .b = o.v.data + point * o.v.stride,
                                 .b_k = panel.width,
                                 .c = o.m.data + point * o.m.stride + from * panel.width,
                                 .c_row = panel.width,
                                 .init = nullptr,
                                 .add = o.add};
        if (gemm_.thin_tile && panel.tiles <= gemm_.thin_columns && tile.rows == gemm_.max_rows)
          gemm_.thin_tile(tile, panel.tiles);
        else
          gemm_.tile(tile);
      }
  }

  void transform_output(const Panel& panel, Range rows, const Points& m) const {
    const std::int64_t first = rows.begin * rows_.height, plane = p_.out.H * p_.out.W;
    const std::int64_t at = (p_.first_out + first) * plane;
    kernels_.output({.m = m.data,
                     .point_stride = m.stride,
                     .width = panel.width,
                     .rows = std::min(p_.w.M, rows.end * rows_.height) - first,
                     .row_stride = plane,
                     .bias = p_.finish.bias ? p_.finish.bias + first : nullptr,
                     .y = p_.out.data + at,
                     .plus = p_.finish.add ? p_.finish.add + at : nullptr,
                     .low = p_.finish.low,
                     .high = p_.finish.high,
                     .H = p_.out.H,
                     .W = p_.out.W,
                     .dilation_h = p_.dilation.h,
                     .dilation_w = p_.dilation.w,
                     .runs = panel.tiled.data(),
                     .run_count = static_cast<std::int64_t>(panel.tiled.size())});
  }

  void run_by_panels(const TransformedWeights& weights) const {
    parallel_for(static_cast<std::int64_t>(tiles_.panels().size()), 1,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i) run_panel(panel_at(i), weights);
                 });
  }

  static ConstPoints points_of(const TransformedWeights& weights, std::int64_t block, std::int64_t panel) {
    const TransformedWeights::Points u = weights.points(block, panel);
    return {u.data, u.stride};
  }

  void run_panel(const Panel& panel, const TransformedWeights& weights) const {
    const std::int64_t v_stride = tile_stride(p_.w.K, panel.width);
    const std::int64_t m_stride = tile_stride(chunk_ * rows_.height, panel.width);
    const Scratch<float> v(kWinogradPoints * v_stride), m(kWinogradPoints * m_stride);
    transform_input(panel, {0, p_.w.K}, {v.data(), v_stride});
    for (std::int64_t i = 0; i < rows_.count; i += chunk_) {
      const Range rows{i, std::min(rows_.count, i + chunk_)};
      multiply(panel, rows,
               {.u = points_of(weights, 0, i),
                .v = {v.data(), v_stride},
                .m = {m.data(), m_stride},
                .k = p_.w.K,
                .add = false});
      transform_output(panel, rows, {m.data(), m_stride});
    }
  }

  // Input channels k of a group of panels; v_panel floats from one panel to the next.
  void transform_inputs(Range panels, Range k, const Points& v, std::int64_t v_panel) const {
    const std::int64_t parts = ceil_div(k.size(), kGrain);
    parallel_for(panels.size() * parts, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const Panel& panel = panel_at(panels.begin + i / parts);
        const std::int64_t from = i % parts * kGrain;
        transform_input(panel, {k.begin + from, std::min(k.end, k.begin + from + kGrain)},
                        {v.data + i / parts * v_panel + from * panel.width, v.stride});
      }
    });
  }

  void run_group(Range panels) const {
    const std::int64_t count = panels.size(), v_stride = tile_stride(block_, tiles_.width());
    const std::int64_t v_panel = kWinogradPoints * v_stride;
    const std::int64_t fit = kMostWeights / (4 * kWinogradPoints * rows_.height * block_);
    const std::int64_t chunk = std::clamp<std::int64_t>(std::min(fit, rows_.count / kLeastTasks), 1, chunk_);
    const std::int64_t chunks = ceil_div(rows_.count, chunk);
    const std::int64_t m_stride = tile_stride(chunk * rows_.height, tiles_.width());
    const std::int64_t m_panel = kWinogradPoints * m_stride;
    const Scratch<float> v(count * v_panel), sums(blocks_ > 1 ? chunks * count * m_panel : 0);
    for (std::int64_t b = 0; b < blocks_; ++b) {
      const Range k{b * block_, std::min(p_.w.K, (b + 1) * block_)};
      transform_inputs(panels, k, {v.data(), v_stride}, v_panel);
      parallel_for(chunks, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          const Range rows{i * chunk, std::min(rows_.count, (i + 1) * chunk)};
          const std::int64_t u_stride = weight_stride(chunk, rows_.height, k.size());
          const Scratch<float> own(p_.transformed ? 0 : kWinogradPoints * u_stride);
          const Scratch<float> one(blocks_ > 1 ? 0 : m_panel);
          if (!p_.transformed) transform_weights(p_.w, rows_, rows, k, {own.data(), u_stride});
          const ConstPoints u =
              p_.transformed ? points_of(*p_.transformed, b, rows.begin) : ConstPoints{own.data(), u_stride};
          for (std::int64_t j = 0; j < count; ++j) {
            const Points m{blocks_ > 1 ? sums.data() + (i * count + j) * m_panel : one.data(), m_stride};
            const ConstPoints v_of_panel{v.data() + j * v_panel, v_stride};
            multiply(panel_at(panels.begin + j), rows, {u, v_of_panel, m, k.size(), b > 0});
            if (b + 1 == blocks_) transform_output(panel_at(panels.begin + j), rows, m);
          }
        }
      });
    }
  }

  const Panel& panel_at(std::int64_t i) const { return tiles_.panels()[static_cast<std::size_t>(i)]; }

  const WinogradProduct& p_;
  const isa::GemmKernels& gemm_;
  const isa::WinogradKernels& kernels_;
  WinogradTiles tiles_;
  WeightCut cut_;
  RowPanels rows_;
  std::int64_t chunk_;           // row panels that are multiplied and transformed back together
  std::int64_t blocks_, block_;  // of input channels
};

}  // namespace

TransformedWeights::TransformedWeights(const WinogradWeights& w)
    : w_(w), u_([&] {
        const WeightCut cut(w);
        return cut.blocks * kWinogradPoints * weight_stride(cut.rows.count, cut.rows.height, cut.block);
      }()) {
  const WeightCut cut(w);
  for (std::int64_t b = 0; b < cut.blocks; ++b)
    parallel_for(cut.rows.count, std::max<std::int64_t>(1, 4096 / cut.block),
                 [&](std::int64_t begin, std::int64_t end) {
                   const auto to = points(b, begin);
                   transform_weights(w, cut.rows, {begin, end}, cut.channels(b, w.K),
                                     {u_.data() + (to.data - u_.data()), to.stride});
                 });
}

TransformedWeights::Points TransformedWeights::points(std::int64_t block, std::int64_t panel) const {
  const WeightCut cut(w_);
  const std::int64_t k = cut.channels(block, w_.K).size();
  const std::int64_t whole = kWinogradPoints * weight_stride(cut.rows.count, cut.rows.height, cut.block);
  return {u_.data() + block * whole + panel * cut.rows.height * k,
          weight_stride(cut.rows.count, cut.rows.height, k)};
}

void winograd_multiply(const WinogradProduct& product) {
  if (product.out.N * product.w.M == 0) return;
  Product(product).run();
}

}  // namespace clearcut::conv
