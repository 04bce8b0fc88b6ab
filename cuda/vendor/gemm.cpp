// c = a b with a row-major c is c^T = b^T a^T with column-major ones, so the operands change places there.
#include "cuda/vendor/gemm.h"

#include <algorithm>
#include <array>
#include <map>

#include "cuda/vendor/cublas_lt.h"
#include "cuda/vendor/made.h"
#include "tensor/cuda_device.h"
#include "tensor/cuda_memory.h"

namespace clearcut::cuda {

namespace {

using kernels::Matrices;

constexpr std::size_t kMostWorkspace = std::size_t{32} << 20;

lt::Compute compute_now() {
  switch (cuda_products()) {
    case CudaProducts::kTf32:
      return lt::kTf32;
    case CudaProducts::kBf16:
      return lt::kBf16;
    case CudaProducts::kF16:
      return lt::kHalf;
    default:
      return lt::kExact32;
  }
}

/// A matrix of the call and its address.
struct Side {
  ColumnMajor form;
  std::int64_t batch_stride;
  const float* data;

  explicit Side(const Matrices<const float>& m)
      : form(column_major(m)), batch_stride(m.batch_stride), data(m.data) {}
};

template <class T>
Matrices<T> turned(const Matrices<T>& m) {
  return {m.data, m.batch, m.cols, m.rows, m.batch_stride, m.col_stride, m.row_stride};
}
Matrices<const float> read_only(const Matrices<float>& m) {
  return {m.data, m.batch, m.rows, m.cols, m.batch_stride, m.row_stride, m.col_stride};
}

class Layout : public Made {
 public:
  Layout(const Side& side, std::int64_t batch) : Made(cublas_lt().layout_destroy) {
    const CublasLt& api = cublas_lt();
    const ColumnMajor& f = side.form;
    check_cublas_lt(api.layout_create(out(), lt::kFloat32, static_cast<std::uint64_t>(f.rows),
                                      static_cast<std::uint64_t>(f.cols), f.ld),
                    "a layout");
    const auto count = static_cast<std::int32_t>(batch);
    check_cublas_lt(api.layout_set(*this, lt::kBatchCount, &count, sizeof count), "a batch");
    check_cublas_lt(api.layout_set(*this, lt::kBatchOffset, &side.batch_stride, sizeof side.batch_stride),
                    "the stride of a batch");
  }
};

class Description : public Made {
 public:
  Description(const Side& a, const Side& b, lt::Compute compute) : Made(cublas_lt().desc_destroy) {
    const CublasLt& api = cublas_lt();
    check_cublas_lt(api.desc_create(out(), compute, lt::kFloat32), "a description");
    const lt::Operation op_a = a.form.transposed ? lt::kTransposed : lt::kPlain,
                        op_b = b.form.transposed ? lt::kTransposed : lt::kPlain;
    check_cublas_lt(api.desc_set(*this, lt::kTransA, &op_a, sizeof op_a), "the first operand");
    check_cublas_lt(api.desc_set(*this, lt::kTransB, &op_b, sizeof op_b), "the second operand");
  }
};

/// Bytes that the address is a multiple of, at most 256: what the library takes for granted otherwise.
std::uint32_t alignment(const float* data) {
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  return address % 256 == 0 ? 256u : static_cast<std::uint32_t>(address & (~address + 1));
}

/// Everything that the choice of an algorithm depends on.
using Key = std::array<std::int64_t, 17>;
Key key_of(const Side& a, const Side& b, const Side& c, std::int64_t batch, lt::Compute compute) {
  Key key{batch, compute};
  std::size_t at = 2;
  for (const Side* side : {&a, &b, &c})
    for (const std::int64_t value :
         {side->form.rows, side->form.cols, side->form.ld * 2 + side->form.transposed, side->batch_stride,
          std::int64_t{alignment(side->data)}})
      key[at++] = value;
  return key;
}

struct Call {
  const Side &a, &b, &c;
  Description description;
  Layout layout_a, layout_b, layout_c;

  Call(const Side& a_, const Side& b_, const Side& c_, std::int64_t batch, lt::Compute compute)
      : a(a_),
        b(b_),
        c(c_),
        description(a, b, compute),
        layout_a(a, batch),
        layout_b(b, batch),
        layout_c(c, batch) {}

  lt::Heuristic ask() const {
    const CublasLt& api = cublas_lt();
    Made preference(api.preference_destroy);
    check_cublas_lt(api.preference_create(preference.out()), "a preference");
    const auto set = [&](lt::PreferenceAttribute attribute, auto value) {
      check_cublas_lt(api.preference_set(preference, attribute, &value, sizeof value), "a preference");
    };
    set(lt::kMostWorkspace, kMostWorkspace);
    set(lt::kAlignA, alignment(a.data));
    set(lt::kAlignB, alignment(b.data));
    set(lt::kAlignC, alignment(c.data));
    set(lt::kAlignD, alignment(c.data));
    lt::Heuristic best{};
    int found = 0;
    check_cublas_lt(api.heuristic(cublas_lt_handle(), description, layout_a, layout_b, layout_c, layout_c,
                                  preference, 1, &best, &found),
                    "choosing an algorithm");
    check(found > 0 && best.status == 0, "cuBLASLt", "has no algorithm for ", c.form.rows, " x ", c.form.cols,
          " and sums of ", a.form.transposed ? a.form.rows : a.form.cols);
    return best;
  }

  void run(const lt::Heuristic& how, float* to) const {
    const float one = 1, zero = 0;
    const CudaBlock workspace(how.workspace);
    check_cublas_lt(cublas_lt().matmul(cublas_lt_handle(), description, &one, a.data, layout_a, b.data,
                                       layout_b, &zero, to, layout_c, to, layout_c, &how.algorithm,
                                       workspace.data(), how.workspace, nullptr),
                    "a product");
  }
};

}  // namespace

ColumnMajor column_major(const Matrices<const float>& m) {
  if (m.row_stride == 1 && (m.cols <= 1 || m.col_stride >= m.rows))
    return {m.rows, m.cols, std::max(m.col_stride, m.rows), false};
  return {m.cols, m.rows, std::max(m.row_stride, m.cols), true};
}

void vendor_multiply(Matrices<const float> a, Matrices<const float> b, Matrices<float> c) {
  if (c.batch * c.rows * c.cols == 0) return;
  if (a.cols == 0)
    return cuda_fill(c.data, 0, static_cast<std::size_t>(c.batch * c.rows * c.cols) * sizeof(float));
  if (column_major(read_only(c)).transposed) {
    std::swap(a, b);
    a = turned(a);
    b = turned(b);
    c = turned(c);
  }
  enter_fast_body();
  const Side side_a(a), side_b(b), side_c(read_only(c));
  const lt::Compute compute = compute_now();
  const Call call(side_a, side_b, side_c, c.batch, compute);
  static std::map<Key, lt::Heuristic> known;
  const Key key = key_of(side_a, side_b, side_c, c.batch, compute);
  auto found = known.find(key);
  if (found == known.end()) found = known.emplace(key, call.ask()).first;
  call.run(found->second, c.data);
}

}  // namespace clearcut::cuda
