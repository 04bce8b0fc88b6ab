#include "autograd/op_case.h"

#include <algorithm>
#include <cmath>

#include "tensor/random.h"

namespace clearcut {

namespace {

std::vector<OpCase>& cases() {
  static std::vector<OpCase> rows;
  return rows;
}

double away_from_kink(double v, const Values& values) {
  if (values.positive) return std::abs(v) + values.gap;
  const double distance = v - values.kink;
  if (std::abs(distance) >= values.gap) return v;
  return values.kink + (distance < 0 ? -1 : 1) * (values.gap + std::abs(distance));
}

Tensor draw(const Shape& shape, const Values& values, const RandomStream& stream) {
  Tensor x(shape, DType::kFloat64);
  stream.fill_normal(x, values.mean, values.deviation);
  double* p = x.data<double>();
  if (values.distinct) {
    const auto order = permutation(stream, x.numel());
    for (std::int64_t i = 0; i < x.numel(); ++i)
      p[i] = 0.01 * static_cast<double>(order[static_cast<std::size_t>(i)] - x.numel() / 2);
  }
  std::transform(p, p + x.numel(), p, [&](double v) { return away_from_kink(v, values); });
  return x;
}

}  // namespace

bool add_cases(std::vector<OpCase> rows) {
  std::move(rows.begin(), rows.end(), std::back_inserter(cases()));
  return true;
}

const std::vector<OpCase>& all_cases() { return cases(); }

std::vector<Tensor> draw_inputs(const OpCase& row, std::size_t entry, DType dtype, Device device) {
  std::vector<Tensor> inputs;
  const std::vector<Shape>& shapes = row.shapes.at(entry);
  for (std::size_t k = 0; k < shapes.size(); ++k) {
    const Values values = row.values.empty() ? Values{} : row.values[std::min(k, row.values.size() - 1)];
    const RandomStream stream(1, row.name, entry * 100 + k);
    // Rounded to float first: the float and the double run see exactly the same numbers.
    inputs.push_back(draw(shapes[k], values, stream).to(DType::kFloat32).to(dtype).to(device));
  }
  return inputs;
}

}  // namespace clearcut
