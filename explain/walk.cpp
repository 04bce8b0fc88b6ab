#include "explain/walk.h"

namespace clearcut {

int Step::varying() const {
  int count = 0;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) count += need(i) ? 1 : 0;
  return count;
}

// A closure may write into a gradient that has one holder; this is the second.
Grads Step::plain(const Tensor& arrived) const {
  const Tensor held = arrived;
  return node.backward(held, need);
}

void set_rule(RuleSet& rules, const std::vector<std::string>& ops, const Rule& rule) {
  for (const std::string& op : ops) rules[op] = rule;
}

Grads plain_rule(const Step& step) { return step.plain(); }

namespace {

// Each operator by itself.
class Unfused {
 public:
  explicit Unfused(Registry& registry) : mode_(registry.mode), before_(mode_.fuse) { mode_.fuse = false; }
  ~Unfused() { mode_.fuse = before_; }
  Unfused(const Unfused&) = delete;
  Unfused& operator=(const Unfused&) = delete;

 private:
  Mode& mode_;
  bool before_;
};

// The two that can do what follows them in the same sweep say how they were called only if they did not.
void check_unfused(const Call& call) {
  check((call.op != "conv2d" && call.op != "batch_norm") || call.options.has_value(), call.op,
        "it ran together with what follows it, or by the statistics of the batch; a walk by rules needs "
        "networks in evaluation that run operator by operator while mode.fuse is off");
}

}  // namespace

OpenPass::OpenPass(Classifier& classifier, const Var& x) {
  const Unfused guard(classifier.registry());
  const Trace trace;
  logits_ = classifier.logits(x);
  calls_ = trace.calls();
}

void OpenPass::walk(const Tensor& dz, const std::string& name, const RuleSet& rules,
                    const OpenPass* start) const {
  check(start == nullptr || start->calls_.size() == calls_.size(), name,
        "the passes from the picture and from the start do not run the same operators");
  std::unordered_map<std::uint64_t, std::size_t> index;
  for (std::size_t i = 0; i < calls_.size(); ++i)
    if (calls_[i].node != 0) index.emplace(calls_[i].node, i);
  logits_.backward(dz, [&](const Node& node, const Tensor& dy, const Need& need) {
    const auto at = index.find(node.id);
    check(at != index.end(), name, "the operator ", node.op, " ran outside of the pass");
    const Call& call = calls_[at->second];
    const auto rule = rules.find(call.op);
    check(rule != rules.end(), name, "it has no rule for the operator ", call.op,
          call.path.empty() ? "" : " at ", call.path, "; use an explainer by gradients, as ig");
    check_unfused(call);
    const Call* other = start == nullptr ? nullptr : &start->calls_[at->second];
    check(other == nullptr || (other->op == call.op && other->output.shape() == call.output.shape()), name,
          "the passes from the picture and from the start do not run the same operators");
    return rule->second({.node = node, .call = call, .start = other, .dy = dy, .need = need});
  });
}

}  // namespace clearcut
