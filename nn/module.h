// Modules, their names, and taps.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "autograd/var.h"

namespace clearcut {

class Registry;

/// A place in the tree of modules: the root and a dotted path. at / "layer1" / 0 / "conv1".
struct Scope {
  Registry* root;
  std::string path;

  Scope operator/(const std::string& name) const { return {root, path.empty() ? name : path + "." + name}; }
  Scope operator/(int index) const { return *this / std::to_string(index); }
};

/// What a forward pass needs to know besides its input; owned by the root, read by all modules.
struct Mode {
  bool training = false;
  bool freeze_batch_norm = false;    // batch norm uses its running statistics in training too
  bool fuse = true;                  // false: batch norm, addition and ReLU run as operators of their own
  std::uint64_t seed = 1;            // of initial weights and of dropout
  std::uint32_t step = 0;            // training step: part of dropout's random key
  std::vector<std::uint64_t> items;  // ids of the pictures in the batch; empty: 0, 1, 2, ...
};

/// A trainable tensor. It gets its name in the act of being made; a name can be taken only once.
class Param {
 public:
  Param(const Scope& at, Tensor initial);
  Param(const Param&) = delete;
  Param& operator=(const Param&) = delete;

  operator const Var&() const { return var_; }  // NOLINT: conv2d(x, weight) reads like the formula
  const Var& var() const { return var_; }
  const Tensor& value() const { return var_.value(); }
  const std::string& name() const { return name_; }
  /// Frozen parameters keep their values and cost no gradient work.
  void require_grad(bool required);
  void replace(Tensor value);  // other dtype or device; the shape must stay

 private:
  std::string name_;
  Var var_;
};

/// A tensor that belongs to the state but is not trained: running means, counters.
class Buffer {
 public:
  Buffer(const Scope& at, Tensor initial);
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  const Tensor& value() const { return value_; }
  const std::string& name() const { return name_; }
  void replace(Tensor value);

 private:
  std::string name_;
  Tensor value_;
};

/// Names and tensors in the order of construction.
using StateDict = std::vector<std::pair<std::string, Tensor>>;

struct LoadOptions {
  /// Names that may be missing or of another shape; they keep their values. `*` matches any text.
  std::vector<std::string> allow;
  /// Hand-over to another task: copy what matches by name and shape, leave the rest (spec 3.3).
  bool matching_only = false;
};

struct LoadReport {
  std::vector<std::string> loaded, missing, unexpected, wrong_shape;
  std::string summary() const;  // counts, and the first names of each kind
};

class Tap;

/// A module that ran while paths were recorded.
struct SeenPath {
  std::string path;
  Shape shape;                     // of its result
  std::int64_t multiply_adds = 0;  // since the one before: its own, not those of modules inside it
  std::uint64_t node = 0;          // Node::id of its result; 0 without a tape
};

/// The root of one model: the ordered list of its parameters and buffers, its mode and its taps.
class Registry {
 public:
  explicit Registry(std::uint64_t seed = 1, Device device = Device::kCpu, DType dtype = DType::kFloat32)
      : device_(device), dtype_(dtype) {
    mode.seed = seed;
  }
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Scope scope() { return {this, ""}; }
  Mode mode;
  Device device() const { return device_; }
  DType dtype() const { return dtype_; }

  const std::vector<Param*>& params() const { return params_; }
  const std::vector<Buffer*>& buffers() const { return buffers_; }
  std::int64_t parameter_count() const;
  void zero_grad() const;
  void require_grad(bool required) const;

  /// Parameters and buffers; the tensors share storage with the model.
  StateDict state() const;
  /// Copies values in by name. Reports everything at once and throws one Error that lists all missing,
  /// unexpected and mis-shaped names unless `options` allow them; nothing is copied before that check.
  LoadReport load(const StateDict& state, const LoadOptions& options = {});
  /// Moves all values; gradients are dropped.
  void to(Device device);
  void to(DType dtype);

  /// Tells taps that the module at `path` produced y; returns y, or its watched form.
  Var observe(const std::string& path, Var y) const;
  /// True if observe(path, y) would be noticed: then y must be the output of that module alone.
  bool watches(const std::string& path) const;
  /// True if any path is watched.
  bool watched() const { return recording_ || !taps_.empty(); }
  /// True if a tap may change the number of rows: then other ones come out than went in.
  bool changes_rows() const;
  /// Lets a tap ask for `path` as `name` too.
  void alias(const std::string& name, const std::string& path) { aliases_[name] = path; }
  /// What observe() saw since record_paths(true), in its order: `clearcut model layers`.
  void record_paths(bool on);
  const std::vector<SeenPath>& seen_paths() const { return seen_; }
  /// Says that a tensor of the state belongs to the module at `path`, where its name does not start so.
  void set_owner(const std::string& tensor, const std::string& path) { owners_[tensor] = path; }
  /// That path, or the tensor's name without what stands behind its last dot.
  std::string owner(const std::string& tensor) const;

 private:
  friend class Param;
  friend class Buffer;
  friend class Tap;
  void claim(const std::string& name);

  Device device_;
  DType dtype_;
  std::vector<Param*> params_;
  std::vector<Buffer*> buffers_;
  std::vector<std::pair<bool, std::size_t>> order_;  // (is buffer, index): order of construction
  std::map<std::string, bool> names_;
  std::vector<Tap*> taps_;
  std::map<std::string, std::string> aliases_;  // other name -> path
  bool recording_ = false;
  std::map<std::string, std::string> owners_;  // tensor -> path
  mutable std::vector<SeenPath> seen_;
  mutable std::int64_t seen_work_ = 0;
};

/// Records activation and gradient of one path during the forward passes of its lifetime.
///   Tap tap(model.registry(), "layer4");
///   model(x).backward(dy);   tap.activation();   tap.gradient();
/// If nothing before the path needs a gradient, the tape starts at the tap: backward stops there.
class Tap {
 public:
  Tap(Registry& root, std::string path);
  ~Tap();
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  const std::string& path() const { return path_; }  // the true one if an alias was given
  /// Value of the last forward pass. Throws Error if no module of that path ran.
  const Tensor& activation() const;
  /// Gradient of the last backward pass. Throws Error before one.
  const Tensor& gradient() const;
  /// From now on the network goes on with f(y), of y's shape, in place of the module's own result y.
  /// activation() and gradient() are those of f(y); no gradient flows to what made y.
  void replace(std::function<Tensor(const Tensor& y)> f) { replacement_ = std::move(f); }
  /// The same, but f(y) may have another number of rows than y: for a module that no branch goes around.
  void replace_rows(std::function<Tensor(const Tensor& y)> f) {
    replacement_ = std::move(f);
    other_rows_ = true;
  }

 private:
  friend class Registry;
  Registry& root_;
  std::string path_;
  std::function<Tensor(const Tensor&)> replacement_;
  bool other_rows_ = false;
  Var value_;
};

/// Base of all modules. Members are declared in the order of their names in the state.
class Module {
 public:
  explicit Module(Scope at) : root_(at.root), path_(std::move(at.path)) {}
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  const std::string& path() const { return path_; }
  const Mode& mode() const { return root_->mode; }
  Registry& root() const { return *root_; }

 protected:
  /// Runs body() with this module's path in front of error texts and shows the result to the taps:
  ///   return run([&] { return conv2d(x, weight, options); });
  template <class Body>
  Var run(const Body& body) const {
    const ErrorScope scope(path_);
    return root_->observe(path_, body());
  }

 private:
  Registry* root_;
  std::string path_;
};

}  // namespace clearcut
