// The graph back end of the stand-in: descriptors are typed sets of attributes. Setting one with a wrong type
// or on a finalized descriptor, finalizing without a required one, and using one that is not finalized are
// errors, as in cuDNN's manual.
#include <algorithm>
#include <cstring>
#include <map>

#include "tests/cuda/vendor/fake_cudnn_parts.h"

namespace clearcut::test::fake_backend {

namespace {

using namespace cuda::dnn;

struct Value {
  AttributeType type;
  std::int64_t count;
  std::vector<char> bytes;
};
struct Descriptor {
  DescriptorType type;
  std::map<int, Value> values = {};
  bool finalized = false;
  Descriptor* graph = nullptr;  // of engine configurations
  int engine = -1;

  template <class T>
  T one(int attribute, std::size_t i = 0) const {
    T value;
    std::memcpy(&value, values.at(attribute).bytes.data() + i * sizeof(T), sizeof(T));
    return value;
  }
  const Descriptor& part(int attribute) const { return *static_cast<Descriptor*>(one<void*>(attribute)); }
};

std::size_t size_of_type(AttributeType type) {
  switch (type) {
    case kDataTypeType:
    case kModeType:
    case kHeuristicModeType:
    case kNoteType:
    case kFloat:
      return 4;
    default:
      return 8;
  }
}

struct Rule {
  int attribute;
  AttributeType type;
  std::int64_t count;
};
std::vector<Rule> operation_rules(int first) {
  std::vector<Rule> rules = {{first, kFloat, 1}, {first + 1, kFloat, 1}};
  for (int i = 2; i < 6; ++i) rules.push_back({first + i, kDescriptor, 1});
  return rules;
}
/// What each kind of descriptor needs.
const std::map<int, std::vector<Rule>>& all_rules() {
  static const std::map<int, std::vector<Rule>> rules = {
      {kTensor,
       {{kTensorDataType, kDataTypeType, 1},
        {kTensorDims, kInt64, 4},
        {kTensorStrides, kInt64, 4},
        {kTensorId, kInt64, 1},
        {kTensorAlignment, kInt64, 1}}},
      {kConvolution,
       {{kConvolutionCompute, kDataTypeType, 1},
        {kConvolutionMode, kModeType, 1},
        {kSpatialDims, kInt64, 1},
        {kStrides, kInt64, 2},
        {kDilations, kInt64, 2},
        {kPrePaddings, kInt64, 2},
        {kPostPaddings, kInt64, 2}}},
      {kForward, operation_rules(kForwardAlpha)},
      {kBackwardInput, operation_rules(kBackwardInputAlpha)},
      {kBackwardWeight, operation_rules(kBackwardWeightAlpha)},
      {kGraph, {{kGraphHandle, kHandleType, 1}, {kGraphOperations, kDescriptor, 1}}},
      {kHeuristic, {{kHeuristicGraph, kDescriptor, 1}, {kHeuristicMode, kHeuristicModeType, 1}}},
      {kPlan, {{kPlanHandle, kHandleType, 1}, {kPlanConfig, kDescriptor, 1}}},
      {kVariantPack, {{kPackIds, kInt64, 3}, {kPackPointers, kPointer, 3}, {kPackWorkspace, kPointer, 1}}}};
  return rules;
}

Nchw<float> map_of(const Descriptor& tensor, const Descriptor& pack) {
  float* data = nullptr;
  for (std::size_t i = 0; i < 3; ++i)
    if (pack.one<std::int64_t>(kPackIds, i) == tensor.one<std::int64_t>(kTensorId))
      data = static_cast<float*>(pack.one<void*>(kPackPointers, i));
  const auto dim = [&](std::size_t i) { return tensor.one<std::int64_t>(kTensorDims, i); };
  return {data, dim(0), dim(1), dim(2), dim(3)};
}
bool contiguous(const Descriptor& tensor) {
  std::int64_t stride = 1;
  for (std::size_t i = 4; i-- > 0; stride *= tensor.one<std::int64_t>(kTensorDims, i))
    if (tensor.one<std::int64_t>(kTensorStrides, i) != stride) return false;
  return true;
}

ConvOptions options_of(const Descriptor& conv, const Nchw<float>& x, const Nchw<float>& w) {
  const auto pair = [&](int attribute, std::size_t i) { return conv.one<std::int64_t>(attribute, i); };
  return {.stride = {pair(kStrides, 0), pair(kStrides, 1)},
          .padding = {pair(kPrePaddings, 0), pair(kPrePaddings, 1), pair(kPostPaddings, 0),
                      pair(kPostPaddings, 1)},
          .dilation = {pair(kDilations, 0), pair(kDilations, 1)},
          .groups = x.C / w.C};
}

const std::vector<int>& notes_of(const Descriptor& engine) {
  return fake_cudnn->engines.at(static_cast<std::size_t>(engine.engine));
}

}  // namespace

int make(DescriptorType type, void** out) {
  *out = new Descriptor{.type = type};
  return 0;
}
int destroy(void* made) {
  delete static_cast<Descriptor*>(made);
  return 0;
}

int set(void* made, Attribute attribute, AttributeType type, std::int64_t count, const void* values) {
  Descriptor& d = *static_cast<Descriptor*>(made);
  if (d.finalized || !all_rules().contains(d.type)) return kBadParameter;
  const std::vector<Rule>& rules = all_rules().at(d.type);
  const auto rule = std::ranges::find_if(rules, [&](const Rule& r) { return r.attribute == attribute; });
  if (rule == rules.end() || rule->type != type || rule->count != count) return kBadParameter;
  if (type == kDescriptor && !(*static_cast<Descriptor* const*>(values))->finalized) return kBadParameter;
  const auto* bytes = static_cast<const char*>(values);
  d.values[attribute] = {type, count, {bytes, bytes + static_cast<std::size_t>(count) * size_of_type(type)}};
  return 0;
}

int get(void* made, Attribute attribute, AttributeType type, std::int64_t wanted, std::int64_t* count,
        void* values) {
  Descriptor& d = *static_cast<Descriptor*>(made);
  auto* const pointers = static_cast<Descriptor**>(values);
  if (!d.finalized) return kBadParameter;
  if (d.type == kHeuristic && attribute == kHeuristicResults && type == kDescriptor) {
    *count = d.one<int>(kHeuristicMode) == kModeA ? static_cast<std::int64_t>(fake_cudnn->engines.size()) : 0;
    for (std::int64_t i = 0; i < std::min(*count, wanted); ++i) {
      pointers[i]->graph = static_cast<Descriptor*>(d.one<void*>(kHeuristicGraph));
      pointers[i]->engine = static_cast<int>(i);
      pointers[i]->finalized = true;
    }
  } else if (d.type == kEngineConfig && attribute == kConfigEngine && type == kDescriptor) {
    *count = 1;
    pointers[0]->engine = d.engine;
    pointers[0]->finalized = true;
  } else if (d.type == kEngine && attribute == kEngineNotes && type == kNoteType) {
    *count = static_cast<std::int64_t>(notes_of(d).size());
    std::ranges::copy(notes_of(d), static_cast<int*>(values));
  } else if (d.type == kPlan && attribute == kPlanWorkspace && type == kInt64) {
    *count = 1;
    *static_cast<std::int64_t*>(values) = 128;
  } else {
    return kBadParameter;
  }
  return 0;
}

int finalize(void* made) {
  Descriptor& d = *static_cast<Descriptor*>(made);
  if (d.finalized || !all_rules().contains(d.type)) return kBadParameter;
  for (const Rule& rule : all_rules().at(d.type))
    if (!d.values.contains(rule.attribute)) return kBadParameter;
  if (d.type == kTensor && (!contiguous(d) || d.one<int>(kTensorDataType) != kFloat32)) return kBadParameter;
  if (d.type == kPlan) {
    if (std::ranges::count(notes_of(d.part(kPlanConfig)), -1) > 0) return kNotSupported;
    ++fake_cudnn->plans_made;
  }
  d.finalized = true;
  return 0;
}

int execute(void* handle, void* plan, void* pack) {
  const Descriptor &p = *static_cast<Descriptor*>(plan), &where = *static_cast<Descriptor*>(pack);
  if (handle != &fake_cudnn || !p.finalized || !where.finalized || p.type != kPlan ||
      where.type != kVariantPack)
    return kBadParameter;
  const Descriptor& config = p.part(kPlanConfig);
  const Descriptor& op = config.graph->part(kGraphOperations);
  const auto [direction, first] =
      op.type == kForward         ? std::pair(conv::Direction::kForward, int{kForwardAlpha})
      : op.type == kBackwardInput ? std::pair(conv::Direction::kBackwardInput, int{kBackwardInputAlpha})
                                  : std::pair(conv::Direction::kBackwardWeight, int{kBackwardWeightAlpha});
  if (op.one<float>(first) != 1 || op.one<float>(first + 1) != 0) return kBadParameter;
  const Nchw<float> w = map_of(op.part(first + 3), where), x = map_of(op.part(first + 4), where),
                    y = map_of(op.part(first + 5), where);
  fake_cudnn->calls.push_back(cat("graph ", conv::name_of(direction), " engine ", config.engine));
  return convolve({x, w, y, options_of(op.part(first + 2), x, w)}, direction);
}

}  // namespace clearcut::test::fake_backend
