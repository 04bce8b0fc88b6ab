// Random numbers in device memory, the same bits as on the host.
//
// A thread makes one Philox block: four numbers, which lie side by side. 4 or 8 bytes are written per number,
// nothing is read.
#include "cuda/random.cuh"

#include "cuda/pack.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 256;

struct Uniform {
  double low, range;
  __device__ double operator()(std::uint32_t word) const {
    return std::fma(word * random_constants::kTwoToMinus32, range, low);
  }
};
struct Normal {
  double mean, deviation;
  __device__ double operator()(std::uint32_t word) const {
    return std::fma(cuda::normal_of(word), deviation, mean);
  }
};

template <class Make, class T>
__global__ void __launch_bounds__(kThreads, 4)
    fill_kernel(PhiloxStart start, std::int64_t first, Make make, bool packed, Flat<T> y) {
  const std::int64_t block = first / 4 + cuda::thread_number(), at = block * 4 - first;
  const cuda::PhiloxWords words = cuda::philox_words(start, block);
  cuda::Four<T> values;
  UNROLL
  for (int i = 0; i < 4; ++i) values.v[i] = static_cast<T>(make(words[i]));
  cuda::store_four(y.data + at, values, -at, y.n - at, packed && at + 4 <= y.n);
}

template <class Make, class T>
void fill(const PhiloxStart& start, std::int64_t first, const Make& make, Flat<T> y) {
  const bool packed = first % 4 == 0 && cuda::may_pack(y.data);
  cuda::launch<fill_kernel<Make, T>>(cuda::one_each(y.n == 0 ? 0 : (y.n + first % 4 + 3) / 4, kThreads),
                                     start, first, make, packed, y);
}

}  // namespace

template <class T>
void fill_uniform(Cuda, const PhiloxStart& start, std::int64_t first, double low, double high, Flat<T> y) {
  fill(start, first, Uniform{low, high - low}, y);
}
template <class T>
void fill_normal(Cuda, const PhiloxStart& start, std::int64_t first, double mean, double deviation,
                 Flat<T> y) {
  fill(start, first, Normal{mean, deviation}, y);
}

template void fill_uniform(Cuda, const PhiloxStart&, std::int64_t, double, double, Flat<float>);
template void fill_uniform(Cuda, const PhiloxStart&, std::int64_t, double, double, Flat<double>);
template void fill_normal(Cuda, const PhiloxStart&, std::int64_t, double, double, Flat<float>);
template void fill_normal(Cuda, const PhiloxStart&, std::int64_t, double, double, Flat<double>);

}  // namespace clearcut::kernels
