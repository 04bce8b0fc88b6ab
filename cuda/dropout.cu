// Dropout: the mask is made again wherever it is needed, never stored.
//
// A thread takes four elements of one picture: without whole_channels the four words of one Philox block.
// Bytes moved per element: those of x and y. No sums: the bits are those of the CPU.
#include "tensor/ops/dropout.h"

#include "cuda/pack.cuh"
#include "cuda/random.cuh"
#include "cuda/table.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 256, kEach = 4;

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    dropout_kernel(Rows<const T> x, const PhiloxStart* starts, double p, T scale, std::int64_t per_decision,
                   bool packed, Rows<T> y) {
  const std::int64_t groups = (x.cols + kEach - 1) / kEach, group = cuda::thread_number();
  const std::int64_t n = group / groups, first = group % groups * kEach, end = x.cols - first;
  if (n >= x.rows) return;
  const PhiloxStart start = starts[n];
  std::int64_t block = first / per_decision / 4;
  cuda::PhiloxWords words = cuda::philox_words(start, block);
  cuda::Four<T> values = cuda::load_four(x[n] + first, end, packed);
  UNROLL
  for (int i = 0; i < kEach; ++i) {
    const std::int64_t decision = (first + i) / per_decision;
    if (decision / 4 != block) {
      block = decision / 4;
      words = cuda::philox_words(start, block);
    }
    const bool kept = words[decision % 4] * random_constants::kTwoToMinus32 >= p;
    values.v[i] = kept ? values.v[i] * scale : T(0);
  }
  cuda::store_four(y[n] + first, values, 0, end, packed);
}

}  // namespace

template <class T>
void dropout(Cuda, Rows<const T> x, const std::vector<RandomStream>& streams, double p,
             std::int64_t per_decision, Rows<T> y) {
  std::vector<PhiloxStart> starts;
  for (const RandomStream& stream : streams) starts.push_back(stream.start());
  const cuda::Table<PhiloxStart> table(starts);
  const bool packed = x.cols % kEach == 0 && cuda::may_pack(x.data, y.data);
  cuda::launch<dropout_kernel<T>>(cuda::one_each(x.rows * ((x.cols + kEach - 1) / kEach), kThreads), x,
                                  table.data(), p, static_cast<T>(1 / (1 - p)), per_decision, packed, y);
}

template void dropout(Cuda, Rows<const float>, const std::vector<RandomStream>&, double, std::int64_t,
                      Rows<float>);
template void dropout(Cuda, Rows<const double>, const std::vector<RandomStream>&, double, std::int64_t,
                      Rows<double>);

}  // namespace clearcut::kernels
