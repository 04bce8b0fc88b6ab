#include "train/not_finite.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "autograd/trace.h"
#include "tensor/safetensors.h"

namespace clearcut {

namespace {

bool finite(const Tensor& x) {
  if (!x.defined() || (x.dtype() != DType::kFloat32 && x.dtype() != DType::kFloat64)) return true;
  const Tensor host = x.to(Device::kCpu);
  bool all = true;
  on_host<Floats>("not finite", host.device(), host.dtype(), [&]<class T>(auto) {
    const T* v = host.data<const T>();
    all = std::all_of(v, v + host.numel(), [](T a) { return std::isfinite(a); });
  });
  return all;
}

class Search {
 public:
  Search(TrainTask& task, const Batch& batch, std::string file)
      : task_(task), batch_(batch), file_(std::move(file)) {}

  NotFinite run() {
    const Trace trace;
    const TrainLoss loss = task_.loss(batch_);
    for (std::size_t i = 0; i < trace.calls().size() && found_.op.empty(); ++i) look_at(trace.calls(), i);
    if (found_.op.empty()) walk_back(loss.total, trace.calls());
    return found_;
  }

 private:
  /// The path of the module around call i: its own, or that of the next call that has one.
  static std::string module_of(const std::vector<Call>& calls, std::size_t i) {
    for (; i < calls.size(); ++i)
      if (!calls[i].path.empty()) return calls[i].path;
    return "";
  }

  void look_at(const std::vector<Call>& calls, std::size_t i) {
    const Call& call = calls[i];
    // What came out of earlier operators is finite: such an input is a leaf.
    for (std::size_t k = 0; k < call.inputs.size(); ++k)
      if (!finite(call.inputs[k])) return note(call, module_of(calls, i), leaf_name(call.inputs[k], k), {});
    if (!finite(call.output)) note(call, module_of(calls, i), "output", {{"output", call.output}});
  }

  std::string leaf_name(const Tensor& x, std::size_t k) const {
    for (const auto& [name, tensor] : task_.registry().state())
      if (tensor.same_view(x)) return name;
    return cat("input ", k);
  }

  void walk_back(const Var& loss, const std::vector<Call>& calls) {
    std::map<std::uint64_t, std::size_t> call_of;
    for (std::size_t i = 0; i < calls.size(); ++i) call_of[calls[i].node] = i;
    const auto rule = [&](const Node& node, const Tensor& dy, const Need& need) {
      const bool good = found_.op.empty() && finite(dy);
      const Tensor kept = good ? dy.clone() : Tensor();  // the closure may write over dy
      const Grads grads = node.backward(dy, need);
      for (std::size_t k = 0; good && found_.op.empty() && k < grads.size(); ++k) {
        if (finite(grads[k])) continue;
        found_.in_backward = true;
        const auto at = call_of.find(node.id);
        const Call unknown{.op = node.op, .inputs = {}, .output = {}};
        note(at == call_of.end() ? unknown : calls[at->second],
             at == call_of.end() ? "" : module_of(calls, at->second), cat("gradient of input ", k),
             {{"output_gradient", kept}, {cat("input", k, "_gradient"), grads[k]}});
      }
      return grads;
    };
    const Tensor& l = loss.value();
    loss.backward(Tensor::full(l.shape(), 1.0, l.dtype(), l.device()), rule);
  }

  void note(const Call& call, const std::string& module, const std::string& value, StateDict tensors) {
    found_.op = call.op, found_.module = module, found_.value = value, found_.file = file_;
    for (std::size_t k = 0; k < call.inputs.size(); ++k)
      if (call.inputs[k].defined()) tensors.emplace_back(cat("input", k), call.inputs[k]);
    std::string pictures;
    for (const std::string& name : batch_.names) pictures += (pictures.empty() ? "" : "\n") + name;
    for (auto& entry : tensors) entry.second = entry.second.to(Device::kCpu);
    write_safetensors(file_, {tensors,
                              {{"operator", call.op},
                               {"module", module},
                               {"pass", found_.in_backward ? "backward" : "forward"},
                               {"not_finite", value},
                               {"pictures", pictures}}});
  }

  TrainTask& task_;
  const Batch& batch_;
  std::string file_;
  NotFinite found_;
};

}  // namespace

std::string NotFinite::text() const {
  if (op.empty()) return "repeated, the step met no such number";
  return cat(op, module.empty() ? "" : " in " + module, in_backward ? ", backward" : "", ": ", value,
             " is the first that is not finite; what went in and came out is in ", file);
}

NotFinite find_not_finite(TrainTask& task, const Batch& batch, const std::string& folder, std::int64_t step) {
  return Search(task, batch, cat(folder, "/step_", step, ".safetensors")).run();
}

}  // namespace clearcut
