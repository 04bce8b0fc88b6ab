#include "nn/module.h"

#include <algorithm>

#include "autograd/trace.h"
#include "tensor/work.h"

namespace clearcut {

namespace {

// Whole-text match; `*` stands for any text.
bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    for (std::size_t i = 0; i <= text.size(); ++i)
      if (matches(pattern.substr(1), text.substr(i))) return true;
    return false;
  }
  return !text.empty() && pattern[0] == text[0] && matches(pattern.substr(1), text.substr(1));
}

bool allowed(const LoadOptions& options, const std::string& name) {
  return options.matching_only || std::any_of(options.allow.begin(), options.allow.end(),
                                              [&](const std::string& p) { return matches(p, name); });
}

// The first names say which model it is; another width would name every tensor.
std::string list(const char* title, const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 12;
  if (names.empty()) return "";
  std::string text = cat(names.size(), " ", title, ": ");
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) text += (i ? ", " : "") + names[i];
  if (names.size() > kShown) text += cat(", and ", names.size() - kShown, " more");
  return text + "; ";
}

}  // namespace

Param::Param(const Scope& at, Tensor initial)
    : name_(at.path), var_(initial.to(at.root->dtype()).to(at.root->device()), true) {
  at.root->claim(name_);
  at.root->order_.emplace_back(false, at.root->params_.size());
  at.root->params_.push_back(this);
}

void Param::require_grad(bool required) { var_ = Var(var_.value(), required); }

void Param::replace(Tensor value) {
  check(value.shape() == var_.shape(), "param", name_, " has shape ", var_.shape(), ", got ", value.shape());
  var_ = Var(std::move(value), var_.requires_grad());
}

namespace {

// Counters stay where they are counted: in host memory.
Tensor placed(const Tensor& buffer, Device device) {
  const bool counter = buffer.dtype() == DType::kInt64;
  return counter && device == Device::kCuda ? buffer : buffer.to(device);
}

}  // namespace

Buffer::Buffer(const Scope& at, Tensor initial) : name_(at.path), value_(placed(initial, at.root->device())) {
  if (value_.dtype() == DType::kFloat32) value_ = value_.to(at.root->dtype());
  at.root->claim(name_);
  at.root->order_.emplace_back(true, at.root->buffers_.size());
  at.root->buffers_.push_back(this);
}

void Buffer::replace(Tensor value) {
  check(value.shape() == value_.shape(), "buffer", name_, " has shape ", value_.shape(), ", got ",
        value.shape());
  value_ = std::move(value);
}

void Registry::claim(const std::string& name) {
  check(!name.empty(), "module", "a parameter needs a name");
  check(names_.emplace(name, true).second, "module", "the name '", name, "' is taken already");
}

std::int64_t Registry::parameter_count() const {
  std::int64_t n = 0;
  for (const Param* p : params_) n += p->value().numel();
  return n;
}

void Registry::zero_grad() const {
  for (const Param* p : params_) p->var().zero_grad();
}

void Registry::require_grad(bool required) const {
  for (Param* p : params_) p->require_grad(required);
}

StateDict Registry::state() const {
  StateDict all;
  for (const auto& [is_buffer, i] : order_) {
    if (is_buffer)
      all.emplace_back(buffers_[i]->name(), buffers_[i]->value());
    else
      all.emplace_back(params_[i]->name(), params_[i]->value());
  }
  return all;
}

LoadReport Registry::load(const StateDict& given, const LoadOptions& options) {
  LoadReport report;
  std::map<std::string, Tensor> source(given.begin(), given.end());
  std::vector<std::pair<Tensor, Tensor>> copies;  // to, from
  for (const auto& [name, tensor] : state()) {
    const auto found = source.find(name);
    if (found == source.end()) {
      if (!allowed(options, name)) report.missing.push_back(name);
      continue;
    }
    if (found->second.shape() == tensor.shape()) {
      copies.emplace_back(tensor, found->second);
      report.loaded.push_back(name);
    } else if (!allowed(options, name)) {
      report.wrong_shape.push_back(
          cat(name, " wants ", tensor.shape(), ", file has ", found->second.shape()));
    }
    source.erase(found);
  }
  for (const auto& [name, tensor] : source)
    if (!allowed(options, name)) report.unexpected.push_back(name);
  const bool clean = report.missing.empty() && report.unexpected.empty() && report.wrong_shape.empty();
  check(clean, "load", report.summary(),
        "to keep some values on purpose, allow them by name, for example allow = {\"fc.*\"}");
  for (auto& [to, from] : copies) to.copy_from(from.to(to.dtype()), "load");
  return report;
}

std::string LoadReport::summary() const {
  return list("missing", missing) + list("unexpected", unexpected) + list("wrong shape", wrong_shape);
}

void Registry::to(Device device) {
  for (Param* p : params_) p->replace(p->value().to(device));
  for (Buffer* b : buffers_) b->replace(placed(b->value(), device));
  device_ = device;
}

void Registry::to(DType dtype) {
  for (Param* p : params_) p->replace(p->value().to(dtype));
  for (Buffer* b : buffers_)
    if (b->value().dtype() == dtype_) b->replace(b->value().to(dtype));
  dtype_ = dtype;
}

Var Registry::observe(const std::string& path, Var y) const {
  if (Trace* trace = Trace::active()) trace->name(y.value(), path);
  if (recording_) {
    const std::int64_t before = seen_work_;
    seen_work_ = multiply_adds_asked.load();
    seen_.push_back({path, y.shape(), seen_work_ - before, y.node() ? y.node()->id : 0});
  }
  for (Tap* tap : taps_) {
    if (tap->path_ != path) continue;
    if (tap->replacement_) {
      const Tensor other = tap->replacement_(y.value());
      const Shape wanted = tap->other_rows_ ? y.shape().with(0, other.dim(0)) : y.shape();
      check(other.shape() == wanted, "Tap", "what takes the place of '", path, "' must be ", wanted, "; got ",
            other.shape());
      y = Var(other);
    }
    if (!y.requires_grad() && !NoGrad::active()) y = Var(y.value(), true);
    if (y.requires_grad()) y.keep_grad();
    tap->value_ = y;
  }
  return y;
}

bool Registry::watches(const std::string& path) const {
  return recording_ ||
         std::any_of(taps_.begin(), taps_.end(), [&](const Tap* t) { return t->path_ == path; });
}

bool Registry::changes_rows() const {
  return std::any_of(taps_.begin(), taps_.end(), [](const Tap* t) { return t->other_rows_; });
}

void Registry::record_paths(bool on) {
  recording_ = on;
  if (on) seen_.clear();
  seen_work_ = multiply_adds_asked.load();
}

std::string Registry::owner(const std::string& tensor) const {
  const auto found = owners_.find(tensor);
  return found != owners_.end() ? found->second
                                : tensor.substr(0, std::min(tensor.rfind('.'), tensor.size()));
}

Tap::Tap(Registry& root, std::string path) : root_(root), path_(std::move(path)) {
  const auto alias = root_.aliases_.find(path_);
  if (alias != root_.aliases_.end()) path_ = alias->second;
  root_.taps_.push_back(this);
}
Tap::~Tap() { std::erase(root_.taps_, this); }

const Tensor& Tap::activation() const {
  check(value_.defined(), "tap", "no module '", path_, "' ran; `clearcut model layers` lists the paths");
  return value_.value();
}

const Tensor& Tap::gradient() const {
  check(value_.defined() && value_.requires_grad() && value_.grad().defined(), "tap", "'", path_,
        "' has no gradient yet: call backward() on a value that depends on it");
  return value_.grad();
}

}  // namespace clearcut
