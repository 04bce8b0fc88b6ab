#include "explain/passes.h"

#include <algorithm>

#include "explain/target.h"
#include "nn/picture_by_picture.h"
#include "tensor/parallel.h"

namespace clearcut {

namespace {

// More rows than threads can take at once bring no speed on a CPU.
std::int64_t most_rows() { return std::max(8, threads()); }

Tensor filled_batch(const InputRows& rows, std::int64_t first, std::int64_t count, Device device) {
  const Device where = rows.on_device ? device : Device::kCpu;
  const Tensor x({count, rows.shape[0], rows.shape[1], rows.shape[2]}, DType::kFloat32, where);
  const auto fill = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) rows.fill(first + i, x[i]);
  };
  if (where == Device::kCuda)
    fill(0, count);  // kernels of one thread's stream
  else
    parallel_for(count, 1, fill);
  return x.to(device);
}

}  // namespace

InputRows picture_rows(const ExplainInput& input) {
  return {.count = input.x.dim(0),
          .shape = input.x.shape().without_leading(),
          .fill = [&input](std::int64_t n, const Tensor& slot) { slot.copy_from(input.x[n]); }};
}

Passes::Passes(Classifier& classifier, std::size_t budget_bytes)
    : classifier_(classifier), budget_(budget_bytes), classes_(classifier.classes()) {
  Registry& registry = classifier.registry();
  training_ = registry.mode.training;
  for (const Param* param : registry.params()) needed_.push_back(param->var().requires_grad());
  registry.mode.training = false;
  registry.require_grad(false);
}

Device Passes::device() const { return classifier_.registry().device(); }

Passes::~Passes() {
  Registry& registry = classifier_.registry();
  registry.mode.training = training_;
  for (std::size_t i = 0; i < needed_.size(); ++i) registry.params()[i]->require_grad(needed_[i]);
}

void Passes::batches(const InputRows& rows,
                     const std::function<void(std::int64_t first, const Tensor& x)>& body) {
  std::int64_t limit = 1;
  for (std::int64_t first = 0; first < rows.count;) {
    const std::int64_t count = std::min(limit, rows.count - first);
    const PeakMeter meter;
    try {
      body(first, filled_batch(rows, first, count, device()));
    } catch (const Error& error) {
      if (!is_out_of_memory(error) || count == 1) throw;
      limit = count / 2;
      budget_ = std::min(budget_, meter.bytes_above_start());  // later passes need not fail again
      continue;
    }
    if (first == 0 && count == 1) {
      const std::size_t row = std::max<std::size_t>(1, meter.bytes_above_start());
      limit = std::clamp(static_cast<std::int64_t>(budget_ / row), std::int64_t{1}, most_rows());
    }
    first += count;
  }
}

void Passes::scores(const InputRows& rows, const std::function<void(std::int64_t r, const float* z)>& use) {
  batches(rows, [&](std::int64_t first, const Tensor& x) {
    const Tensor z = picture_by_picture(classifier_.registry(), x, [&](std::int64_t, const Tensor& part) {
                       const NoGrad guard;
                       return classifier_.logits(Var(part)).value();
                     }).to(Device::kCpu);
    for (std::int64_t i = 0; i < x.dim(0); ++i) use(first + i, z.data<const float>() + i * classes_);
  });
}

void Passes::gradients(const InputRows& rows, const std::function<const Target&(std::int64_t r)>& target,
                       const std::function<void(std::int64_t r, const Tensor& g)>& use) {
  batches(rows, [&](std::int64_t first, const Tensor& x) {
    const Tensor dx =
        picture_by_picture(classifier_.registry(), x, [&](std::int64_t from, const Tensor& part) {
          const Var input(part, true);
          const Var z = classifier_.logits(input);
          z.backward(target_gradients(
              z.value(), [&](std::int64_t i) -> const Target& { return target(first + from + i); }));
          return input.grad();
        });
    for (std::int64_t i = 0; i < x.dim(0); ++i) use(first + i, dx[i]);
  });
}

const std::vector<Tensor>& Passes::segments(const ExplainInput& input, const SuperpixelOptions& options) {
  if (!input.segments.empty()) return input.segments;
  for (const Cut& cut : cuts_)
    if (cut.x.same_view(input.x) && cut.options == options) return cut.segments;
  std::vector<Tensor> segments(static_cast<std::size_t>(input.x.dim(0)));
  parallel_for(input.x.dim(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k)
      segments[static_cast<std::size_t>(k)] =
          superpixels(to_picture(classifier_.preprocess(), input.x[k]), options);
  });
  cuts_.push_back({input.x, options, std::move(segments)});
  return cuts_.back().segments;
}

Tensor target_gradients(const Tensor& z, const std::function<const Target&(std::int64_t i)>& target) {
  const Tensor here = z.to(Device::kCpu), dz = empty_like(here);
  const std::int64_t C = z.dim(1);
  const float* from = here.data<const float>();
  float* to = dz.data<float>();
  for (std::int64_t i = 0; i < z.dim(0); ++i) target_gradient(from + i * C, C, target(i), to + i * C);
  return dz.to(z.device());
}

}  // namespace clearcut
