// `clearcut bench kernels`: every candidate for every shape, against the limits of the machine.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "train/bench/layers.h"
#include "train/bench/report.h"

namespace clearcut {

struct KernelBenchOptions {
  std::vector<std::string> suites = {};      // empty: all of kernel_suites()
  std::string filter = {};                   // only shapes whose name contains this
  std::vector<std::string> layers = {};      // shapes for parse_layer(); they replace the suites
  std::vector<std::string> directions = {};  // "forward", "input", "weight"; empty: all
  std::vector<std::string> variants = {};    // kernels of cuda by name, beside the default; empty: the CPU's
  std::int64_t batch = 0;                    // of convolutions; 0: as the suite says
  std::uint64_t seed = 1;
  SampleOptions samples = {.warm_up = 1};
};
/// "resnet50", "segmentation", "hrnet", "mobilenet", "products", "memory".
std::vector<std::string> kernel_suites();

/// One way to do a task.
struct KernelCandidate {
  std::string kernel;   // "patches"; "patches+kept" with weights prepared beforehand; "gemm" of a product
  bool planned = true;  // the one that the planner picks
  double estimate = 0;  // seconds at the measured peak, by its own cost model; 0: it has none
  std::function<void()> run;
  std::function<void()> wait = {};  // until what was started is done; null: run() does that
  double rounding = 0;              // of operands: not 0 on tensor cores
  Timing timing = {};
};

/// A convolution in one direction, a product, or a pass over memory.
struct KernelTask {
  std::string suite = {}, name = {},
              direction = {};  // direction: also "product"; of the memory suite the operator's
  int count = 1;               // times in its network
  double operations = 0;       // 2 per multiply-add of the plain formula
  double bytes = 0;            // that must be read and written at least once
  std::vector<KernelCandidate> candidates = {};
};

/// Calls use(task) for each task that was asked for, its inputs filled with normal numbers that follow from
/// the seed. Throws Error if nothing is left of the suites.
void for_each_task(const KernelBenchOptions& options, const std::function<void(KernelTask&)>& use);
/// The makers behind it, one per kind.
void for_each_convolution(const KernelBenchOptions& options, const std::vector<LayerShape>& layers,
                          const std::function<void(KernelTask&)>& use);
void for_each_product(const KernelBenchOptions& options, const std::function<void(KernelTask&)>& use);
void for_each_memory_pass(const KernelBenchOptions& options, const std::function<void(KernelTask&)>& use);

/// The same products and convolutions on cuda, for options.variants; the memory suite has none.
void for_each_variant_task(const KernelBenchOptions& options, const std::function<void(KernelTask&)>& use);

/// Times the candidates of one task in turn, A B A B, so that what happens to the machine happens to all.
void time_candidates(KernelTask& task, const SampleOptions& options);

/// Runs all tasks with pinned threads; text(line) gets the table row by row while it is made. Returns the
/// object of --json: "machine", "tasks" and "plan".
JsonObject bench_kernels(const KernelBenchOptions& options,
                         const std::function<void(const std::string&)>& text);

/// `clearcut bench kernels --variant`: times on the GPU, or of the emulator, which say nothing about one, and
/// what an H100 could reach at best. Returns the object of --json: "device" and "tasks".
JsonObject bench_variants(const KernelBenchOptions& options,
                          const std::function<void(const std::string&)>& text);

}  // namespace clearcut
