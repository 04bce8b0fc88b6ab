// The graph back end: descriptors are sets of attributes, finalized before others may use them.
//
//   three tensors, a convolution -> operation -> graph -> heuristics -> engine configurations -> plan
//
// A plan is made once for each shape, and run with a variant pack: which tensor lies where.
#include <array>
#include <list>
#include <map>

#include "cuda/vendor/conv.h"
#include "cuda/vendor/cudnn.h"
#include "cuda/vendor/made.h"
#include "tensor/cuda_device.h"
#include "tensor/cuda_memory.h"

namespace clearcut::cuda {

namespace {

using conv::Direction;

enum Id : std::int64_t { kX = 1, kW = 2, kY = 3 };  // of the tensors

class Descriptor : public Made {
 public:
  explicit Descriptor(dnn::DescriptorType type) : Made(cudnn().destroy) {
    check_cudnn(cudnn().make(type, out()), "a descriptor");
  }
  template <class T>
  void set(dnn::Attribute attribute, dnn::AttributeType type, const std::vector<T>& values) {
    check_cudnn(cudnn().set(*this, attribute, type, static_cast<std::int64_t>(values.size()), values.data()),
                "an attribute");
  }
  void set_descriptor(dnn::Attribute attribute, const Descriptor& value) {
    set<void*>(attribute, dnn::kDescriptor, {value});
  }
  void finalize(const char* what) { check_cudnn(cudnn().finalize(*this), what); }
};

Descriptor tensor(Id id, const Nchw<float>& x) {
  Descriptor d(dnn::kTensor);
  const std::int64_t alignment = reinterpret_cast<std::uintptr_t>(x.data) % 16 == 0 ? 16 : 4;
  d.set<int>(dnn::kTensorDataType, dnn::kDataTypeType, {dnn::kFloat32});
  d.set<std::int64_t>(dnn::kTensorDims, dnn::kInt64, {x.N, x.C, x.H, x.W});
  d.set<std::int64_t>(dnn::kTensorStrides, dnn::kInt64, {x.C * x.H * x.W, x.H * x.W, x.W, 1});
  d.set<std::int64_t>(dnn::kTensorId, dnn::kInt64, {id});
  d.set<std::int64_t>(dnn::kTensorAlignment, dnn::kInt64, {alignment});
  d.finalize("a tensor");
  return d;
}

Descriptor convolution(const ConvOptions& o) {
  Descriptor d(dnn::kConvolution);
  d.set<int>(dnn::kConvolutionCompute, dnn::kDataTypeType, {dnn::kFloat32});
  d.set<int>(dnn::kConvolutionMode, dnn::kModeType, {dnn::kCrossCorrelation});
  d.set<std::int64_t>(dnn::kSpatialDims, dnn::kInt64, {2});
  d.set<std::int64_t>(dnn::kStrides, dnn::kInt64, {o.stride.h, o.stride.w});
  d.set<std::int64_t>(dnn::kDilations, dnn::kInt64, {o.dilation.h, o.dilation.w});
  d.set<std::int64_t>(dnn::kPrePaddings, dnn::kInt64, {o.padding.top, o.padding.left});
  d.set<std::int64_t>(dnn::kPostPaddings, dnn::kInt64, {o.padding.bottom, o.padding.right});
  d.finalize("a convolution");
  return d;
}

/// The attributes of the three operations stand in one order: alpha, beta, convolution, w, x, y.
Descriptor operation(Direction direction, const Descriptor& conv, const Descriptor& x, const Descriptor& w,
                     const Descriptor& y) {
  const auto [type, first] = direction == Direction::kForward ? std::pair(dnn::kForward, dnn::kForwardAlpha)
                             : direction == Direction::kBackwardInput
                                 ? std::pair(dnn::kBackwardInput, dnn::kBackwardInputAlpha)
                                 : std::pair(dnn::kBackwardWeight, dnn::kBackwardWeightAlpha);
  const auto attribute = [first = first](int i) { return static_cast<dnn::Attribute>(first + i); };
  Descriptor d(type);
  d.set<float>(attribute(0), dnn::kFloat, {1});
  d.set<float>(attribute(1), dnn::kFloat, {0});
  d.set_descriptor(attribute(2), conv);
  d.set_descriptor(attribute(3), w);
  d.set_descriptor(attribute(4), x);
  d.set_descriptor(attribute(5), y);
  d.finalize("an operation");
  return d;
}

/// Whether an engine's products and sums are what was asked for, in every run alike.
bool wanted(const std::vector<int>& notes) {
  for (const int note : notes) {
    if (note == dnn::kNondeterministic) return false;
    const CudaProducts products = cuda_products();
    if (products == CudaProducts::kF16) continue;
    if (note == dnn::kDownConverts || note == dnn::kReducedPrecision) return false;
    if (note == dnn::kTensorCore && products == CudaProducts::kFloat32) return false;
  }
  return true;
}

std::vector<int> notes_of(const Descriptor& config) {
  Descriptor engine(dnn::kEngine);
  std::int64_t count = 0;
  void* engines[] = {engine};
  check_cudnn(cudnn().get(config, dnn::kConfigEngine, dnn::kDescriptor, 1, &count, engines), "an engine");
  std::vector<int> notes(16);
  check_cudnn(cudnn().get(engine, dnn::kEngineNotes, dnn::kNoteType, static_cast<std::int64_t>(notes.size()),
                          &count, notes.data()),
              "the notes of an engine");
  notes.resize(static_cast<std::size_t>(count));
  return notes;
}

/// Configurations that a heuristic suggests, the best first.
std::list<Descriptor> suggested(const Descriptor& graph, dnn::HeuristicMode mode) {
  constexpr std::int64_t kMost = 16;
  Descriptor heuristic(dnn::kHeuristic);
  heuristic.set_descriptor(dnn::kHeuristicGraph, graph);
  heuristic.set<int>(dnn::kHeuristicMode, dnn::kHeuristicModeType, {mode});
  heuristic.finalize("a heuristic");
  std::list<Descriptor> configs;
  std::vector<void*> pointers;
  for (std::int64_t i = 0; i < kMost; ++i) pointers.push_back(configs.emplace_back(dnn::kEngineConfig));
  std::int64_t count = 0;
  check_cudnn(
      cudnn().get(heuristic, dnn::kHeuristicResults, dnn::kDescriptor, kMost, &count, pointers.data()),
      "what a heuristic suggests");
  while (configs.size() > static_cast<std::size_t>(count)) configs.pop_back();
  return configs;
}

struct Plan {
  std::list<Descriptor> parts;  // of the graph, alive as long as the plan
  Descriptor plan{dnn::kPlan};
  std::int64_t workspace = 0;
};

/// False if the engine does not take these shapes after all.
bool complete(Plan& made, const Descriptor& config) {
  Descriptor plan(dnn::kPlan);
  plan.set<void*>(dnn::kPlanHandle, dnn::kHandleType, {cudnn_handle()});
  plan.set_descriptor(dnn::kPlanConfig, config);
  if (cudnn().finalize(plan) != 0) return false;
  std::int64_t count = 0;
  check_cudnn(cudnn().get(plan, dnn::kPlanWorkspace, dnn::kInt64, 1, &count, &made.workspace), "a workspace");
  std::swap(*made.plan.out(), *plan.out());
  return true;
}

Plan plan_for(const VendorConv& c) {
  Plan made;
  const auto keep = [&](Descriptor&& d) -> Descriptor& { return made.parts.emplace_back(std::move(d)); };
  const Descriptor &x = keep(tensor(kX, c.x)), &w = keep(tensor(kW, c.w)), &y = keep(tensor(kY, c.y)),
                   &conv = keep(convolution(c.options)), &op = keep(operation(c.direction, conv, x, w, y));
  Descriptor& graph = keep(Descriptor(dnn::kGraph));
  graph.set<void*>(dnn::kGraphHandle, dnn::kHandleType, {cudnn_handle()});
  graph.set_descriptor(dnn::kGraphOperations, op);
  graph.finalize("a graph");
  for (const dnn::HeuristicMode mode : {dnn::kModeA, dnn::kFallback})
    for (Descriptor& config : suggested(graph, mode))
      if (wanted(notes_of(config)) && complete(made, config)) {
        keep(std::move(config));
        return made;
      }
  fail("cuDNN", "has no deterministic engine for this convolution, ", conv::name_of(c.direction),
       ", with such products");
}

void run(const Plan& plan, const VendorConv& c) {
  const CudaBlock workspace(static_cast<std::size_t>(plan.workspace));
  Descriptor pack(dnn::kVariantPack);
  pack.set<std::int64_t>(dnn::kPackIds, dnn::kInt64, {kX, kW, kY});
  pack.set<void*>(dnn::kPackPointers, dnn::kPointer, {c.x.data, c.w.data, c.y.data});
  pack.set<void*>(dnn::kPackWorkspace, dnn::kPointer, {workspace.data()});
  pack.finalize("a variant pack");
  check_cudnn(cudnn().execute(cudnn_handle(), plan.plan, pack), "a convolution");
}

}  // namespace

void vendor_convolve(const VendorConv& call) {
  check(cuda_products() != CudaProducts::kBf16, "cuDNN",
        "multiplies float32 tensors as float32, tf32 or float16; got --products bfloat16");
  enter_fast_body();
  static auto& plans = *new std::map<std::vector<std::int64_t>, Plan>;  // the library may be closed before it
  const auto key = key_of(call);
  auto found = plans.find(key);
  if (found == plans.end()) found = plans.emplace(key, plan_for(call)).first;
  run(found->second, call);
}

}  // namespace clearcut::cuda
