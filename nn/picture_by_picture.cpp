#include "nn/picture_by_picture.h"

#include <algorithm>
#include <vector>

#include "autograd/trace.h"
#include "tensor/parallel.h"
#include "tensor/term_by_term.h"
#include "tensor/work.h"

namespace clearcut {

namespace {

constexpr std::int64_t kPixels = 1 << 15;  // of a part: calls of the operators cost nothing beside them

bool alone(const Registry& registry) {
  return registry.device() == Device::kCpu && !registry.watched() && Trace::active() == nullptr &&
         !TermByTerm::active() && !DryRun::active();
}

}  // namespace

Tensor picture_by_picture(const Registry& registry, const Tensor& x,
                          const std::function<Tensor(std::int64_t first, const Tensor& part)>& f) {
  const std::int64_t N = x.dim(0), pixels = std::max<std::int64_t>(1, x.dim(-1) * x.dim(-2));
  const std::int64_t size = std::max<std::int64_t>(1, kPixels / pixels), parts = (N + size - 1) / size;
  if (parts < std::max(2, threads()) || !alone(registry)) return f(0, x);
  std::vector<Tensor> results(static_cast<std::size_t>(parts));
  parallel_for(N, size, [&](std::int64_t begin, std::int64_t end) {
    results[static_cast<std::size_t>(begin / size)] = f(begin, x.slice(begin, end));
  });
  const Tensor y(results[0].shape().with(0, N), results[0].dtype());
  for (std::int64_t i = 0; i < parts; ++i)
    y.slice(i * size, std::min(N, (i + 1) * size)).copy_from(results[static_cast<std::size_t>(i)]);
  return y;
}

}  // namespace clearcut
