// Gradients that are complete while the backward pass still runs.
#pragma once

#include <functional>

#include "autograd/var.h"

namespace clearcut {

/// While one lives on this thread, backward() calls tell(leaf) for each leaf of its tape as soon as the last
/// operator that reads it ran: leaf.grad will not change any more on this walk, and may be replaced by
/// another tensor with the same numbers. Later layers come first, in the same order wherever the same network
/// runs. Parameters that only a function inside recompute() reads are not leaves of the tape: nothing is told
/// of them.
class LeafReady {
 public:
  explicit LeafReady(std::function<void(Node& leaf)> tell);
  ~LeafReady();
  LeafReady(const LeafReady&) = delete;
  LeafReady& operator=(const LeafReady&) = delete;

  /// Takes the one that lives on this thread away from walks inside this one; null where none lives.
  static const LeafReady* take();
  static void put_back(const LeafReady* taken);
  void tell(Node& leaf) const { tell_(leaf); }

 private:
  std::function<void(Node&)> tell_;
};

}  // namespace clearcut
