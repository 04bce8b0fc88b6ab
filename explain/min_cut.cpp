#include "explain/min_cut.h"

#include <algorithm>
#include <limits>

#include "tensor/error.h"

namespace clearcut {

namespace {
constexpr std::int32_t kNowhere = std::numeric_limits<std::int32_t>::max();
}

MinCut::MinCut(std::int64_t nodes) : nodes_(static_cast<std::size_t>(nodes)) {
  check(nodes >= 0 && nodes < kNowhere, "min_cut", "there may be 2^31 nodes; got ", nodes);
}

// Of two capacities through one node the smaller one flows at once.
void MinCut::add_ends(std::int64_t node, double source, double sink) {
  check(source >= 0 && sink >= 0, "min_cut", "capacities must be >= 0; got ", source, " and ", sink);
  Node& n = nodes_.at(static_cast<std::size_t>(node));
  const double in = source + std::max(n.left, 0.0), out = sink + std::max(-n.left, 0.0);
  flow_ += std::min(in, out);
  n.left = in - out;
}

void MinCut::add_edge(std::int64_t a, std::int64_t b, double forward, double backward) {
  check(forward >= 0 && backward >= 0, "min_cut", "capacities must be >= 0; got ", forward, " and ",
        backward);
  const auto number = static_cast<std::int32_t>(arcs_.size());
  Node &from = nodes_.at(static_cast<std::size_t>(a)), &to = nodes_.at(static_cast<std::size_t>(b));
  arcs_.push_back({.to = static_cast<std::int32_t>(b), .next = from.first, .left = forward});
  from.first = number;
  arcs_.push_back({.to = static_cast<std::int32_t>(a), .next = to.first, .left = backward});
  to.first = number + 1;
}

bool MinCut::of_source(std::int64_t node) const {
  const Node& n = nodes_.at(static_cast<std::size_t>(node));
  return n.parent != kFree && !n.sink;
}

void MinCut::activate(std::int32_t node) {
  if (at(node).active) return;
  at(node).active = true;
  active_.push_back(node);
}

double MinCut::run() {
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(nodes_.size()); ++i) {
    Node& n = at(i);
    if (n.left == 0) continue;
    n.sink = n.left < 0;
    n.parent = kRoot;
    n.distance = 1;
    activate(i);
  }
  while (!active_.empty()) {
    const std::int32_t node = active_.front();
    if (at(node).parent != kFree) {
      const std::int32_t middle = grow(node);
      ++time_;
      if (middle >= 0) {
        fill(middle);
        adopt();
        continue;  // the same node may touch the other tree again
      }
    }
    active_.pop_front();
    at(node).active = false;
  }
  return flow_;
}

// Takes in the free neighbours of a node. Returns the arc from the source's tree to the sink's where they
// touch, or -1.
std::int32_t MinCut::grow(std::int32_t node) {
  const Node& n = at(node);
  for (std::int32_t a = n.first; a >= 0; a = arc(a).next) {
    if (from_parent(a ^ 1, n.sink) == 0) continue;
    Node& other = at(arc(a).to);
    if (other.parent == kFree) {
      other.sink = n.sink;
      other.parent = a ^ 1;
      other.seen = n.seen;
      other.distance = n.distance + 1;
      activate(arc(a).to);
    } else if (other.sink != n.sink) {
      return n.sink ? a ^ 1 : a;
    } else if (other.seen <= n.seen && other.distance > n.distance + 1) {
      other.parent = a ^ 1;  // a shorter way to the root
      other.seen = n.seen;
      other.distance = n.distance + 1;
    }
  }
  return -1;
}

// Walks from a node to its root: measures what can flow at most, or lets `amount` flow. Nodes behind a full
// arc become orphans.
double MinCut::fill_half(std::int32_t node, bool sink, double amount, bool measure) {
  for (;;) {
    Node& n = at(node);
    const std::int32_t up = n.parent;
    if (up == kRoot) break;
    const std::int32_t flows = sink ? up : up ^ 1;  // the direction of the flow
    if (measure) {
      amount = std::min(amount, arc(flows).left);
    } else {
      arc(flows).left -= amount;
      arc(flows ^ 1).left += amount;
      if (arc(flows).left == 0) {
        n.parent = kOrphan;
        orphans_.push_front(node);
      }
    }
    node = arc(up).to;
  }
  Node& root = at(node);
  if (measure) return std::min(amount, sink ? -root.left : root.left);
  root.left += sink ? amount : -amount;
  if (root.left == 0) {
    root.parent = kOrphan;
    orphans_.push_front(node);
  }
  return amount;
}

void MinCut::fill(std::int32_t middle) {
  const std::int32_t source = arc(middle ^ 1).to, sink = arc(middle).to;
  double amount = fill_half(source, false, arc(middle).left, true);
  amount = fill_half(sink, true, amount, true);
  arc(middle).left -= amount;
  arc(middle ^ 1).left += amount;
  fill_half(source, false, amount, false);
  fill_half(sink, true, amount, false);
  flow_ += amount;
}

void MinCut::adopt() {
  while (!orphans_.empty()) {
    const std::int32_t node = orphans_.front();
    orphans_.pop_front();
    if (!find_parent(node)) let_go(node);
  }
}

// Steps from a node to its root; kNowhere if the way ends at an orphan. Nodes on the way remember it.
std::int32_t MinCut::distance_to_root(std::int32_t node) {
  std::int32_t steps = 0, i = node;
  for (; at(i).seen != time_; i = arc(at(i).parent).to, ++steps) {
    if (at(i).parent == kOrphan) return kNowhere;
    if (at(i).parent == kRoot) {
      at(i).seen = time_;
      at(i).distance = 1;
      break;
    }
  }
  const std::int32_t total = steps + at(i).distance;
  std::int32_t left = total;
  for (i = node; at(i).seen != time_; i = arc(at(i).parent).to) {
    at(i).seen = time_;
    at(i).distance = left--;
  }
  return total;
}

// The neighbour of its tree from which an orphan is nearest to the root becomes its parent.
bool MinCut::find_parent(std::int32_t node) {
  Node& n = at(node);
  std::int32_t nearest = kNowhere, parent = kOrphan;
  for (std::int32_t a = n.first; a >= 0; a = arc(a).next) {
    const Node& other = at(arc(a).to);
    if (from_parent(a, n.sink) == 0 || other.parent == kFree || other.sink != n.sink) continue;
    const std::int32_t distance = distance_to_root(arc(a).to);
    if (distance >= nearest) continue;
    nearest = distance;
    parent = a;
  }
  if (parent == kOrphan) return false;
  n.parent = parent;
  n.seen = time_;
  n.distance = nearest + 1;
  return true;
}

// The orphan leaves its tree; its children become orphans, and its neighbours may take it in again.
void MinCut::let_go(std::int32_t node) {
  const bool sink = at(node).sink;
  for (std::int32_t a = at(node).first; a >= 0; a = arc(a).next) {
    const std::int32_t beside = arc(a).to;
    Node& other = at(beside);
    if (other.parent == kFree || other.sink != sink) continue;
    if (from_parent(a, sink) > 0) activate(beside);
    if (other.parent >= 0 && arc(other.parent).to == node) {
      other.parent = kOrphan;
      orphans_.push_back(beside);
    }
  }
  at(node).parent = kFree;
}

}  // namespace clearcut
