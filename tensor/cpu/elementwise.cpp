#include "tensor/ops/elementwise.h"

#include "tensor/cpu/isa.h"
#include "tensor/parallel.h"

namespace clearcut::kernels {

namespace {

// 128 KiB per tensor: pieces large enough for the loop, small enough to spread over the threads.
constexpr std::int64_t kGrain = 1 << 15;

void forward(isa::PointwiseLoop loop, Flat<const float> x, Flat<float> y, double a, double b) {
  enter_fast_body();
  parallel_for(y.n, kGrain, [&](std::int64_t begin, std::int64_t end) {
    loop(x.data + begin, y.data + begin, end - begin, static_cast<float>(a), static_cast<float>(b));
  });
}

void backward(isa::PointwiseBackwardLoop loop, Flat<const float> dy, Flat<const float> kept, Flat<float> dx,
              double a, double b) {
  enter_fast_body();
  parallel_for(dx.n, kGrain, [&](std::int64_t begin, std::int64_t end) {
    loop(dy.data + begin, kept.data + begin, dx.data + begin, end - begin, static_cast<float>(a),
         static_cast<float>(b));
  });
}

}  // namespace

#define BODIES(name, a, b)                                                                                 \
  void pointwise(Cpu, [[maybe_unused]] const clearcut::pointwise::name& op, Flat<const float> x,           \
                 Flat<float> y) {                                                                          \
    forward(isa_table().pointwise->name.forward, x, y, a, b);                                              \
  }                                                                                                        \
  void pointwise_backward(Cpu, [[maybe_unused]] const clearcut::pointwise::name& op, Flat<const float> dy, \
                          Flat<const float> kept, Flat<float> dx) {                                        \
    backward(isa_table().pointwise->name.backward, dy, kept, dx, a, b);                                    \
  }
#define OP(name, ...) BODIES(name, 0, 0)
#define OP1(name, a, ...) BODIES(name, op.parameter_##a, 0)
#define OP2(name, a, b, ...) BODIES(name, op.parameter_##a, op.parameter_##b)
#include "tensor/elementwise.def"
#undef BODIES

}  // namespace clearcut::kernels
