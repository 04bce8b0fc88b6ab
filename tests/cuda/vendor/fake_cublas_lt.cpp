#include "tests/cuda/vendor/fake_cublas_lt.h"

#include <cstring>
#include <map>

#include "tensor/error.h"

namespace clearcut::test {
namespace {

FakeCublasLt* fake = nullptr;
constexpr int kInvalid = 7, kNotSupported = 15;
constexpr std::size_t kWorkspace = 1000;

struct Desc {
  int compute, scale;
  std::int32_t transpose_a = 0, transpose_b = 0;
};
struct Preference {
  std::map<int, std::uint64_t> values;
};

template <class T>
int make(void** out, T value) {
  ++fake->alive;
  *out = new T(value);
  return 0;
}
template <class T>
int destroy(void* made) {
  --fake->alive;
  delete static_cast<T*>(made);
  return 0;
}

template <class T>
int read(T& to, const void* value, std::size_t bytes) {
  if (bytes != sizeof(T)) return kInvalid;
  std::memcpy(&to, value, bytes);
  return 0;
}

int set_desc(void* made, cuda::lt::DescAttribute attribute, const void* value, std::size_t bytes) {
  Desc& desc = *static_cast<Desc*>(made);
  return read(attribute == cuda::lt::kTransA ? desc.transpose_a : desc.transpose_b, value, bytes);
}
int set_layout(void* made, cuda::lt::LayoutAttribute attribute, const void* value, std::size_t bytes) {
  FakeLayout& layout = *static_cast<FakeLayout*>(made);
  if (attribute == cuda::lt::kBatchOffset) return read(layout.offset, value, bytes);
  std::int32_t batch = 0;
  const int status = read(batch, value, bytes);
  layout.batch = batch;
  return status;
}
int set_preference(void* made, cuda::lt::PreferenceAttribute attribute, const void* value,
                   std::size_t bytes) {
  if (bytes != (attribute == cuda::lt::kMostWorkspace ? 8u : 4u)) return kInvalid;
  std::memcpy(&static_cast<Preference*>(made)->values[attribute], value, bytes);
  return 0;
}

int heuristic(void* handle, void*, void*, void*, void*, void*, void* preference, int wanted,
              cuda::lt::Heuristic* results, int* found) {
  ++fake->heuristics_asked;
  if (handle != &fake || wanted < 1 || static_cast<Preference*>(preference)->values.size() != 5)
    return kInvalid;
  *found = fake->no_algorithm ? 0 : 1;
  results[0].workspace = kWorkspace;
  results[0].algorithm.data[0] = 42;
  return 0;
}

/// op(m)(row, col) of the i-th matrix.
float at(const float* data, const FakeLayout& l, bool transposed, std::int64_t i, std::int64_t row,
         std::int64_t col) {
  return data[i * l.offset + (transposed ? col + row * l.ld : row + col * l.ld)];
}

bool fits(const FakeLayout& l) {
  return l.type == cuda::lt::kFloat32 && l.rows > 0 && l.cols > 0 && l.ld >= l.rows;
}

int matmul(void* handle, void* desc, const void* alpha, const void* a, void* layout_a, const void* b,
           void* layout_b, const void* beta, const void* c, void* layout_c, void* d, void* layout_d,
           const cuda::lt::Algorithm* algorithm, void* workspace, std::size_t bytes, void* stream) {
  const Desc& how = *static_cast<Desc*>(desc);
  const FakeLayout &la = *static_cast<FakeLayout*>(layout_a), &lb = *static_cast<FakeLayout*>(layout_b),
                   &ld = *static_cast<FakeLayout*>(layout_d);
  const bool ta = how.transpose_a == 1, tb = how.transpose_b == 1;
  const std::int64_t K = ta ? la.rows : la.cols;
  if (handle != &fake || stream != nullptr || c != d || layout_c != layout_d || algorithm->data[0] != 42 ||
      workspace == nullptr || bytes != kWorkspace || *static_cast<const float*>(alpha) != 1 ||
      *static_cast<const float*>(beta) != 0 || how.scale != cuda::lt::kFloat32)
    return kInvalid;
  if (!fits(la) || !fits(lb) || !fits(ld) || (tb ? lb.cols : lb.rows) != K ||
      ld.rows != (ta ? la.cols : la.rows) || ld.cols != (tb ? lb.rows : lb.cols) || la.batch != ld.batch ||
      lb.batch != ld.batch)
    return kInvalid;
  fake->products.push_back({how.compute, ta, tb, la, lb, ld, bytes});
  for (std::int64_t i = 0; i < ld.batch; ++i)
    for (std::int64_t col = 0; col < ld.cols; ++col)
      for (std::int64_t row = 0; row < ld.rows; ++row) {
        double sum = 0;
        for (std::int64_t k = 0; k < K; ++k)
          sum += double{at(static_cast<const float*>(a), la, ta, i, row, k)} *
                 at(static_cast<const float*>(b), lb, tb, i, k, col);
        static_cast<float*>(d)[i * ld.offset + row + col * ld.ld] = static_cast<float>(sum);
      }
  return 0;
}

const cuda::CublasLt& functions() {
  static const cuda::CublasLt all = {
      .version = [] { return std::size_t{130100}; },
      .status_text =
          [](int status) { return status == kInvalid ? "CUBLAS_STATUS_INVALID_VALUE" : "another status"; },
      .create =
          [](void** handle) {
            *handle = &fake;
            return fake->broken ? kNotSupported : 0;
          },
      .desc_create =
          [](void** out, cuda::lt::Compute compute, cuda::lt::DataType scale) {
            return make(out, Desc{compute, scale});
          },
      .desc_set = set_desc,
      .desc_destroy = destroy<Desc>,
      .layout_create =
          [](void** out, cuda::lt::DataType type, std::uint64_t rows, std::uint64_t cols, std::int64_t ld) {
            return make(
                out, FakeLayout{type, static_cast<std::int64_t>(rows), static_cast<std::int64_t>(cols), ld});
          },
      .layout_set = set_layout,
      .layout_destroy = destroy<FakeLayout>,
      .preference_create = [](void** out) { return make(out, Preference{}); },
      .preference_set = set_preference,
      .preference_destroy = destroy<Preference>,
      .heuristic = heuristic,
      .matmul = matmul,
      .place = "a stand-in"};
  return all;
}

}  // namespace

FakeCublasLt::FakeCublasLt() {
  fake = this;
  cuda::replace_cublas_lt(&functions());
}
FakeCublasLt::~FakeCublasLt() {
  cuda::replace_cublas_lt(nullptr);
  fake = nullptr;
}

}  // namespace clearcut::test
