#include "models/onnx_export.h"

#include <algorithm>

#include "autograd/resize.h"
#include "models/onnx_graph_writer.h"
#include "tensor/work.h"

namespace clearcut::onnx {

namespace {

// For two passes: sides of which no map has a size that it has in the other, and some are odd.
constexpr std::int64_t kPasses = 2;
constexpr Size2 kSizes[kPasses] = {{65, 98}, {97, 130}};
constexpr std::int64_t kBatches[kPasses] = {1, 2};

// Evaluation, layer by layer.
class OneByOne {
 public:
  explicit OneByOne(Registry& root) : root_(root), before_(root.mode) {
    root_.mode.training = false;
    root_.mode.fuse = false;
  }
  ~OneByOne() { root_.mode = before_; }
  OneByOne(const OneByOne&) = delete;
  OneByOne& operator=(const OneByOne&) = delete;

 private:
  Registry& root_;
  Mode before_;
};

struct Pass {
  Tensor x, y;
  std::vector<Call> calls;
};

Pass run(const Forward& forward, std::int64_t batch, Size2 size) {
  const NoGrad no_grad;
  const DryRun dry;  // which operators run counts, not what they work out
  Trace trace;
  const Tensor x = Tensor::zeros({batch, 3, size.h, size.w});
  const Tensor y = forward(Var(x)).value();
  return {x, y, trace.calls()};
}

bool has_bins(const Pass& pass) { return std::any_of(pass.calls.begin(), pass.calls.end(), depends_on_size); }

// Open sizes are -1; only the first one, the number of pictures, if the plane is fixed.
Value open_value(const std::string& name, const Shape& shape, bool open_plane) {
  constexpr const char* kNames[] = {"N", "C", "H", "W"};
  Value value{.name = name, .known = true, .sizes = shape.sizes()};
  for (std::size_t i = 0; i < value.sizes.size(); ++i) {
    const bool open = i == 0 || (i >= 2 && open_plane);
    if (open) value.sizes[i] = -1;
    value.names.emplace_back(open ? kNames[i] : "");
  }
  return value;
}

Graph graph_of(const Pass& pass, const StateDict& state, bool open_plane) {
  GraphWriter graph(state, pass.x, "input");
  for (const Call& call : pass.calls) {
    const auto rows = call_writers();
    const auto row =
        std::find_if(rows.begin(), rows.end(), [&](const CallRow& r) { return call.op == r.op; });
    check(row != rows.end(), "onnx export", "the operator ", call.op, call.path.empty() ? "" : " of ",
          call.path, " has no form in ONNX here; models/onnx_export_ops.cpp has those of the others");
    std::string name = call.path;
    if (call.output.same_view(pass.y)) name = "logits";
    if (name.empty()) name = cat(graph.name_of(call.inputs[0]), ".", call.op);
    row->write(graph, call, graph.claim(call.output, name));
  }
  const std::string output = graph.name_of(pass.y);
  Graph result = graph.take();
  result.inputs = {open_value("input", pass.x.shape(), open_plane)};
  result.outputs = {open_value(output, pass.y.shape(), open_plane)};
  return result;
}

bool same(const Attribute& a, const Attribute& b) {
  return a.name == b.name && a.kind == b.kind && a.f == b.f && a.i == b.i && a.s == b.s && a.ints == b.ints;
}

bool same(const Tensor& a, const Tensor& b) {
  if (a.same_view(b)) return true;
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  return a.dtype() == DType::kInt64 ? a.values<std::int64_t>() == b.values<std::int64_t>()
                                    : a.values<float>() == b.values<float>();
}

// The first node that is another one in b, or null.
const Node* first_difference(const Graph& a, const Graph& b) {
  for (std::size_t i = 0; i < a.nodes.size(); ++i) {
    const Node& node = a.nodes[i];
    const Node* other = i < b.nodes.size() ? &b.nodes[i] : nullptr;
    if (other == nullptr || node.op != other->op || node.inputs != other->inputs ||
        node.outputs != other->outputs ||
        !std::ranges::equal(node.attributes, other->attributes, [](auto& p, auto& q) { return same(p, q); }))
      return &node;
    for (const std::string& name : node.inputs)
      if (a.initializers.contains(name) && !same(a.initializers.at(name), b.initializers.at(name)))
        return &node;
  }
  return nullptr;
}

Model export_network(Registry& root, const std::string& name, const Forward& forward, Size2 size) {
  check(root.dtype() == DType::kFloat32 && root.device() == Device::kCpu, "onnx export", name,
        " must be float32 on the CPU, it is ", root.dtype(), " on ", root.device());
  const OneByOne mode(root);
  const bool fixed = has_bins(run(forward, kBatches[0], kSizes[0]));
  check(!fixed || (size.h >= 1 && size.w >= 1), "onnx export", name,
        " averages maps in a number of bins, whose sides depend on the size of the picture: give the height ",
        "and width that it will get (--size)");
  const auto graph = [&](std::size_t pass) {
    return graph_of(run(forward, kBatches[pass], fixed ? size : kSizes[pass]), root.state(), !fixed);
  };
  Model model{.ir_version = 0, .opset = kExportOpset, .producer = "clearcut", .graph = graph(0)};
  model.graph.name = name;
  const Graph other = graph(1);
  const Node* differs = first_difference(model.graph, other);
  check(differs == nullptr && model.graph.nodes.size() == other.nodes.size(), "onnx export", "node ",
        differs == nullptr ? "(last)" : differs->title(), " of ", name,
        " would hold numbers that depend on the number of pictures or on their size");
  return model;
}

}  // namespace

Model export_classifier(Classifier& model, Size2 size) {
  return export_network(
      model.registry(), model.name(), [&](const Var& x) { return model.logits(x); }, size);
}

Model export_segmenter(Segmenter& model, Size2 size) {
  const auto at_full_size = [&](const Var& x) { return resize_bilinear(model.main_logits(x), x, false); };
  return export_network(model.registry(), model.name(), at_full_size, size);
}

}  // namespace clearcut::onnx
