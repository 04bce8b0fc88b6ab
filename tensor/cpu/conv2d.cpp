// Fast convolution: the plan picks a kernel for the shape of one picture; see tensor/cpu/conv/kernel.h.
#include "tensor/ops/conv2d.h"

#include "tensor/cpu/conv/kernel.h"

namespace clearcut::kernels {

using conv::Direction;

void conv2d(Cpu, Nchw<const float> x, Nchw<const float> w, const Finish<float>& finish, const ConvOptions& o,
            Nchw<float> y) {
  enter_fast_body();
  const conv::Layer layer = conv::layer_of(x, w, {y.data, y.N, y.C, y.H, y.W}, o);
  conv::choose(layer, Direction::kForward).forward(x, w, o, finish, y);
}

void conv2d_backward_input(Cpu, Nchw<const float> dy, Nchw<const float> w, const ConvOptions& o,
                           Nchw<float> dx) {
  enter_fast_body();
  const conv::Layer layer = conv::layer_of({dx.data, dx.N, dx.C, dx.H, dx.W}, w, dy, o);
  conv::choose(layer, Direction::kBackwardInput).backward_input(dy, w, o, dx);
}

void conv2d_backward_weight(Cpu, Nchw<const float> dy, Nchw<const float> x, const ConvOptions& o,
                            Nchw<float> dw) {
  enter_fast_body();
  const conv::Layer layer = conv::layer_of(x, {dw.data, dw.N, dw.C, dw.H, dw.W}, dy, o);
  conv::choose(layer, Direction::kBackwardWeight).backward_weight(dy, x, o, dw);
}

}  // namespace clearcut::kernels
