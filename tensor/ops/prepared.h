// Forms of a weight tensor that fast kernels work on, kept from one call to the next.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "tensor/tensor.h"

namespace clearcut {

/// What kernels made of one weight tensor: panels in the order of a register tile, transformed weights. Its
/// owner (a layer in evaluation, a frozen layer, an ONNX node) hands it to every call with these weights,
/// which costs their memory again, or four times as much; without one, each call makes and drops its own.
/// Several threads may use it at once. Results do not depend on it.
class PreparedWeights {
 public:
  struct Form {
    virtual ~Form() = default;
  };
  struct Key {
    const void *kernel, *isa;
    int direction;
    bool operator==(const Key&) const = default;
  };
  using Make = std::function<std::unique_ptr<Form>()>;

  /// Says which numbers the forms are of: those that were made of others are dropped.
  void bind(const Tensor& w);
  /// The form of that key; make() is asked for it once.
  std::shared_ptr<const Form> get(const Key& key, const Make& make);
  void clear();

 private:
  struct Entry {
    Key key;
    std::shared_ptr<const Form> form;
  };
  std::mutex mutex_;
  Tensor weights_;  // keeps its storage alive, so that no other tensor can take its place
  std::uint64_t version_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace clearcut
