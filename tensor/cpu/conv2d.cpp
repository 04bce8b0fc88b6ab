// Fast convolution: the plan picks a kernel for the shape of one picture; see tensor/cpu/conv/kernel.h.
#include "tensor/ops/conv2d.h"

#include "tensor/cpu/conv/kernel.h"
#include "tensor/cpu/isa.h"

namespace clearcut::kernels {

using conv::Direction;

namespace {

std::shared_ptr<const PreparedWeights::Form> form_of(PreparedWeights* prepared, const conv::Kernel& kernel,
                                                     Nchw<const float> w, const ConvOptions& o,
                                                     Direction direction) {
  if (prepared == nullptr || kernel.prepare == nullptr) return nullptr;
  return prepared->get({&kernel, &isa_table(), static_cast<int>(direction)},
                       [&] { return kernel.prepare(w, o, direction); });
}

}  // namespace

void conv2d(Cpu, Nchw<const float> x, Nchw<const float> w, const Finish<float>& finish, const ConvOptions& o,
            PreparedWeights* prepared, Nchw<float> y) {
  enter_fast_body();
  const conv::Layer layer = conv::layer_of(x, w, {y.data, y.N, y.C, y.H, y.W}, o);
  const conv::Kernel& kernel = conv::choose(layer, Direction::kForward);
  const auto form = form_of(prepared, kernel, w, o, Direction::kForward);
  kernel.forward(x, {w, form.get()}, o, finish, y);
}

void conv2d_backward_input(Cpu, Nchw<const float> dy, Nchw<const float> w, const ConvOptions& o,
                           PreparedWeights* prepared, Nchw<float> dx) {
  enter_fast_body();
  const conv::Layer layer = conv::layer_of({dx.data, dx.N, dx.C, dx.H, dx.W}, w, dy, o);
  const conv::Kernel& kernel = conv::choose(layer, Direction::kBackwardInput);
  const auto form = form_of(prepared, kernel, w, o, Direction::kBackwardInput);
  kernel.backward_input(dy, {w, form.get()}, o, dx);
}

void conv2d_backward_weight(Cpu, Nchw<const float> dy, Nchw<const float> x, const ConvOptions& o,
                            Nchw<float> dw) {
  enter_fast_body();
  const conv::Layer layer = conv::layer_of(x, {dw.data, dw.N, dw.C, dw.H, dw.W}, dy, o);
  conv::choose(layer, Direction::kBackwardWeight).backward_weight(dy, x, o, dw);
}

}  // namespace clearcut::kernels
