#include "models/weights/state_diff.h"

#include <map>

#include "tensor/nearest.h"

namespace clearcut {

namespace {

bool same_numbers(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype()) return false;
  bool same = true;
  on_host<Numbers>("compare", Device::kReference, a.dtype(), [&]<class T>(auto) {
    same = a.numel() == 0 || std::memcmp(a.data<const T>(), b.data<const T>(), a.bytes()) == 0;
  });
  return same;
}

// Names that only one side has are compared with those that only the other has.
void suggest(std::vector<KeyProblem>& problems, const std::vector<KeyProblem>& others, bool wanted) {
  for (KeyProblem& problem : problems) {
    std::vector<std::string> candidates;
    for (const KeyProblem& other : others)
      if ((wanted ? other.given : other.wanted) == (wanted ? problem.wanted : problem.given))
        candidates.push_back(other.name);
    problem.suggestion = nearest(problem.name, candidates);
  }
}

std::string line(const char* kind, const KeyProblem& p, const Shape& shape) {
  return cat(kind, p.name, " ", shape, p.suggestion.empty() ? "" : "; is it " + p.suggestion + "?", "\n");
}

}  // namespace

StateDiff compare_states(const StateDict& wanted, const StateDict& given) {
  StateDiff diff;
  std::map<std::string, Tensor> rest(given.begin(), given.end());
  for (const auto& [name, tensor] : wanted) {
    const auto found = rest.find(name);
    if (found == rest.end()) {
      diff.missing.push_back({name, tensor.shape(), {}, ""});
      continue;
    }
    if (found->second.shape() != tensor.shape())
      diff.misshaped.push_back({name, tensor.shape(), found->second.shape(), ""});
    else
      ++(same_numbers(tensor, found->second) ? diff.equal : diff.changed);
    rest.erase(found);
  }
  for (const auto& [name, tensor] : given)
    if (rest.contains(name)) diff.unexpected.push_back({name, {}, tensor.shape(), ""});
  suggest(diff.missing, diff.unexpected, true);
  suggest(diff.unexpected, diff.missing, false);
  return diff;
}

std::string StateDiff::text() const {
  std::string text;
  for (const KeyProblem& p : missing) text += line("missing     ", p, p.wanted);
  for (const KeyProblem& p : unexpected) text += line("unexpected  ", p, p.given);
  for (const KeyProblem& p : misshaped)
    text += cat("wrong shape ", p.name, " wants ", p.wanted, ", got ", p.given, "\n");
  return text + cat(equal + changed, " tensors fit (", equal, " with the same numbers), ", missing.size(),
                    " missing, ", unexpected.size(), " unexpected, ", misshaped.size(),
                    " of another shape\n");
}

}  // namespace clearcut
