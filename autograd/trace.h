// What a function of Vars did, operator by operator: for writing a network down in another format, and for
// walks back over the tape by other rules than the gradient's.
#pragma once

#include <any>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "autograd/var.h"

namespace clearcut {

/// One operator that ran.
struct Call {
  std::string op;              // the name that record() was given: "conv2d"
  std::vector<Tensor> inputs;  // undefined for an optional one that was left out
  Tensor output;
  std::any options = {};   // what described() said: ConvOptions, ...; empty for operators without options
  std::string path = {};   // of the outermost module that put this value out, "" for none
  std::uint64_t node = 0;  // Node::id of the output; 0 without a tape
  double seconds = 0;      // since the call before, if the trace is timed
  std::int64_t multiply_adds = 0;  // asked for since the call before: tensor/work.h
};

/// While one lives on this thread, record() writes down which operators run, with or without a tape. All
/// their values stay alive, so none takes over the storage of another: two tensors are the same value if
/// they are the same_view().
class Trace {
 public:
  /// timed: every call waits until its numbers are there.
  explicit Trace(bool timed = false);
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  const std::vector<Call>& calls() const { return calls_; }  // in the order in which they ran
  /// The innermost one of this thread, or null.
  static Trace* active();

  void add(const char* op, const std::vector<Var>& inputs, const Var& y);
  /// Sets the options of the last call. Throws Error unless it made y.
  void describe(const Tensor& y, std::any options);
  /// Sets the path of the call that made y, if one did.
  void name(const Tensor& y, const std::string& path);

 private:
  std::vector<Call> calls_;
  Trace* outer_;
  bool timed_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  std::int64_t last_work_ = 0;
};

/// Waits until x is worked out, on cuda for all kernels before.
void wait_for(const Tensor& x);

/// y, which an operator just recorded; tells the trace how it was called. An operator whose options change
/// its result says so here, or it cannot be written down:
///
///   return described(record("max_pool2d", ...), options);
template <class Options>
Var described(Var y, const Options& options) {
  if (Trace* trace = Trace::active()) trace->describe(y.value(), options);
  return y;
}

}  // namespace clearcut
