// clearcut bench kernels: every candidate for every shape.
#include <CLI/CLI.hpp>

#include <iostream>

#include "apps/verbs.h"
#include "tensor/cuda_variants.h"
#include "train/bench/kernels.h"

namespace clearcut::apps {

namespace {

struct Options {
  KernelBenchOptions bench;
  bool json = false;
};

int run(const CommonOptions& common, const Options& o) {
  KernelBenchOptions bench = o.bench;
  bench.seed = common.seed;
  from_option("--layer", [&] {
    for (const std::string& layer : bench.layers) parse_layer(layer);
  });
  if (!bench.variants.empty())
    from_option("--variant", [&] {
      for (const std::string& name : bench.variants) cuda::check_variant(name);
    });
  const auto print = [&](const std::string& text) {
    if (!o.json) std::cout << text << std::flush;
  };
  const JsonObject all = bench.variants.empty() ? bench_kernels(bench, print) : bench_variants(bench, print);
  if (o.json) std::cout << all.pretty();
  return kDone;
}

}  // namespace

void add_bench_kernels(CLI::App& bench, Session& session) {
  auto* verb =
      bench.add_subcommand("kernels", "every kernel for every shape: GFLOP/s, share of peak, the plan");
  auto o = std::make_shared<Options>();
  verb->add_option("--suite", o->bench.suites, "shapes of these networks or kinds; default: all")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember(kernel_suites()));
  verb->add_option("--filter", o->bench.filter, "only shapes whose name contains this");
  verb->add_option("--layer", o->bench.layers, "other shapes: C:side:K:kernel[:stride[:dilation[:groups]]]")
      ->allow_extra_args(false);
  verb->add_option("--direction", o->bench.directions,
                   "of convolutions: forward, input, weight; default: all")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"forward", "input", "weight"}));
  verb->add_option("--variant", o->bench.variants,
                   "kernels of cuda by name, as v3_tile, beside the default: on a GPU, or emulated")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--batch", o->bench.batch, "pictures; default: as the table says, mostly 8")
      ->check(CLI::PositiveNumber);
  verb->add_option("--reps", o->bench.samples.repetitions, "samples without other programs in the way")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_flag("--json", o->json, "one JSON object instead of the table");
  add_common(*verb, session, kThreads | kSeed);
  on_run(*verb, session, [&session, o] { return run(session.common, *o); });
}

}  // namespace clearcut::apps
