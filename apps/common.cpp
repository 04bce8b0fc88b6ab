#include <CLI/CLI.hpp>

#include <cstdlib>

#include "apps/verbs.h"
#include "tensor/cuda_device.h"
#include "tensor/kernel_wishes.h"
#include "tensor/parallel.h"
#include "train/config.h"
#include "train/share.h"

namespace clearcut::apps {

namespace {

void add_config_options(CLI::App& verb, CommonOptions& c) {
  verb.add_option("-c,--config", c.config, "YAML configuration (may name a _base_)")->required();
  verb.add_option("--set", c.set, "set one key: --set a.b=c; may be repeated")
      ->type_size(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_device_option(CLI::App& verb, CommonOptions& c) {
  verb.add_option("--device", c.device,
                  "reference: plain loops; cpu: fast code; cuda or cuda:i; auto: the fastest here")
      ->capture_default_str();
  verb.add_flag("--emulate", c.emulate,
                "run CUDA kernels on the processor: slow, to check them without a GPU");
  verb.add_option("--products", c.products,
                  "what convolutions and matrix products multiply on cuda: float32 (default), or on tensor "
                  "cores tf32, bfloat16, float16");
}

void add_thread_options(CLI::App& verb, CommonOptions& c) {
  verb.add_option("--threads", c.threads,
                  "number of threads; 0: OMP_NUM_THREADS, or all cores that the container may use")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  verb.add_option("--kernels", c.kernels,
                  "kernels that go before the plan, as patches or forward:fold,weight:patches; on cuda as "
                  "conv2d=v2_tile or gemm=v3_tile");
}

void add_seed_option(CLI::App& verb, CommonOptions& c) {
  const auto read = [&c](const std::uint64_t& seed) {
    c.seed = seed;
    c.seed_given = true;
  };
  verb.add_option_function<std::uint64_t>("--seed", read, "seed of all random numbers")->default_str("1");
}

void add_batch_options(CLI::App& verb, CommonOptions& c) {
  verb.add_option("--limit", c.limit, "only the first N items; 0: all")->check(CLI::NonNegativeNumber);
  verb.add_option("--shard", c.shard,
                  "part i of n, as i/n counted from 0; auto: what Slurm, MPI or RANK says")
      ->capture_default_str();
  verb.add_flag("--overwrite,!--skip-existing", c.overwrite, "make again what exists (default: skip it)");
  verb.add_option("--max-failures", c.max_failures, "stop after so many failed items; -1: never")
      ->check(CLI::Range(-1, 1 << 30))
      ->capture_default_str();
}

}  // namespace

void add_common(CLI::App& verb, Session& session, unsigned groups) {
  CommonOptions& c = session.common;
  if (groups & kConfig) add_config_options(verb, c);
  if (groups & kWorkDir)
    verb.add_option("-o,--work-dir", c.work_dir, "folder for everything that is written");
  if (groups & kCompute) add_device_option(verb, c);
  if (groups & (kCompute | kThreads)) add_thread_options(verb, c);
  if (groups & kMemory)
    verb.add_option("--mem-budget", c.memory_budget, "bytes for tensors, as 6GiB; sets the inner batch");
  if (groups & kSeed) add_seed_option(verb, c);
  if (groups & kProgress)
    verb.add_option("--progress", c.progress, "auto: a bar on a terminal, lines elsewhere")
        ->check(CLI::IsMember({"auto", "bar", "lines", "none"}))
        ->capture_default_str();
  if (groups & kBatch) add_batch_options(verb, c);
  CLI::Option* fresh = nullptr;
  if (groups & (kResume | kFresh))
    fresh = verb.add_flag("--fresh", c.fresh, "delete what an earlier run left and start anew");
  if (groups & kResume)
    verb.add_flag("--resume", c.resume, "go on from the last checkpoint")->excludes(fresh);
}

void on_run(CLI::App& verb, Session& session, std::function<int()> action) {
  verb.callback([&session, action = std::move(action)] {
    session.action = [&session, action] {
      set_threads(session.common.threads);
      if (const std::string& names = session.common.kernels; !names.empty())
        from_option("--kernels", [&] { prefer_kernels(names); });
      if (const std::string& products = session.common.products; !products.empty())
        from_option("--products", [&] { set_cuda_products(cuda_products_from_name(products)); });
      return action();
    };
  });
}

Config training_config(const CommonOptions& common) {
  if (Config::without_references(common.config).has("stages"))
    throw ConfigError(cat(common.config,
                          " is a pipeline, a training configuration is needed here; run it with "
                          "`clearcut run`"));
  std::vector<std::string> overrides = common.set;
  if (common.seed_given) overrides.push_back(cat("seed=", common.seed));
  return Config::load(common.config, overrides);
}

namespace {

/// The number behind "cuda:"; 0 for "cuda".
int card_number(const std::string& option, const std::string& name) {
  const std::size_t colon = name.find(':');
  const std::string index = colon == std::string::npos ? "0" : name.substr(colon + 1);
  if (index.empty() || index.size() > 4 || index.find_first_not_of("0123456789") != std::string::npos)
    throw ConfigError(cat(option, ": a device is cuda or cuda:i, as cuda:0; got '", name, "'"));
  return std::stoi(index);
}

void check_emulated(const std::string& option, const std::string& name, int card, bool emulate) {
  if (!emulate)
    throw ConfigError(cat(option, " ", name,
                          ": this build has no code for a GPU (make CUDA=1 has); --emulate runs the CUDA "
                          "kernels on the processor, slowly, to check them; --device cpu is the fast way "
                          "here"));
  if (card != 0) throw ConfigError(cat(option, " ", name, ": there is one emulated device, cuda:0"));
}

void check_not_emulated(bool emulate) {
  if (emulate && !cuda_is_emulated())
    throw ConfigError(
        "--emulate: this build runs kernels on a GPU; the one that emulates it is made by make without "
        "CUDA=1");
}

}  // namespace

Device device_named(const std::string& option, const std::string& name, bool emulate) {
  check_not_emulated(emulate);
  if (name == "auto") {
    if (cuda_is_emulated() || !cuda_machine().missing.empty()) return Device::kCpu;
    use_cuda_card(0);
    return Device::kCuda;
  }
  if (name.substr(0, name.find(':')) != "cuda")
    return from_option(option, [&] { return device_from_name(name); });
  const int card = card_number(option, name);
  if (cuda_is_emulated()) check_emulated(option, name, card, emulate);
  use_cuda_card(card);
  return Device::kCuda;
}

Device device_of(const CommonOptions& common) {
  const Device device = device_named("--device", common.device, common.emulate);
  if (common.emulate && device != Device::kCuda)
    throw ConfigError(cat("--emulate is for --device cuda; got --device ", common.device));
  if (common.kernels.find("vendor") != std::string::npos && device == Device::kCuda) require_vendor_kernels();
  if (!common.products.empty() && device != Device::kCuda)
    throw ConfigError(cat("--products is for --device cuda; got --device ", common.device));
  return device;
}

ProgressStyle progress_of(const CommonOptions& common) { return progress_style(common.progress); }

std::size_t memory_budget_of(const CommonOptions& common) {
  if (common.memory_budget.empty()) return 0;
  return from_option("--mem-budget", [&] { return parse_bytes(common.memory_budget); });
}

Shard shard_of(const CommonOptions& common) {
  const Share share = parse_share(common.shard, [](const char* name) { return std::getenv(name); });
  return {share.index, share.count};
}

}  // namespace clearcut::apps
