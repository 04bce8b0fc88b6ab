#include "autograd/trace.h"

#include <algorithm>
#include <utility>

#include "tensor/work.h"

namespace clearcut {

namespace {
thread_local Trace* active_trace = nullptr;
}

Trace::Trace(bool timed) : outer_(active_trace), timed_(timed), last_work_(multiply_adds_asked.load()) {
  active_trace = this;
}
Trace::~Trace() { active_trace = outer_; }
Trace* Trace::active() { return active_trace; }

void wait_for(const Tensor& x) {
  if (x.defined() && x.device() == Device::kCuda && x.numel() > 0)
    x.reshape({-1}).slice(0, 1).to(Device::kCpu);
}

void Trace::add(const char* op, const std::vector<Var>& inputs, const Var& y) {
  Call call{.op = op, .inputs = {}, .output = y.value()};
  if (y.requires_grad()) call.node = y.node()->id;
  for (const Var& x : inputs) call.inputs.push_back(x.value());
  const std::int64_t work = multiply_adds_asked.load();
  call.multiply_adds = work - std::exchange(last_work_, work);
  if (timed_) {
    wait_for(y.value());
    const auto now = std::chrono::steady_clock::now();
    call.seconds = std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  }
  calls_.push_back(std::move(call));
}

void Trace::describe(const Tensor& y, std::any options) {
  check(!calls_.empty() && calls_.back().output.same_view(y), "trace",
        "options were given for a value that the last operator did not make");
  calls_.back().options = std::move(options);
}

void Trace::name(const Tensor& y, const std::string& path) {
  const auto call =
      std::find_if(calls_.rbegin(), calls_.rend(), [&](const Call& c) { return c.output.same_view(y); });
  if (call != calls_.rend()) call->path = path;
}

}  // namespace clearcut
