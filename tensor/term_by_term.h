// Convolutions whose sums keep their relative accuracy.
#pragma once

namespace clearcut {

/// While one lives on this thread, convolutions on the CPU add up their products as they are: Winograd's
/// method, which is exact to the largest sum around, is left out. For whoever divides by small sums.
class TermByTerm {
 public:
  TermByTerm() : outer_(active_) { active_ = true; }
  ~TermByTerm() { active_ = outer_; }
  TermByTerm(const TermByTerm&) = delete;
  TermByTerm& operator=(const TermByTerm&) = delete;
  static bool active() { return active_; }

 private:
  inline static thread_local bool active_ = false;
  bool outer_;
};

}  // namespace clearcut
