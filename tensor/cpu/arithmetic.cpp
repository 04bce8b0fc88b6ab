#include "tensor/ops/arithmetic.h"

#include "tensor/cpu/isa.h"
#include "tensor/ops/broadcast_runs.h"

namespace clearcut::kernels {

namespace {

isa::BinaryLoop loop_of(Add) { return isa_table().pointwise->binary.add; }
isa::BinaryLoop loop_of(Sub) { return isa_table().pointwise->binary.sub; }
isa::BinaryLoop loop_of(Mul) { return isa_table().pointwise->binary.mul; }
isa::BinaryLoop loop_of(Div) { return isa_table().pointwise->binary.div; }

}  // namespace

template <class Op>
void binary(Cpu, Op op, const BroadcastPlan& plan, const float* a, const float* b, float* y) {
  enter_fast_body();
  const isa::BinaryLoop loop = loop_of(op);
  for_each_run(plan, [&](const Run& run) {
    loop(a + run.a, b + run.b, y + run.y, run.n, run.stride_a, run.stride_b);
  });
}

template void binary(Cpu, Add, const BroadcastPlan&, const float*, const float*, float*);
template void binary(Cpu, Sub, const BroadcastPlan&, const float*, const float*, float*);
template void binary(Cpu, Mul, const BroadcastPlan&, const float*, const float*, float*);
template void binary(Cpu, Div, const BroadcastPlan&, const float*, const float*, float*);

}  // namespace clearcut::kernels
