#include "autograd/trace.h"

#include <algorithm>

namespace clearcut {

namespace {
thread_local Trace* active_trace = nullptr;
}

Trace::Trace() : outer_(active_trace) { active_trace = this; }
Trace::~Trace() { active_trace = outer_; }
Trace* Trace::active() { return active_trace; }

void Trace::add(const char* op, const std::vector<Var>& inputs, const Var& y) {
  Call call{.op = op, .inputs = {}, .output = y.value()};
  if (y.requires_grad()) call.node = y.node()->id;
  for (const Var& x : inputs) call.inputs.push_back(x.value());
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
