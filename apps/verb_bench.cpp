// clearcut bench: how fast, in how much memory, and how near to what the machine can do.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>

#include "apps/verbs.h"
#include "explain/explainer.h"
#include "train/bench/report.h"

namespace clearcut::apps {

namespace {

struct Options {
  BenchOptions bench;
  std::vector<std::int64_t> size;
  SampleOptions samples;
  bool json = false;
};

BenchOptions bench_options(const CommonOptions& common, const Options& o) {
  BenchOptions bench = o.bench;
  bench.device = device_of(common);
  bench.seed = common.seed;
  if (!o.size.empty()) bench.height = o.size.front(), bench.width = o.size.back();
  return bench;
}

int print_result(const Workload& work, const Options& o) {
  const BenchResult result = measure(work, o.samples);
  std::cout << (o.json ? to_json(result).pretty() : to_text(result));
  return kDone;
}

void add_measuring_options(CLI::App& verb, Session& session, Options& o) {
  add_common(verb, session, kCompute | kSeed);
  verb.add_flag("--json", o.json, "one JSON object instead of lines for people");
  verb.add_option("--reps", o.samples.repetitions, "samples without other programs in the way")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb.add_option("--warm-up", o.samples.warm_up, "runs before the first sample")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

void add_network_options(CLI::App& verb, Options& o) {
  verb.add_option("model", o.bench.model, "name of a network, NAME.onnx, or a checkpoint")->required();
  verb.add_option("--size", o.size, "height and width of the input; one number for both")
      ->expected(1, 2)
      ->check(CLI::PositiveNumber);
  verb.add_option("--classes", o.bench.classes, "default: 1000 of a classifier, 21 of a segmenter")
      ->check(CLI::PositiveNumber);
  verb.add_option("--width", o.bench.width_factor, "factor of all channel counts")->capture_default_str();
}

void add_batch_option(CLI::App& verb, Options& o, const char* text) {
  verb.add_option("--batch", o.bench.batch, text)->check(CLI::PositiveNumber);
}

}  // namespace

void add_bench(CLI::App& app, Session& session) {
  auto* verb = app.add_subcommand("bench", "time, memory, and the share of the machine's limits");
  verb->require_subcommand(1);
  add_bench_kernels(*verb, session);
  auto o = std::make_shared<Options>();

  auto* train = verb->add_subcommand("train", "one training step: forward, loss, backward, update");
  add_network_options(*train, *o);
  add_batch_option(*train, *o, "pictures; default 8");
  train->add_flag("--recompute", o->bench.recompute,
                  "run residual stages again instead of keeping their insides");
  add_measuring_options(*train, session, *o);
  on_run(*train, session,
         [&session, o] { return print_result(bench_training(bench_options(session.common, *o)), *o); });

  auto* predict = verb->add_subcommand("predict", "one forward pass in evaluation");
  add_network_options(*predict, *o);
  add_batch_option(*predict, *o, "pictures; default 1");
  add_measuring_options(*predict, session, *o);
  on_run(*predict, session,
         [&session, o] { return print_result(bench_prediction(bench_options(session.common, *o)), *o); });

  auto* explain = verb->add_subcommand("explain", "one explanation of one picture");
  add_network_options(*explain, *o);
  explain->add_option("-x,--explainer", o->bench.explainer, "with settings, as lime:samples=100")
      ->capture_default_str();
  add_common(*explain, session, kMemory);
  add_measuring_options(*explain, session, *o);
  on_run(*explain, session, [&session, o] {
    BenchOptions bench = bench_options(session.common, *o);
    from_option("--explainer", [&] { return parse_explainer(bench.explainer); });
    if (const std::size_t budget = memory_budget_of(session.common); budget > 0) bench.budget_bytes = budget;
    return print_result(bench_explanation(bench), *o);
  });
}

}  // namespace clearcut::apps
