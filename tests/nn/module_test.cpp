#include "nn/module.h"

#include <gtest/gtest.h>

#include "autograd/arithmetic.h"
#include "autograd/reduce.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

// y = x * weight, counted in a buffer.
struct Scale : Module {
  Param weight;
  Buffer calls;

  Scale(const Scope& at, double value)
      : Module(at),
        weight(at / "weight", Tensor::full({2}, value)),
        calls(at / "calls", Tensor::zeros({}, DType::kInt64)) {}
  Var operator()(const Var& x) const {
    return run([&] { return x * weight; });
  }
};

struct Net : Module {
  Scale first, second;

  explicit Net(const Scope& at) : Module(at), first(at / "blocks" / 0, 2), second(at / "blocks" / 1, 3) {}
  Var operator()(const Var& x) const { return second(first(x)); }
};

struct Model {
  Registry registry;
  Net net{registry.scope()};
};

Var input(const std::vector<float>& values) { return Var(Tensor::from<float>({2}, values)); }

std::vector<std::string> names(const StateDict& state) {
  std::vector<std::string> all;
  for (const auto& [name, tensor] : state) all.push_back(name);
  return all;
}

TEST(Module, StateHasTheNamesInOrderOfConstruction) {
  Model model;
  EXPECT_EQ(names(model.registry.state()), (std::vector<std::string>{"blocks.0.weight", "blocks.0.calls",
                                                                     "blocks.1.weight", "blocks.1.calls"}));
  EXPECT_EQ(model.registry.parameter_count(), 4);
  EXPECT_EQ(model.net.second.path(), "blocks.1");
}

TEST(Module, ANameCanBeTakenOnce) {
  Registry registry;
  const Param first(registry.scope() / "w", Tensor::zeros({1}));
  expect_error([&] { Param(registry.scope() / "w", Tensor::zeros({1})); }, "the name 'w' is taken already");
  expect_error([&] { Buffer(registry.scope() / "w", Tensor::zeros({1})); }, "the name 'w' is taken already");
  expect_error([&] { Param(registry.scope(), Tensor::zeros({1})); }, "a parameter needs a name");
}

TEST(Module, ErrorsStartWithThePath) {
  Model model;
  expect_error([&] { model.net(Var(Tensor::zeros({3}))); },
               "blocks.0: mul: shapes [3] and [2] do not broadcast");
}

TEST(Module, LoadReportsEverythingAtOnceAndCopiesNothing) {
  Model model;
  const StateDict state = {{"blocks.0.weight", Tensor::full({2}, 7)},
                           {"blocks.0.calls", Tensor::zeros({}, DType::kInt64)},
                           {"blocks.1.weight", Tensor::zeros({3})},
                           {"head.bias", Tensor::zeros({1})}};
  for (const char* text : {"1 missing: blocks.1.calls", "1 unexpected: head.bias",
                           "1 wrong shape: blocks.1.weight wants [2], file has [3]", "allow ="})
    expect_error([&] { model.registry.load(state); }, text);
  EXPECT_EQ(model.net.first.weight.value().values<float>(), (std::vector<float>{2, 2}));
}

TEST(Module, LoadWithPermission) {
  Model model;
  const StateDict state = {{"blocks.0.weight", Tensor::from<double>({2}, {7, 8})},
                           {"blocks.1.weight", Tensor::zeros({3})},
                           {"head.bias", Tensor::zeros({1})}};
  const LoadReport report = model.registry.load(state, {.allow = {"blocks.1.*", "*.calls", "head.bias"}});
  EXPECT_EQ(report.loaded, (std::vector<std::string>{"blocks.0.weight"}));
  EXPECT_EQ(model.net.first.weight.value().values<float>(), (std::vector<float>{7, 8}));
  EXPECT_EQ(model.net.second.weight.value().values<float>(), (std::vector<float>{3, 3}));
  EXPECT_EQ(model.registry.load(state, {.allow = {}, .matching_only = true}).loaded.size(), 1u);
}

