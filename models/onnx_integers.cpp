// Sizes and indices in an ONNX graph: small integers on the CPU, without gradient.
#include <algorithm>
#include <cmath>

#include "models/onnx_node.h"

namespace clearcut::onnx {

namespace {

using Ints = std::vector<std::int64_t>;
using Values = std::vector<Var>;

constexpr std::int64_t kMost = 1024;  // sizes come in handfuls

Var integer_list(const Ints& values) {
  return Var(Tensor::from(Shape{static_cast<std::int64_t>(values.size())}, values));
}

// The sizes of x, of dimensions start to end (opset 15).
Run build_shape(NodeReader& node) {
  node.inputs(1, 1);
  const std::int64_t start = node.integer("start", 0), end = node.integer("end", Shape::kMaxRank);
  return [start, end](const Values& in) {
    const std::int64_t rank = in[0].shape().rank();
    const auto bound = [rank](std::int64_t v) {
      return std::clamp<std::int64_t>(v < 0 ? v + rank : v, 0, rank);
    };
    const Ints sizes = in[0].shape().sizes();
    const std::int64_t from = bound(start), to = std::max(bound(end), from);
    return integer_list(Ints(sizes.begin() + from, sizes.begin() + to));
  };
}

void check_few(const char* op, const Var& x) {
  check(x.value().numel() <= kMost, op, "integers come from at most ", kMost, " numbers, got ", x.shape());
}

// Numbers from float to int64 are cut towards zero; those that would not fit are refused.
Var to_integers(const Var& x) {
  if (is_integer(x)) return x;
  check_few("cast", x);
  const Tensor real = x.value().to(DType::kFloat64);
  Ints values;
  for (const double v : real.values<double>()) {
    check(std::abs(v) < 0x1p62, "cast", v, " does not fit int64");
    values.push_back(static_cast<std::int64_t>(v));
  }
  return Var(Tensor::from(x.shape(), values));
}

// Every float type of a file is float32 here, every integer type that matters int64.
Run build_cast(NodeReader& node) {
  node.inputs(1, 1);
  node.ignore("saturate");  // of 8-bit floats
  const std::int64_t to = node.integer("to", 0);
  const bool real = to == 1 || to == 10 || to == 11 || to == 16;  // FLOAT, FLOAT16, DOUBLE, BFLOAT16
  const bool whole = to == 6 || to == 7;                          // INT32, INT64
  if (!real && !whole)
    node.refuse("casts to type ", to, " are not supported; to floats, int32 and int64 are");
  if (whole) return [](const Values& in) { return to_integers(in[0]); };
  return [](const Values& in) {
    const DType dtype = in[0].dtype();
    const bool is_real = dtype == DType::kFloat32 || dtype == DType::kFloat64;
    return is_real ? in[0] : Var(in[0].value().to(DType::kFloat32));
  };
}

// Of the sizes that exporters work out in floats; pictures would have no gradient.
template <double (*f)(double)>
Run build_rounding(NodeReader& node) {
  node.inputs(1, 1);
  return [](const Values& in) {
    if (is_integer(in[0])) return in[0];
    check_few("rounding", in[0]);
    std::vector<float> values;
    for (const double v : in[0].value().to(DType::kFloat64).values<double>())
      values.push_back(static_cast<float>(f(v)));
    return Var(Tensor::from(in[0].shape(), values));
  };
}

// One value of any number, default 0, as a tensor of the shape that is given.
Run build_constant_of_shape(NodeReader& node) {
  node.inputs(1, 1);
  const IntegerInput sizes = node.integer_input(0, "shape");
  const Tensor value = node.tensor("value").value_or(Tensor::zeros({1}));
  if (value.numel() != 1) node.refuse("its value must be one number, got ", value.shape());
  return [sizes, value](const Values& in) {
    const Shape shape(sizes.of(in));
    check(shape.numel() <= 1 << 20, "constant_of_shape", shape, " has more than 2^20 elements");
    return Var(Tensor::full(shape, value.item(), value.dtype()));
  };
}

// start, start + step, ... before the limit.
Run build_range(NodeReader& node) {
  node.inputs(3, 3);
  return [](const Values& in) {
    for (const Var& v : in)
      check(is_integer(v) && v.value().numel() == 1, "range", "needs three whole numbers, got ", v.shape());
    const auto at = [&](std::size_t i) { return in[i].value().values<std::int64_t>()[0]; };
    const std::int64_t start = at(0), limit = at(1), step = at(2);
    check(step != 0 && std::abs(static_cast<double>(limit) - static_cast<double>(start)) <= 1 << 20, "range",
          "from ", start, " to ", limit, " in steps of ", step, " is not supported");
    // Their distance is at most 2^20, so that no sum below passes the end of int64.
    Ints values;
    for (std::int64_t left = limit - start; step > 0 ? left > 0 : left < 0; left -= step) {
      values.push_back(limit - left);
      if (step > 0 ? step >= left : step <= left) break;
    }
    return integer_list(values);
  };
}

std::int64_t equal(std::int64_t a, std::int64_t b) { return a == b ? 1 : 0; }

Run build_equal(NodeReader& node) {
  node.inputs(2, 2);
  return [](const Values& in) { return integers(in[0], in[1], equal); };
}

// condition ? a : b = b + condition (a - b); conditions are integers 0 and 1 here.
Run build_where(NodeReader& node) {
  node.inputs(3, 3);
  return [](const Values& in) {
    for (const Var& v : in) check(is_integer(v), "where", "is supported for integers only, got ", v.dtype());
    const Var left = integers(in[0], in[1], [](std::int64_t c, std::int64_t a) { return c != 0 ? a : 0; });
    const Var right = integers(in[0], in[2], [](std::int64_t c, std::int64_t b) { return c != 0 ? 0 : b; });
    return integers(left, right, [](std::int64_t a, std::int64_t b) { return a + b; });
  };
}

constexpr BuilderRow kRows[] = {{"Cast", build_cast},
                                {"Ceil", build_rounding<std::ceil>},
                                {"ConstantOfShape", build_constant_of_shape},
                                {"Equal", build_equal},
                                {"Floor", build_rounding<std::floor>},
                                {"Range", build_range},
                                {"Shape", build_shape},
                                {"Where", build_where}};

}  // namespace

bool is_integer(const Var& x) { return x.defined() && x.dtype() == DType::kInt64; }

Var integers(const Var& a, const Var& b, std::int64_t (*f)(std::int64_t, std::int64_t)) {
  check(is_integer(a) && is_integer(b), "integers", "both must be int64, got ", a.dtype(), " and ",
        b.dtype());
  check_few("integers", a);
  check_few("integers", b);
  const bool spread_a = a.value().numel() == 1, spread_b = b.value().numel() == 1;
  check(spread_a || spread_b || a.shape() == b.shape(), "integers", "shapes must be the same, got ",
        a.shape(), " and ", b.shape());
  const Ints left = a.value().values<std::int64_t>(), right = b.value().values<std::int64_t>();
  Ints values(std::max(left.size(), right.size()));
  if (left.empty() || right.empty()) values.clear();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = f(left[spread_a ? 0 : i], right[spread_b ? 0 : i]);
  const bool as_a = !spread_a || (spread_b && a.shape().rank() >= b.shape().rank());
  return Var(Tensor::from(as_a ? a.shape() : b.shape(), values));
}

BuilderTable integer_builders() { return kRows; }

}  // namespace clearcut::onnx
