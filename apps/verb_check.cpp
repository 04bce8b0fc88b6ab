#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "apps/verbs.h"
#include "tensor/cuda_device.h"
#include "train/bench/layers.h"
#include "train/check.h"
#include "train/check_kernels.h"

namespace clearcut::apps {

namespace {

struct Options {
  std::string filter, against = "reference";
  double tolerance = 1e-4;
};

std::string shapes_text(const std::vector<Shape>& shapes) {
  std::string text;
  for (const Shape& shape : shapes) text += cat(text.empty() ? "" : " ", shape);
  return text;
}

int print_gradients(const Options& o) {
  const auto checks = check_gradients(o.filter);
  if (checks.empty()) throw ConfigError(cat("check grad: no operator row contains '", o.filter, "'"));
  std::size_t failed = 0;
  for (const GradientCheck& c : checks) {
    failed += c.passed ? 0 : 1;
    std::printf("%s  %8.1e of tolerance  %s  %s%s\n", c.passed ? "ok    " : "FAILED", c.worst, c.row.c_str(),
                shapes_text(c.shapes).c_str(), c.passed ? "" : ("  " + c.where).c_str());
  }
  std::printf("%zu gradient checks, %zu failed\n", checks.size(), failed);
  return failed == 0 ? kDone : kError;
}

void print_difference(const StepDifference& d, bool mark) {
  char gradient[16] = "       -";
  if (!std::isnan(d.gradient)) std::snprintf(gradient, sizeof gradient, "%8.1e", d.gradient);
  std::printf("%s %8.1e %s  %s %s%s\n", d.agrees ? " " : "!", d.value, gradient, d.name.c_str(),
              cat(d.shape).c_str(), mark ? "   <-- first disagreement" : "");
}

int print_step(const CommonOptions& common, const Options& o) {
  const TrainJob job = read_train_job(training_config(common));
  const Device a = device_named("--device", common.device, common.emulate),
               b = device_named("--against", o.against, common.emulate);
  const StepCheck s = check_step(job, a, b, o.tolerance);
  std::cout << "loss " << s.loss_a << " (" << a << "), " << s.loss_b << " (" << b << ")\n"
            << "largest difference over largest value, of activation and of gradient:\n";
  for (std::size_t i = 0; i < s.modules.size(); ++i)
    print_difference(s.modules[i], static_cast<int>(i) == s.first);
  std::cout << "parameters after the step, and their gradients:\n";
  for (const StepDifference& d : s.parameters) print_difference(d, false);
  std::cout << (s.agrees ? "all agree" : "they disagree") << " within " << o.tolerance << "\n";
  return s.agrees ? kDone : kError;
}

struct KernelOptions {
  std::string filter;
  std::vector<std::string> layers;
  double tolerance = 2e-5;
};

int print_kernels(const KernelOptions& o) {
  from_option("--layer", [&] {
    for (const std::string& layer : o.layers) parse_layer(layer);
  });
  if (const std::string missing = cuda_machine().missing; !missing.empty())
    std::cout << "kernels of cuda are left out: " << missing << "\n";
  const auto checks = check_kernels(o.filter, o.layers);
  if (checks.empty())
    throw ConfigError(cat("check kernels: no kernel with '", o.filter, "' in its name fits"));
  std::size_t failed = 0;
  for (const KernelCheck& c : checks) {
    failed += c.passed(o.tolerance) ? 0 : 1;
    std::printf("%s  %8.1e  %-17s %-8s %s%s%s%s\n", c.passed(o.tolerance) ? "ok    " : "FAILED", c.error,
                c.kernel.c_str(), c.direction.c_str(), c.layer.c_str(),
                c.same_in_any_order ? "" : "  other bits in another order or with other threads",
                c.same_for_batch ? "" : "  other bits in another batch",
                c.fault.empty() ? "" : ("  " + c.fault).c_str());
  }
  std::printf(
      "%zu kernel checks, %zu failed; differences from sums in double over the largest value, at most %g\n",
      checks.size(), failed, o.tolerance);
  return failed == 0 ? kDone : kError;
}

int print_repetitions(const CommonOptions& common) {
  const Config config = training_config(common);
  const std::string folder = common.work_dir.empty() ? "runs/determinism" : common.work_dir;
  std::filesystem::create_directories(folder);
  const auto repetitions = config.has("classifiers")
                               ? check_labels(config, device_of(common), folder)
                               : check_training(read_train_job(config), device_of(common), folder);
  bool same = true;
  for (const Repetition& r : repetitions) {
    same = same && r.hash == repetitions[0].hash;
    std::cout << (r.hash == repetitions[0].hash ? "  " : "! ") << r.hash << "  " << r.how << "\n";
  }
  std::cout << (same ? "the same bits each time\n" : "the bits differ\n");
  return same ? kDone : kError;
}

}  // namespace

void add_check(CLI::App& app, Session& session) {
  auto* verb = app.add_subcommand(
      "check", "prove it: this machine, gradients, kernels, one step on two devices, the same bits");
  verb->require_subcommand(1);
  add_check_env(*verb, session);
  auto o = std::make_shared<Options>();

  auto* grad = verb->add_subcommand("grad", "gradient checks of all operators, by central differences");
  grad->add_option("--filter", o->filter, "only rows whose name contains this");
  on_run(*grad, session, [o] { return print_gradients(*o); });

  auto* step = verb->add_subcommand("step", "one training step on two devices, module by module");
  add_common(*step, session, kConfig | kCompute);
  step->add_option("--against", o->against, "the other device")->capture_default_str();
  step->add_option("--tolerance", o->tolerance, "largest difference over largest value")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  on_run(*step, session, [&session, o] { return print_step(session.common, *o); });

  auto* kernels = verb->add_subcommand("kernels",
                                       "every kernel of convolutions and products against sums in double, "
                                       "those of cuda emulated, and its bits "
                                       "for other threads, orders and batches");
  auto k = std::make_shared<KernelOptions>();
  kernels->add_option("--filter", k->filter, "only kernels whose name contains this");
  kernels->add_option("--layer", k->layers, "other shapes: C:side:K:kernel[:stride[:dilation[:groups]]]")
      ->allow_extra_args(false);
  kernels->add_option("--tolerance", k->tolerance, "largest difference over largest value")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  on_run(*kernels, session, [k] { return print_kernels(*k); });

  auto* determinism = verb->add_subcommand(
      "determinism",
      "the same job in several ways, by hash: a training configuration, or a label job "
      "with the keys data, classifiers, explainers, rule (other threads, batch, shards)");
  add_common(*determinism, session, kConfig | kWorkDir | kCompute);
  on_run(*determinism, session, [&session] { return print_repetitions(session.common); });
}

}  // namespace clearcut::apps