TEST(Module, StateRoundTripsAndSharesStorage) {
  Model a, b;
  a.registry.state()[0].second.data<float>()[1] = 9;
  EXPECT_EQ(a.net.first.weight.value().values<float>(), (std::vector<float>{2, 9}));
  b.registry.load(a.registry.state());
  EXPECT_EQ(b.net.first.weight.value().values<float>(), (std::vector<float>{2, 9}));
}

TEST(Module, FrozenParametersGetNoGradient) {
  Model model;
  model.net.first.weight.require_grad(false);
  sum(model.net(input({1, 2}))).backward();
  EXPECT_EQ(model.net.second.weight.var().grad().values<float>(), (std::vector<float>{2, 4}));
  EXPECT_FALSE(model.net.first.weight.var().requires_grad());
  model.registry.zero_grad();
  EXPECT_FALSE(model.net.second.weight.var().grad().defined());
}

TEST(Module, DtypeMovesParametersButNotCounters) {
  Model model;
  model.registry.to(DType::kFloat64);
  EXPECT_EQ(model.net.first.weight.value().dtype(), DType::kFloat64);
  EXPECT_EQ(model.net.first.calls.value().dtype(), DType::kInt64);
}

TEST(Tap, RecordsActivationAndGradient) {
  Model model;
  const Tap tap(model.registry, "blocks.0");
  const Var y = model.net(input({1, 5}));
  EXPECT_EQ(tap.activation().values<float>(), (std::vector<float>{2, 10}));
  expect_error([&] { tap.gradient(); }, "'blocks.0' has no gradient yet");
  sum(y).backward();
  EXPECT_EQ(tap.gradient().values<float>(), (std::vector<float>{3, 3}));
}

TEST(Tap, TheTapeStartsAtTheTapOfAFrozenModel) {
  Model model;
  model.registry.require_grad(false);
  const Tap tap(model.registry, "blocks.0");
  sum(model.net(input({1, 5}))).backward();
  EXPECT_EQ(tap.gradient().values<float>(), (std::vector<float>{3, 3}));
}

// The network goes on from what took the place; its gradient is there, and none of what came before.
TEST(Tap, WhatTakesThePlaceOfAResult) {
  Model model;
  Tap tap(model.registry, "blocks.0");
  tap.replace([](const Tensor& y) {
    EXPECT_EQ(y.values<float>(), (std::vector<float>{2, 10}));
    return Tensor::from<float>({2}, {7, 8});
  });
  const Var y = model.net(input({1, 5}));
  EXPECT_EQ(y.value().values<float>(), (std::vector<float>{21, 24}));
  sum(y).backward();
  EXPECT_EQ(tap.activation().values<float>(), (std::vector<float>{7, 8}));
  EXPECT_EQ(tap.gradient().values<float>(), (std::vector<float>{3, 3}));
  EXPECT_FALSE(model.net.first.weight.var().grad().defined());
  tap.replace([](const Tensor&) { return Tensor::zeros({3}); });
  expect_error([&] { model.net(input({1, 5})); }, "what takes the place of 'blocks.0' must be [2]; got [3]");
  EXPECT_FALSE(model.registry.changes_rows());
  tap.replace_rows([](const Tensor&) { return Tensor::zeros({3, 1}); });
  EXPECT_TRUE(model.registry.changes_rows());
  expect_error(
      [&] {
        model.net(input({1, 5}));
      },
      "what takes the place of 'blocks.0' must be [3]; got [3, 1]");
}

TEST(Tap, EndsWithItsLife) {
  Model model;
  model.registry.require_grad(false);
  { const Tap tap(model.registry, "blocks.0"); }
  EXPECT_FALSE(model.net(input({1, 5})).requires_grad());
}

TEST(Tap, UnknownPathsAreSaid) {
  Model model;
  const Tap tap(model.registry, "layer9");
  model.net(input({1, 5}));
  expect_error([&] { tap.activation(); }, "no module 'layer9' ran");
  model.registry.record_paths(true);
  model.net(input({1, 5}));
  ASSERT_EQ(model.registry.seen_paths().size(), 2u);
  EXPECT_EQ(model.registry.seen_paths()[1].path, "blocks.1");
  EXPECT_EQ(model.registry.seen_paths()[1].shape, (Shape{2}));
}

}  // namespace
}  // namespace clearcut
