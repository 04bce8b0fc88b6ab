// Kernels written in PTX, for tests of the interpreter.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cuda/ptxsim/launch.h"
#include "cuda/ptxsim/parser.h"
#include "tensor/error.h"

namespace clearcut::test {

/// Memory of the device for one kernel; fresh ones count as not written.
template <class T>
class PtxBuffer {
 public:
  explicit PtxBuffer(std::size_t n) : n_(n) {
    data_ = static_cast<T*>(ptxsim::device_memory().allocate(n * sizeof(T)));
  }
  explicit PtxBuffer(const std::vector<T>& values) : PtxBuffer(values.size()) {
    std::memcpy(data_, values.data(), n_ * sizeof(T));
    ptxsim::device_memory().mark_written(data_, n_ * sizeof(T));
  }
  ~PtxBuffer() { ptxsim::device_memory().release(data_); }
  PtxBuffer(const PtxBuffer&) = delete;
  PtxBuffer& operator=(const PtxBuffer&) = delete;

  T* data() const { return data_; }
  std::vector<T> values() const { return {data_, data_ + n_}; }

 private:
  T* data_ = nullptr;
  std::size_t n_ = 0;
};

/// A program of one kernel k with the parameters a, b and c (64 bits each) and the registers %p, %h, %r, %f,
/// %q and %d <10> (predicates, 16 bits, 32 bits, floats, 64 bits, doubles). Before the statements, %q0, %q1
/// and %q2 hold the parameters and %r0 the number of the thread in its block; `declarations` stand in front
/// of all. Made at namespace scope: tested_opcodes() knows what stands in it before any test runs.
class PtxText {
 public:
  explicit PtxText(const std::string& statements, const std::string& declarations = "");
  /// Runs it; what went wrong, or "".
  std::string run(unsigned threads, const void* a = nullptr, const void* b = nullptr, const void* c = nullptr,
                  ptxsim::Size3 grid = {}) const;
  const ptxsim::Kernel& kernel() const { return module_->kernels.at("k"); }

 private:
  std::shared_ptr<const ptxsim::Module> module_;
};

/// All opcodes of all PtxTexts of this program, as tests/ptx/built compares them with what nvcc made.
const std::set<std::string>& tested_opcodes();

}  // namespace clearcut::test
