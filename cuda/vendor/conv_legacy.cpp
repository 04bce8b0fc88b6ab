// Descriptors are made for each call, which costs microseconds; the choice of an algorithm is kept.
#include <array>
#include <limits>
#include <map>

#include "cuda/vendor/conv.h"
#include "cuda/vendor/cudnn.h"
#include "cuda/vendor/made.h"
#include "tensor/cuda_device.h"
#include "tensor/cuda_memory.h"

namespace clearcut::cuda {

namespace {

using conv::Direction;

int as_int(std::int64_t n) {
  check(n <= std::numeric_limits<int>::max(), "cuDNN", "counts in int; got ", n);
  return static_cast<int>(n);
}

dnn::Math math_now() {
  switch (cuda_products()) {
    case CudaProducts::kTf32:
      return dnn::kTf32Allowed;
    case CudaProducts::kF16:
      return dnn::kConversionAllowed;
    case CudaProducts::kBf16:
      fail("cuDNN", "multiplies float32 tensors as float32, tf32 or float16; got --products bfloat16");
    default:
      return dnn::kExact;
  }
}

class MapDescriptor : public Made {
 public:
  explicit MapDescriptor(const Nchw<float>& x) : Made(cudnn().tensor_destroy) {
    check_cudnn(cudnn().tensor_create(out()), "a tensor");
    check_cudnn(cudnn().tensor_set(*this, dnn::kNchw, dnn::kFloat32, as_int(x.N), as_int(x.C), as_int(x.H),
                                   as_int(x.W)),
                "the shape of a tensor");
  }
};

class FilterDescriptor : public Made {
 public:
  explicit FilterDescriptor(const Nchw<float>& w) : Made(cudnn().filter_destroy) {
    check_cudnn(cudnn().filter_create(out()), "a filter");
    check_cudnn(cudnn().filter_set(*this, dnn::kFloat32, dnn::kNchw, as_int(w.N), as_int(w.C), as_int(w.H),
                                   as_int(w.W)),
                "the shape of a filter");
  }
};

class ConvDescriptor : public Made {
 public:
  explicit ConvDescriptor(const ConvOptions& o) : Made(cudnn().conv_destroy) {
    const Cudnn& api = cudnn();
    check_cudnn(api.conv_create(out()), "a convolution");
    check_cudnn(api.conv_set(*this, as_int(o.padding.top), as_int(o.padding.left), as_int(o.stride.h),
                             as_int(o.stride.w), as_int(o.dilation.h), as_int(o.dilation.w),
                             dnn::kCrossCorrelation, dnn::kFloat32),
                "padding, stride and dilation");
    check_cudnn(api.conv_set_groups(*this, as_int(o.groups)), "groups");
    check_cudnn(api.conv_set_math(*this, math_now()), "the kind of products");
  }
};

struct Call {
  const VendorConv& c;
  MapDescriptor x, y;
  FilterDescriptor w;
  ConvDescriptor conv;

  explicit Call(const VendorConv& call) : c(call), x(call.x), y(call.y), w(call.w), conv(call.options) {}

  Shape output_shape() const {
    int N = 0, K = 0, P = 0, Q = 0;
    check_cudnn(cudnn().output_shape(conv, x, w, &N, &K, &P, &Q), "the shape of the output");
    return {N, K, P, Q};
  }

  dnn::Suggestion ask() const {
    constexpr int kWanted = 10;
    const Cudnn& api = cudnn();
    std::array<dnn::Suggestion, kWanted> all{};
    int found = 0;
    void* const h = cudnn_handle();
    const int status = c.direction == Direction::kForward
                           ? api.forward_suggest(h, x, w, conv, y, kWanted, &found, all.data())
                       : c.direction == Direction::kBackwardInput
                           ? api.backward_input_suggest(h, w, y, conv, x, kWanted, &found, all.data())
                           : api.backward_weight_suggest(h, x, y, conv, w, kWanted, &found, all.data());
    check_cudnn(status, "choosing an algorithm");
    for (int i = 0; i < found; ++i) {
      const dnn::Suggestion& s = all[static_cast<std::size_t>(i)];
      if (s.status == 0 && s.deterministic == dnn::kDeterministic) return s;
    }
    fail("cuDNN", "has no deterministic algorithm for this convolution, ", conv::name_of(c.direction));
  }

  void run(const dnn::Suggestion& how) const {
    const Cudnn& api = cudnn();
    const float one = 1, zero = 0;
    const CudaBlock memory(how.workspace);
    void *const h = cudnn_handle(), *const space = memory.data();
    const int status = c.direction == Direction::kForward
                           ? api.forward(h, &one, x, c.x.data, w, c.w.data, conv, how.algorithm, space,
                                         how.workspace, &zero, y, c.y.data)
                       : c.direction == Direction::kBackwardInput
                           ? api.backward_input(h, &one, w, c.w.data, y, c.y.data, conv, how.algorithm, space,
                                                how.workspace, &zero, x, c.x.data)
                           : api.backward_weight(h, &one, x, c.x.data, y, c.y.data, conv, how.algorithm,
                                                 space, how.workspace, &zero, w, c.w.data);
    check_cudnn(status, "a convolution");
  }
};

}  // namespace

bool legacy_can(const ConvOptions& o) {
  return o.padding.top == o.padding.bottom && o.padding.left == o.padding.right;
}

Shape cudnn_output_shape(const VendorConv& call) { return Call(call).output_shape(); }

void vendor_convolve_legacy(const VendorConv& call) {
  check(legacy_can(call.options), "cuDNN", "the legacy calls pad both sides of an axis alike; got top ",
        call.options.padding.top, ", bottom ", call.options.padding.bottom, ", left ",
        call.options.padding.left, ", right ", call.options.padding.right);
  enter_fast_body();
  const Call made(call);
  const Shape y = {call.y.N, call.y.C, call.y.H, call.y.W};
  check(made.output_shape() == y, "cuDNN", "counts ", made.output_shape(), " for the output; here it is ", y);
  static std::map<std::vector<std::int64_t>, dnn::Suggestion> known;
  const auto key = key_of(call);
  auto found = known.find(key);
  if (found == known.end()) found = known.emplace(key, made.ask()).first;
  made.run(found->second);
}

}  // namespace clearcut::cuda
