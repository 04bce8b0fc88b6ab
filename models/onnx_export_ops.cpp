// Operators of ours as nodes of ONNX, opset 13: one function per row.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "autograd/batch_norm.h"
#include "autograd/matmul.h"
#include "autograd/pool.h"
#include "autograd/rearrange.h"
#include "autograd/resize.h"
#include "models/onnx_graph_writer.h"
#include "nn/layers.h"
#include "tensor/ops/elementwise.h"

namespace clearcut::onnx {

namespace {

using Ints = GraphWriter::Ints;

template <class Options>
const Options& options_of(const Call& call) {
  const auto* options = std::any_cast<Options>(&call.options);
  check(options != nullptr, "onnx export", call.op, " was called in a way that has no form in ONNX here");
  return *options;
}

Ints pair(Size2 s) { return {s.h, s.w}; }
Ints pads(const Padding2& p) { return {p.top, p.left, p.bottom, p.right}; }

// Names of all inputs; "" for one that was left out, none behind the last that is there.
std::vector<std::string> inputs_of(GraphWriter& graph, const Call& call) {
  std::vector<std::string> names;
  for (const Tensor& x : call.inputs) names.push_back(x.defined() ? graph.name_of(x) : "");
  while (!names.empty() && names.back().empty()) names.pop_back();
  return names;
}

void write_conv(GraphWriter& graph, const Call& call, const std::string& output) {
  const auto* same = std::any_cast<SameConv>(&call.options);
  const ConvOptions& o = same != nullptr ? same->options : options_of<ConvOptions>(call);
  const Tensor& w = call.inputs[1];
  graph.add("Conv", inputs_of(graph, call), output,
            {attribute("kernel_shape", Ints{w.dim(2), w.dim(3)}), attribute("strides", pair(o.stride)),
             attribute("dilations", pair(o.dilation)), attribute("group", o.groups),
             same != nullptr ? attribute("auto_pad", "SAME_UPPER") : attribute("pads", pads(o.padding))});
}

void write_batch_norm(GraphWriter& graph, const Call& call, const std::string& output) {
  const auto& o = options_of<FixedBatchNorm>(call);
  auto inputs = inputs_of(graph, call);
  inputs.push_back(graph.name_of(o.running.mean));
  inputs.push_back(graph.name_of(o.running.variance));
  graph.add("BatchNormalization", inputs, output, {attribute("epsilon", o.eps)});
}

void write_linear(GraphWriter& graph, const Call& call, const std::string& output) {
  graph.add("Gemm", inputs_of(graph, call), output, {attribute("transB", std::int64_t{1})});
}

// The product of matrices, of which those that are stored transposed are turned around first.
void write_matmul(GraphWriter& graph, const Call& call, const std::string& output) {
  const auto& o = options_of<MatmulOptions>(call);
  auto names = inputs_of(graph, call);
  for (std::size_t i = 0; i < 2; ++i) {
    if (!(i == 0 ? o.transpose_a : o.transpose_b)) continue;
    Ints order(static_cast<std::size_t>(call.inputs[i].rank()));
    std::iota(order.begin(), order.end(), 0);
    std::swap(order[order.size() - 1], order[order.size() - 2]);
    names[i] =
        graph.add("Transpose", {names[i]}, graph.helper(names[i], "transposed"), {attribute("perm", order)});
  }
  graph.add("MatMul", names, output);
}

void write_softmax(GraphWriter& graph, const Call& call, const std::string& output) {
  graph.add("Softmax", inputs_of(graph, call), output,
            {attribute("axis", static_cast<std::int64_t>(options_of<int>(call)))});
}

void write_concat(GraphWriter& graph, const Call& call, const std::string& output) {
  graph.add("Concat", inputs_of(graph, call), output,
            {attribute("axis", static_cast<std::int64_t>(options_of<int>(call)))});
}

template <const char* op>
void write_as(GraphWriter& graph, const Call& call, const std::string& output) {
  graph.add(op, inputs_of(graph, call), output);
}

// Of two values, or of a value and a number.
template <const char* op, class WithNumber>
void write_arithmetic(GraphWriter& graph, const Call& call, const std::string& output) {
  auto inputs = inputs_of(graph, call);
  if (inputs.size() == 1) inputs.push_back(graph.number(options_of<WithNumber>(call).parameter_s));
  graph.add(op, inputs, output);
}

void write_clamp(GraphWriter& graph, const Call& call, const std::string& output) {
  const auto& o = options_of<pointwise::clamp>(call);
  const auto bound = [&](double v) { return std::isinf(v) ? std::string() : graph.number(v); };
  graph.add("Clip", {graph.name_of(call.inputs[0]), bound(o.parameter_low), bound(o.parameter_high)}, output);
}

void write_max_pool(GraphWriter& graph, const Call& call, const std::string& output) {
  const auto& o = options_of<MaxPoolOptions>(call);
  graph.add("MaxPool", inputs_of(graph, call), output,
            {attribute("kernel_shape", pair(o.kernel)),
             attribute("strides", pair(o.stride == Size2(0) ? o.kernel : o.stride)),
             attribute("dilations", pair(o.dilation)), attribute("pads", pads(o.padding)),
             attribute("ceil_mode", static_cast<std::int64_t>(o.ceil_mode))});
}

void write_avg_pool(GraphWriter& graph, const Call& call, const std::string& output) {
  const auto& o = options_of<AvgPoolOptions>(call);
  graph.add(
      "AveragePool", inputs_of(graph, call), output,
      {attribute("kernel_shape", pair(o.kernel)),
       attribute("strides", pair(o.stride == Size2(0) ? o.kernel : o.stride)),
       attribute("pads", pads(o.padding)), attribute("ceil_mode", static_cast<std::int64_t>(o.ceil_mode)),
       attribute("count_include_pad", static_cast<std::int64_t>(o.count_include_pad))});
}

// Column b has 1 / |bin b| in the rows that bin b covers, [floor(b size / bins), ceil((b+1) size / bins)).
Tensor averages(std::int64_t size, std::int64_t bins) {
  Tensor a = Tensor::zeros({size, bins});
  for (std::int64_t b = 0; b < bins; ++b) {
    const std::int64_t begin = b * size / bins, end = ((b + 1) * size + bins - 1) / bins;
    for (std::int64_t i = begin; i < end; ++i)
      a.data<float>()[i * bins + b] = 1.0F / static_cast<float>(end - begin);
  }
  return a;
}

// The mean of everything, or of bins, which overlap where the sides are no multiples of their number:
// products with a matrix that averages columns, and with one that averages rows.
void write_adaptive_pool(GraphWriter& graph, const Call& call, const std::string& output) {
  const Size2 bins = options_of<Size2>(call);
  const Tensor& x = call.inputs[0];
  std::string value = graph.name_of(x);
  if (bins == Size2(1)) {
    graph.add("GlobalAveragePool", {value}, output);
    return;
  }
  const auto turned = attribute("perm", Ints{0, 1, 3, 2});
  const auto averaged = [&](const std::string& what, std::int64_t size, std::int64_t count) {
    const std::string matrix = graph.fixed(averages(size, count), cat(output, ".", what, "_matrix"));
    return graph.add("MatMul", {value, matrix}, graph.helper(output, what));
  };
  value = averaged("columns", x.dim(3), bins.w);
  value = graph.add("Transpose", {value}, graph.helper(output, "turned"), {turned});
  value = averaged("rows", x.dim(2), bins.h);
  graph.add("Transpose", {value}, output, {turned});
}

// To the height and width of another value, or to fixed ones.
template <bool nearest>
void write_resize(GraphWriter& graph, const Call& call, const std::string& output) {
  const auto& o = options_of<ResizeCall>(call);
  const std::string x = graph.name_of(call.inputs[0]);
  const std::string plane = o.like.defined() ? graph.plane(graph.name_of(o.like))
                                             : graph.integers({call.output.dim(2), call.output.dim(3)});
  const std::string sizes = graph.add("Concat", {graph.leading_sizes(x), plane},
                                      graph.helper(output, "sizes"), {attribute("axis", std::int64_t{0})});
  std::vector<Attribute> attributes = {attribute("mode", nearest ? "nearest" : "linear")};
  const char* centres = nearest ? "asymmetric" : "half_pixel";
  attributes.push_back(
      attribute("coordinate_transformation_mode", o.align_corners ? "align_corners" : centres));
  if (nearest)
    attributes.push_back(attribute("nearest_mode", o.align_corners ? "round_prefer_ceil" : "floor"));
  graph.add("Resize", {x, "", "", sizes}, output, std::move(attributes));
}

// Sizes that stay are written as 0, which takes them from the input.
void write_reshape(GraphWriter& graph, const Call& call, const std::string& output) {
  const std::string x = graph.name_of(call.inputs[0]);
  if (const auto* unflatten = std::any_cast<UnflattenCall>(&call.options)) {
    const std::string sizes =
        graph.add("Concat", {graph.integers({0, 0}), graph.plane(graph.name_of(unflatten->like))},
                  graph.helper(output, "sizes"), {attribute("axis", std::int64_t{0})});
    graph.add("Reshape", {x, sizes}, output);
    return;
  }
  Ints sizes = call.output.shape().sizes();
  if (const auto* flatten = std::any_cast<FlattenCall>(&call.options))
    sizes[static_cast<std::size_t>(flatten->first)] = -1;
  const Ints from = call.inputs[0].shape().sizes();
  for (std::size_t i = 0; i < std::min(sizes.size(), from.size()) && sizes[i] == from[i]; ++i) sizes[i] = 0;
  graph.add("Reshape", {x, graph.integers(sizes)}, output);
}

constexpr char kAdd[] = "Add", kDiv[] = "Div", kMul[] = "Mul", kRelu[] = "Relu";
constexpr CallRow kRows[] = {{"adaptive_avg_pool2d", write_adaptive_pool},
                             {"add", write_arithmetic<kAdd, pointwise::add>},
                             {"avg_pool2d", write_avg_pool},
                             {"batch_norm", write_batch_norm},
                             {"clamp", write_clamp},
                             {"concat", write_concat},
                             {"conv2d", write_conv},
                             {"div", write_arithmetic<kDiv, pointwise::div>},
                             {"linear", write_linear},
                             {"matmul", write_matmul},
                             {"max_pool2d", write_max_pool},
                             {"mul", write_arithmetic<kMul, pointwise::mul>},
                             {"relu", write_as<kRelu>},
                             {"reshape", write_reshape},
                             {"resize_bilinear", write_resize<false>},
                             {"resize_nearest", write_resize<true>},
                             {"softmax", write_softmax}};

}  // namespace

std::span<const CallRow> call_writers() { return kRows; }

bool depends_on_size(const Call& call) {
  return call.op == "adaptive_avg_pool2d" && !(options_of<Size2>(call) == Size2(1));
}

}  // namespace clearcut::onnx
