// The forward product: panels of tiles are transformed and multiplied by the transformed weights, chunk by
// chunk of output channels, and each chunk is transformed back while it is in the second cache.
//
// Many tiles and small weights: each task owns some panels of tiles; the weights are transformed once. Else
// the panels are worked on in groups; the tasks first share the channels of the input, then own chunks of
// output channels, whose weights they transform. The sum over input channels is cut into blocks that depend
// on their number alone, so all ways give the same bits; a group keeps either its whole input or its sums
// from block to block, whichever is smaller.
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
               gemm_.lanes * gemm_.max_vectors, kernels_.max_narrow),
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
    const bool keep_input = p_.w.K <= block_ + p_.w.M;
    const std::int64_t channels = keep_input ? p_.w.K : block_ + p_.w.M;
    const std::int64_t fit = kMostGroup / (4 * kWinogradPoints * tiles_.width() * channels);
    const std::int64_t group = std::clamp<std::int64_t>(fit, 1, panels);
    for (std::int64_t first = 0; first < panels; first += group)
      run_group({first, std::min(panels, first + group)}, keep_input ? blocks_ : 1);
  }

 private:
  using Panel = WinogradTiles::Panel;

  static std::int64_t tile_stride(std::int64_t channels, std::int64_t width) {
    return channels * width + kPad;
  }

  // Input channels k of a panel: [k][width].
  void transform_input(const Panel& panel, Range k, const Points& to) const {
    transform_tiles(p_.in, {p_.first_in + k.begin, p_.first_in + k.end}, p_.dilation, panel, to);
  }

  struct Operands {
    ConstPoints u, v;
    Points m;
    std::int64_t k;
    bool add;
  };
  // m = u v for row panels [rows.begin, rows.end); all three begin with the first of them.
  void multiply(const Panel& panel, Range rows, const Operands& o) const {
    for (std::int64_t point = 0; point < kWinogradPoints; ++point) {
      const float *u = o.u.data + point * o.u.stride, *v = o.v.data + point * o.v.stride;
      float* m = o.m.data + point * o.m.stride;
      if (panel.tiles > panel.narrow) multiply_vectors(panel, rows, o, u, v, m);
      if (panel.narrow == 0) continue;
      const std::int64_t first = panel.tiles - panel.narrow;
      kernels_.narrow({.u = u,
                       .rows = std::min(p_.w.M, rows.end * rows_.height) - rows.begin * rows_.height,
                       .height = rows_.height,
                       .k = o.k,
                       .v = v + first,
                       .m = m + first,
                       .tiles = panel.narrow,
                       .width = panel.width,
                       .add = o.add,
                       .ahead = o.u.stride});
    }
  }

  void multiply_vectors(const Panel& panel, Range rows, const Operands& o, const float* u, const float* v,
                        float* m) const {
    for (std::int64_t i = rows.begin; i < rows.end; ++i) {
      const std::int64_t from = (i - rows.begin) * rows_.height;
      gemm_.tile({.rows = std::min(rows_.height, p_.w.M - i * rows_.height),
                  .vectors = ceil_div(panel.tiles - panel.narrow, gemm_.lanes),
                  .k = o.k,
                  .a = u + from * o.k,
                  .a_row = 1,
                  .a_k = rows_.height,
                  .b = v,
                  .b_k = panel.width,
                  .c = m + from * panel.width,
                  .c_row = panel.width,
                  .init = nullptr,
                  .add = o.add,
                  .ahead = o.u.stride});
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

  // A group of panels, and what it takes: v for each panel and block of input channels, m for each chunk of
  // output channels and panel. Strides in floats.
  struct Group {
    Range panels;
    std::int64_t chunk, chunks;
    std::int64_t v_stride, v_panel, m_stride, m_panel;
    const Scratch<float>* v;
    const Scratch<float>* sums;  // of all chunks from block to block, or null: a task has its own
    const float* v_of(std::int64_t block, std::int64_t panel) const {
      return v->data() + (block * panels.size() + panel) * v_panel;
    }
  };

  // Blocks of input channels.
  void transform_inputs(const Group& g, Range blocks) const {
    const std::int64_t parts = ceil_div(block_, kGrain), panels = g.panels.size();
    parallel_for(blocks.size() * panels * parts, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t block = i / parts / panels, j = i / parts % panels, from = i % parts * kGrain;
        const Range k = cut_.channels(blocks.begin + block, p_.w.K);
        if (k.begin + from >= k.end) continue;
        const Panel& panel = panel_at(g.panels.begin + j);
        transform_input(panel, {k.begin + from, std::min(k.end, k.begin + from + kGrain)},
                        {g.v->data() + (block * panels + j) * g.v_panel + from * panel.width, g.v_stride});
      }
    });
  }

  // One chunk of output channels: adds the products of some blocks of input channels; after the last one the
  // sums are transformed back.
  void run_chunk(const Group& g, std::int64_t i, Range blocks) const {
    const Range rows{i * g.chunk, std::min(rows_.count, (i + 1) * g.chunk)};
    const std::int64_t u_stride = weight_stride(g.chunk, rows_.height, block_), panels = g.panels.size();
    const Scratch<float> own_u(p_.transformed ? 0 : kWinogradPoints * u_stride);
    const Scratch<float> own_m(g.sums ? 0 : (blocks_ > 1 ? panels : 1) * g.m_panel);
    for (std::int64_t b = blocks.begin; b < blocks.end; ++b) {
      const Range k = cut_.channels(b, p_.w.K);
      if (!p_.transformed) transform_weights(p_.w, rows_, rows, k, {own_u.data(), u_stride});
      const ConstPoints u =
          p_.transformed ? points_of(*p_.transformed, b, rows.begin) : ConstPoints{own_u.data(), u_stride};
      for (std::int64_t j = 0; j < panels; ++j) {
        float* to = g.sums ? g.sums->data() + (i * panels + j) * g.m_panel
                           : own_m.data() + (blocks_ > 1 ? j * g.m_panel : 0);
        const Points m{to, g.m_stride};
        multiply(panel_at(g.panels.begin + j), rows,
                 {u, {g.v_of(b - blocks.begin, j), g.v_stride}, m, k.size(), b > 0});
        if (b + 1 == blocks_) transform_output(panel_at(g.panels.begin + j), rows, m);
      }
    }
  }

  // `kept` blocks of the input at a time: one, or all.
  void run_group(Range panels, std::int64_t kept) const {
    Group g{};
    g.panels = panels;
    const std::int64_t fit = kMostWeights / (4 * kWinogradPoints * rows_.height * block_);
    g.chunk = std::clamp<std::int64_t>(std::min(fit, rows_.count / kLeastTasks), 1, chunk_);
    g.chunks = ceil_div(rows_.count, g.chunk);
    g.v_stride = tile_stride(block_, tiles_.width());
    g.v_panel = kWinogradPoints * g.v_stride;
    g.m_stride = tile_stride(g.chunk * rows_.height, tiles_.width());
    g.m_panel = kWinogradPoints * g.m_stride;
    const Scratch<float> v(kept * panels.size() * g.v_panel);
    const Scratch<float> sums(kept < blocks_ ? g.chunks * panels.size() * g.m_panel : 0);
    g.v = &v;
    g.sums = kept < blocks_ ? &sums : nullptr;
    for (std::int64_t b = 0; b < blocks_; b += kept) {
      const Range blocks{b, std::min(blocks_, b + kept)};
      transform_inputs(g, blocks);
      parallel_for(g.chunks, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) run_chunk(g, i, blocks);
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
