// Operators of an ONNX graph that move numbers and change none.
#include <algorithm>
#include <limits>
#include <numeric>

#include "autograd/arithmetic.h"
#include "autograd/rearrange.h"
#include "models/onnx_node.h"

namespace clearcut::onnx {

namespace {

using Ints = std::vector<std::int64_t>;
using Values = std::vector<Var>;

std::int64_t rank_of(const Var& x) { return x.shape().rank(); }

// [d0, ..., d(axis-1), d(axis), ...] -> [d0 * ... * d(axis-1), d(axis) * ...].
Run build_flatten(NodeReader& node) {
  node.inputs(1, 1);
  const std::int64_t axis = node.integer("axis", 1);
  return [axis](const Values& in) {
    const Ints sizes = in[0].shape().sizes();
    const std::int64_t at = axis < 0 ? axis + rank_of(in[0]) : axis;
    check(at >= 0 && at <= rank_of(in[0]), "flatten", "axis ", axis, " is outside of ", rank_of(in[0]),
          " dimensions");
    const std::int64_t rows =
        std::accumulate(sizes.begin(), sizes.begin() + at, std::int64_t{1}, std::multiplies<>());
    const std::int64_t columns =
        std::accumulate(sizes.begin() + at, sizes.end(), std::int64_t{1}, std::multiplies<>());
    return reshape(in[0], {rows, columns});
  };
}

// 0 keeps the size of x, -1 is worked out.
Var reshape_to(const Var& x, Ints sizes, bool has_batch) {
  check(sizes.size() <= Shape::kMaxRank, "reshape", "at most ", Shape::kMaxRank, " sizes, got ",
        sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i)
    if (sizes[i] == 0) sizes[i] = x.dim(static_cast<int>(i));
  const Var y = reshape(x, sizes);
  check(!has_batch || is_integer(x) || (y.shape().rank() > 0 && x.shape().rank() > 0 && y.dim(0) == x.dim(0)),
        "reshape", "the first dimension is the batch and must stay: ", x.shape(), " would become ", y.shape(),
        "; export the model with a free batch size");
  return y;
}

// A leading size equal to the batch that the model was exported for stands for any batch; a reshape that
// mixes pictures is refused. Fixed numbers may take any shape.
Run build_reshape(NodeReader& node) {
  if (node.integer("allowzero", 0) != 0) node.refuse("allowzero = 1 is not supported");
  node.inputs(2, 2);
  IntegerInput sizes = node.integer_input(1, "shape");
  if (sizes.known && (sizes.known->empty() || sizes.known->size() > Shape::kMaxRank))
    node.refuse("its shape must have 1 to ", Shape::kMaxRank, " sizes, got ", sizes.known->size());
  const bool has_batch = !node.fixed(0);
  if (has_batch && sizes.known && node.batch > 0 && sizes.known->front() == node.batch)
    sizes.known->front() = 0;
  return [sizes, has_batch](const Values& in) { return reshape_to(in[0], sizes.of(in), has_batch); };
}

Run build_squeeze(NodeReader& node) {
  const Ints axes = node.axes(13);
  if (axes.empty()) node.refuse("without axes it would drop a batch of one; give the axes");
  return [axes](const Values& in) {
    Ints sizes = in[0].shape().sizes();
    const Ints drop = positive_axes(axes, rank_of(in[0]), "squeeze");
    for (auto axis = drop.rbegin(); axis != drop.rend(); ++axis) {
      check((*axis > 0 || is_integer(in[0])) && sizes[static_cast<std::size_t>(*axis)] == 1, "squeeze",
            "dimension ", *axis, " of ", in[0].shape(),
            " cannot be dropped; it must have size 1 and not be the batch");
      sizes.erase(sizes.begin() + *axis);
    }
    return reshape(in[0], sizes);
  };
}

Run build_unsqueeze(NodeReader& node) {
  const Ints axes = node.axes(13);
  return [axes](const Values& in) {
    Ints sizes = in[0].shape().sizes();
    for (const std::int64_t axis :
         positive_axes(axes, rank_of(in[0]) + static_cast<std::int64_t>(axes.size()), "unsqueeze"))
      sizes.insert(sizes.begin() + axis, 1);
    return reshape(in[0], sizes);
  };
}

Run build_transpose(NodeReader& node) {
  node.inputs(1, 1);
  const Ints perm = node.integers("perm").value_or(Ints{});
  return [perm](const Values& in) {
    std::vector<int> order(static_cast<std::size_t>(rank_of(in[0])));
    std::iota(order.rbegin(), order.rend(), 0);  // without perm: dimensions reversed
    if (!perm.empty()) order.assign(perm.begin(), perm.end());
    return permute(in[0], order);
  };
}

Run build_concat(NodeReader& node) {
  node.inputs(1, std::numeric_limits<std::size_t>::max());
  const auto axis = static_cast<int>(std::clamp<std::int64_t>(node.integer("axis", 1), -99, 99));
  return [axis](const Values& in) { return concat(in, axis); };
}

// Part `output` of x cut along `axis`: into parts of the sizes given, or into equal ones of which the last
// may be smaller.
Run build_split(NodeReader& node) {
  const std::int64_t axis = node.integer("axis", 0);
  std::optional<Ints> given;
  if (node.opset < 13) {
    node.inputs(1, 1);
    given = node.integers("split");
  } else {
    node.inputs(1, 2);
    if (node.given(1)) given = node.constant_integers(1, "split");
    if (node.opset >= 18) node.ignore("num_outputs");  // as many as the node has
  }
  const auto parts = static_cast<std::int64_t>(node.outputs()), part = static_cast<std::int64_t>(node.output);
  if (given && static_cast<std::int64_t>(given->size()) != parts)
    node.refuse("it has ", parts, " outputs, but split has ", given->size(), " sizes");
  return [=](const Values& in) {
    const auto at = static_cast<int>(positive_axis(axis, rank_of(in[0]), "split"));
    const std::int64_t size = in[0].dim(at), step = (size + parts - 1) / parts;
    if (!given) return slice(in[0], at, std::min(part * step, size), std::min((part + 1) * step, size));
    const std::int64_t begin = std::accumulate(given->begin(), given->begin() + part, std::int64_t{0});
    return slice(in[0], at, begin, begin + (*given)[static_cast<std::size_t>(part)]);
  };
}

struct SliceRule {
  IntegerInput begins, ends;
  Ints axes, steps;
};

// Elements at these indices of one axis; neighbours are taken together.
Var take(const Var& x, int axis, const Ints& indices) {
  Values parts;
  for (std::size_t i = 0; i < indices.size();) {
    const std::int64_t begin = positive_axis(indices[i], x.dim(axis), "gather");
    std::int64_t run = 1;
    while (i + static_cast<std::size_t>(run) < indices.size() && begin + run < x.dim(axis) &&
           indices[i + static_cast<std::size_t>(run)] == indices[i] + run)
      ++run;
    parts.push_back(slice(x, axis, begin, begin + run));
    i += static_cast<std::size_t>(run);
  }
  return parts.size() == 1 ? parts[0] : concat(parts, axis);
}

// Every step-th index from begin on, before end (step > 0) or behind it (step < 0).
Var strided(const Var& x, int axis, std::int64_t begin, std::int64_t end, std::int64_t step) {
  const std::int64_t size = x.dim(axis);
  const auto bound = [size](std::int64_t v, std::int64_t low, std::int64_t high) {
    return std::clamp(v < 0 ? std::max(v, -size - 1) + size : v, low, high);
  };
  Ints indices;
  if (step > 0)
    for (std::int64_t i = bound(begin, 0, size); i < bound(end, 0, size); i += step) indices.push_back(i);
  else
    for (std::int64_t i = bound(begin, -1, size - 1); i > bound(end, -1, size - 1); i += step)
      indices.push_back(i);
  if (indices.empty()) return slice(x, axis, 0, 0);
  if (step == 1 && static_cast<std::int64_t>(indices.size()) == size) return x;
  return take(x, axis, indices);
}

Var slice_by(const Var& x, const SliceRule& rule, const Values& in) {
  const Ints begins = rule.begins.of(in), ends = rule.ends.of(in);
  Ints axes = rule.axes, steps = rule.steps;
  if (axes.empty()) {
    axes.resize(begins.size());
    std::iota(axes.begin(), axes.end(), 0);
  }
  if (steps.empty()) steps.assign(begins.size(), 1);
  check(begins.size() == ends.size() && axes.size() == begins.size() && steps.size() == begins.size(),
        "slice", "needs as many ends, axes and steps as starts: ", begins.size(), ", ", ends.size(), ", ",
        axes.size(), ", ", steps.size());
  Var y = x;
  for (std::size_t i = 0; i < axes.size(); ++i)
    y = strided(y, static_cast<int>(positive_axis(axes[i], rank_of(x), "slice")), begins[i], ends[i],
                steps[i]);
  return y;
}

Run build_slice(NodeReader& node) {
  SliceRule rule;
  if (node.opset < 10) {
    node.inputs(1, 1);
    rule.begins.known = node.integers("starts").value_or(Ints{});
    rule.ends.known = node.integers("ends").value_or(Ints{});
    rule.axes = node.integers("axes").value_or(Ints{});
  } else {
    node.inputs(3, 5);
    rule.begins = node.integer_input(1, "starts");
    rule.ends = node.integer_input(2, "ends");
    if (node.given(3)) rule.axes = node.constant_integers(3, "axes");
    if (node.given(4)) rule.steps = node.constant_integers(4, "steps");
  }
  const auto is_bad = [](std::int64_t s) { return s == 0 || s > 1 << 20 || s < -(1 << 20); };
  if (std::any_of(rule.steps.begin(), rule.steps.end(), is_bad)) node.refuse("a step is 0 or beyond 2^20");
  return [rule](const Values& in) { return slice_by(in[0], rule, in); };
}

// Elements at fixed indices of one axis. One index alone drops the axis.
Run build_gather(NodeReader& node) {
  node.inputs(2, 2);
  const std::int64_t axis = node.integer("axis", 0);
  const Tensor indices = node.constant(1, "indices").to(DType::kInt64);
  if (indices.rank() > 1 || indices.numel() < 1 || indices.numel() > 65536)
    node.refuse("its indices must be one number or a list of 1 to 65536, got ", indices.shape());
  const Ints wanted = indices.values<std::int64_t>();
  const bool drop = indices.rank() == 0;
  const std::int64_t most = node.fixed(0) ? 1 << 20 : 1 << 26;
  return [=](const Values& in) {
    const auto at = static_cast<int>(positive_axis(axis, rank_of(in[0]), "gather"));
    const std::int64_t each = in[0].shape().numel() / std::max<std::int64_t>(1, in[0].dim(at)),
                       count = indices.numel();
    check(count <= most / std::max<std::int64_t>(1, each), "gather", count, " times ", each, " elements of ",
          in[0].shape(), " are more than ", most);
    const Var y = take(in[0], at, wanted);
    if (!drop) return y;
    Ints sizes = y.shape().sizes();
    sizes.erase(sizes.begin() + at);
    return reshape(y, sizes);
  };
}

// x repeated along dimensions of size 1, by NumPy's rule in both directions.
Run build_expand(NodeReader& node) {
  node.inputs(2, 2);
  const IntegerInput sizes = node.integer_input(1, "shape");
  const std::int64_t most = node.fixed(0) ? 1 << 20 : 1 << 26;
  return [sizes, most](const Values& in) {
    const Shape shape = broadcast("expand", in[0].shape(), Shape(sizes.of(in)));
    check(shape.numel() <= most, "expand", shape, " has more than ", most, " elements");
    if (shape == in[0].shape()) return in[0];
    if (!is_integer(in[0])) return in[0] + Var(Tensor::zeros(shape, in[0].dtype(), in[0].device()));
    check(in[0].value().numel() == 1, "expand", "integers of ", in[0].shape(), " cannot be spread to ",
          shape);
    return Var(Tensor::full(shape, in[0].value().item(), DType::kInt64));
  };
}

// Zeros (or one other constant) around the last two dimensions.
Run build_pad(NodeReader& node) {
  Ints pads;
  double value = 0;
  if (node.opset < 11) {
    node.inputs(1, 1);
    pads = node.integers("pads").value_or(Ints{});
    value = node.real("value", 0);
  } else {
    node.inputs(2, 3);
    pads = node.constant_integers(1, "pads");
    if (node.given(2)) value = node.constant_scalar(2, "value");
  }
  if (node.text("mode", "constant") != "constant") node.refuse("only mode 'constant' is supported");
  const auto fits = [](std::int64_t p) { return p >= 0 && p <= 512; };
  if (pads.size() != 8 || !std::all_of(pads.begin(), pads.end(), fits) ||
      pads[0] + pads[1] + pads[4] + pads[5] != 0)
    node.refuse("pads must be 8 numbers from 0 to 512, for height and width only");
  const Padding2 padding(pads[2], pads[3], pads[6], pads[7]);
  return [padding, value](const Values& in) { return pad2d(in[0], padding, value); };
}

constexpr BuilderRow kRows[] = {{"Concat", build_concat},
                                {"Expand", build_expand},
                                {"Flatten", build_flatten},
                                {"Gather", build_gather},
                                {"Pad", build_pad},
                                {"Reshape", build_reshape},
                                {"Slice", build_slice},
                                {"Split", build_split},
                                {"Squeeze", build_squeeze},
                                {"Transpose", build_transpose},
                                {"Unsqueeze", build_unsqueeze}};

}  // namespace

BuilderTable shape_builders() { return kRows; }

}  // namespace clearcut::onnx
