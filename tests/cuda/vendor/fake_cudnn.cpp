#include "tests/cuda/vendor/fake_cudnn.h"

#include <cstring>
#include <map>
#include <memory>

#include "tensor/ops/conv2d.h"
#include "tests/cuda/vendor/fake_cudnn_parts.h"

namespace clearcut::test {

FakeCudnn* fake_cudnn = nullptr;

// ---- what both interfaces end in

int convolve(const FakeConvolution& c, conv::Direction direction) {
  const ConvOptions& o = c.options;
  const Nchw<const float> x{c.x.data, c.x.N, c.x.C, c.x.H, c.x.W}, w{c.w.data, c.w.N, c.w.C, c.w.H, c.w.W},
      y{c.y.data, c.y.N, c.y.C, c.y.H, c.y.W};
  const Shape shape = ops::conv2d_shape({x.N, x.C, x.H, x.W}, {w.N, w.C, w.H, w.W}, o);
  if (!(shape == Shape{y.N, y.C, y.H, y.W})) return kBadParameter;
  if (direction == conv::Direction::kForward) kernels::conv2d<float>(Reference{}, x, w, {}, o, nullptr, c.y);
  if (direction == conv::Direction::kBackwardInput)
    kernels::conv2d_backward_input<float>(Reference{}, y, w, o, nullptr, c.x);
  if (direction == conv::Direction::kBackwardWeight)
    kernels::conv2d_backward_weight<float>(Reference{}, y, x, o, c.w);
  return 0;
}

namespace {

// ---- legacy

struct Sizes {
  int n[4] = {};
};
struct LegacyConv {
  ConvOptions options;
  int math = -1;
};

template <class T>
int make_legacy(void** out) {
  *out = new T;
  return 0;
}
template <class T>
int destroy_legacy(void* made) {
  delete static_cast<T*>(made);
  return 0;
}

int set_tensor(void* made, cuda::dnn::Format format, cuda::dnn::DataType type, int N, int C, int H, int W) {
  if (format != cuda::dnn::kNchw || type != cuda::dnn::kFloat32) return kBadParameter;
  *static_cast<Sizes*>(made) = {{N, C, H, W}};
  return 0;
}
int set_filter(void* made, cuda::dnn::DataType type, cuda::dnn::Format format, int K, int C, int R, int S) {
  return set_tensor(made, format, type, K, C, R, S);
}
int set_conv(void* made, int pad_h, int pad_w, int stride_h, int stride_w, int dilation_h, int dilation_w,
             cuda::dnn::Mode mode, cuda::dnn::DataType compute) {
  if (mode != cuda::dnn::kCrossCorrelation || compute != cuda::dnn::kFloat32) return kBadParameter;
  ConvOptions& o = static_cast<LegacyConv*>(made)->options;
  o.padding = {pad_h, pad_w, pad_h, pad_w};
  o.stride = {stride_h, stride_w};
  o.dilation = {dilation_h, dilation_w};
  return 0;
}

Nchw<float> view(void* sizes, const void* data) {
  const Sizes& s = *static_cast<Sizes*>(sizes);
  return {const_cast<float*>(static_cast<const float*>(data)), s.n[0], s.n[1], s.n[2], s.n[3]};
}
int output_shape(void* conv, void* x, void* w, int* N, int* K, int* P, int* Q) {
  const Nchw<float> a = view(x, nullptr), b = view(w, nullptr);
  const Shape y =
      ops::conv2d_shape({a.N, a.C, a.H, a.W}, {b.N, b.C, b.H, b.W}, static_cast<LegacyConv*>(conv)->options);
  *N = static_cast<int>(y[0]);
  *K = static_cast<int>(y[1]);
  *P = static_cast<int>(y[2]);
  *Q = static_cast<int>(y[3]);
  return 0;
}

int suggest(void* handle, void*, void*, void*, void*, int wanted, int* found,
            cuda::dnn::Suggestion* results) {
  if (handle != &fake_cudnn) return kBadParameter;
  *found = std::min(wanted, static_cast<int>(fake_cudnn->algorithms.size()));
  for (int i = 0; i < *found; ++i)
    results[i] = {.algorithm = i,
                  .status = 0,
                  .milliseconds = 1,
                  .workspace = 64,
                  .deterministic = fake_cudnn->algorithms[static_cast<std::size_t>(i)],
                  .math = 0,
                  .reserved = {}};
  return 0;
}

int run_legacy(conv::Direction direction, void* handle, const void* alpha, const void* beta, void* workspace,
               std::size_t bytes, void* conv, int algorithm, const Nchw<float>& x, const Nchw<float>& w,
               const Nchw<float>& y) {
  const LegacyConv& c = *static_cast<LegacyConv*>(conv);
  if (handle != &fake_cudnn || *static_cast<const float*>(alpha) != 1 ||
      *static_cast<const float*>(beta) != 0 || workspace == nullptr || bytes != 64)
    return kBadParameter;
  fake_cudnn->calls.push_back(
      cat("legacy ", conv::name_of(direction), " algorithm ", algorithm, " math ", c.math));
  return convolve({x, w, y, c.options}, direction);
}
int forward(void* handle, const void* alpha, void* x, const void* x_data, void* w, const void* w_data,
            void* conv, int algorithm, void* workspace, std::size_t bytes, const void* beta, void* y,
            void* y_data) {
  return run_legacy(conv::Direction::kForward, handle, alpha, beta, workspace, bytes, conv, algorithm,
                    view(x, x_data), view(w, w_data), view(y, y_data));
}
int backward_input(void* handle, const void* alpha, void* w, const void* w_data, void* dy,
                   const void* dy_data, void* conv, int algorithm, void* workspace, std::size_t bytes,
                   const void* beta, void* dx, void* dx_data) {
  return run_legacy(conv::Direction::kBackwardInput, handle, alpha, beta, workspace, bytes, conv, algorithm,
                    view(dx, dx_data), view(w, w_data), view(dy, dy_data));
}
int backward_weight(void* handle, const void* alpha, void* x, const void* x_data, void* dy,
                    const void* dy_data, void* conv, int algorithm, void* workspace, std::size_t bytes,
                    const void* beta, void* dw, void* dw_data) {
  return run_legacy(conv::Direction::kBackwardWeight, handle, alpha, beta, workspace, bytes, conv, algorithm,
                    view(x, x_data), view(dw, dw_data), view(dy, dy_data));
}

void add_legacy(cuda::Cudnn& all) {
  all.tensor_create = make_legacy<Sizes>;
  all.tensor_set = set_tensor;
  all.tensor_destroy = destroy_legacy<Sizes>;
  all.filter_create = make_legacy<Sizes>;
  all.filter_set = set_filter;
  all.filter_destroy = destroy_legacy<Sizes>;
  all.conv_create = make_legacy<LegacyConv>;
  all.conv_set = set_conv;
  all.conv_set_groups = [](void* conv, int groups) {
    static_cast<LegacyConv*>(conv)->options.groups = groups;
    return 0;
  };
  all.conv_set_math = [](void* conv, cuda::dnn::Math math) {
    static_cast<LegacyConv*>(conv)->math = math;
    return 0;
  };
  all.conv_destroy = destroy_legacy<LegacyConv>;
  all.output_shape = output_shape;
  all.forward_suggest = suggest;
  all.forward = forward;
  all.backward_input_suggest = suggest;
  all.backward_input = backward_input;
  all.backward_weight_suggest = suggest;
  all.backward_weight = backward_weight;
}

cuda::Cudnn functions() {
  cuda::Cudnn all{};
  all.version = [] { return std::size_t{91900}; };
  all.error_text = [](int status) {
    return status == kBadParameter ? "CUDNN_STATUS_BAD_PARAM" : "another status";
  };
  all.last_error = [](char* text, std::size_t bytes) { std::strncpy(text, "no more is known", bytes); };
  all.create = [](void** handle) {
    *handle = &fake_cudnn;
    return 0;
  };
  add_legacy(all);
  all.make = fake_backend::make;
  all.destroy = fake_backend::destroy;
  all.set = fake_backend::set;
  all.get = fake_backend::get;
  all.finalize = fake_backend::finalize;
  all.execute = fake_backend::execute;
  all.place = "a stand-in";
  return all;
}

}  // namespace

FakeCudnn::FakeCudnn() {
  static const cuda::Cudnn all = functions();
  fake_cudnn = this;
  cuda::replace_cudnn(&all);
}
FakeCudnn::~FakeCudnn() {
  cuda::replace_cudnn(nullptr);
  fake_cudnn = nullptr;
}

}  // namespace clearcut::test
