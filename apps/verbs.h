// The command line: what verbs share, and the list of verbs. Verbs are wiring only: they read options, call
// the library and choose an exit code.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tensor/device.h"
#include "train/config.h"
#include "train/progress.h"

namespace CLI {
class App;
}

namespace clearcut::apps {

enum ExitCode : int {
  kDone = 0,
  kError = 1,            // run-time error
  kUsage = 2,            // wrong options or config
  kDataCheckFailed = 3,  // `data check`, `model diff` or `model verify` found something
  kSomeFailed = 4,       // finished; failures.jsonl lists the items that failed
  kNumerical = 5,        // NaN or infinity
  kInterrupted = 130,    // Ctrl-C; what was done is saved, --resume goes on
};

/// Options that several verbs have. A verb shows only the groups that it asks for in add_common().
struct CommonOptions {
  // kCompute
  std::string device = "cpu";  // reference, cpu, auto, cuda or cuda:i
  bool emulate = false;        // cuda is the emulated device
  std::string products;        // what products multiply on cuda; see tensor/cuda_device.h
  int threads = 0;             // 0: all that set_threads(0) finds
  std::string kernels;         // convolution kernels that go before the plan; see tensor/cpu/conv/kernel.h
  // kSeed
  std::uint64_t seed = 1;
  bool seed_given = false;
  // kProgress
  std::string progress = "auto";  // auto, bar, lines or none
  // kBatch: jobs over many items
  std::int64_t limit = 0;          // items; 0: all
  std::string shard = "0/1";       // i/n, 0-based
  bool overwrite = false;          // make again what exists
  std::int64_t max_failures = -1;  // stop after so many failed items; -1: never
  // kConfig
  std::string config;
  std::vector<std::string> set;  // "a.b=c"
  // kWorkDir
  std::string work_dir;
  // kMemory
  std::string memory_budget;  // "6GiB"; empty: the default of the job
  // kResume
  bool resume = false;
  // kResume, kFresh: what goes on by itself
  bool fresh = false;
};

enum CommonGroup : unsigned {
  kCompute = 1,
  kSeed = 2,
  kProgress = 4,
  kBatch = 8,
  kConfig = 16,
  kWorkDir = 32,
  kResume = 64,
  kMemory = 128,
  kThreads = 256,  // kCompute without the device
  kFresh = 512,
};

/// What main() hands to every verb: the common options and a place for the work to do.
struct Session {
  CommonOptions common;
  std::function<int()> action;  // set by the verb that was named; returns an ExitCode
};

/// Adds the options of the given groups (CommonGroup values joined by |) to a verb.
void add_common(CLI::App& verb, Session& session, unsigned groups);
/// Runs `action` when `verb` is the one on the command line. It runs after parsing, with threads set.
void on_run(CLI::App& verb, Session& session, std::function<int()> action);

/// The training configuration of --config with --set. A pipeline is a ConfigError that names its verb.
Config training_config(const CommonOptions& common);
/// Of --device and --emulate. Throws ConfigError for a device that this build does not have.
Device device_of(const CommonOptions& common);
/// The same for another option that names a device.
Device device_named(const std::string& option, const std::string& name, bool emulate);
ProgressStyle progress_of(const CommonOptions& common);
/// Bytes of --mem-budget; 0 if none was given.
std::size_t memory_budget_of(const CommonOptions& common);

/// Part `index` of `count` of a job: item i belongs to it if i % count == index.
struct Shard {
  std::int64_t index = 0, count = 1;
  bool has(std::int64_t item) const { return item % count == index; }
};
/// Of "--shard i/n", or of "auto": Slurm array, MPI or RANK/WORLD_SIZE variables. Throws ConfigError that
/// explains a wrong index.
Shard shard_of(const CommonOptions& common);

/// read(), where an Error about the words of an option becomes a mistake on the command line (exit code 2).
template <class Read>
auto from_option(std::string_view option, const Read& read) {
  try {
    return read();
  } catch (const Error& error) {
    throw ConfigError(cat(option, ": ", error.what()));
  }
}

// One file per verb: apps/verb_<name>.cpp. main.cpp calls these.
void add_train(CLI::App& app, Session& session);
void add_eval(CLI::App& app, Session& session);
void add_predict(CLI::App& app, Session& session);
void add_config(CLI::App& app, Session& session);
void add_run(CLI::App& app, Session& session);
void add_check(CLI::App& app, Session& session);
void add_data(CLI::App& app, Session& session);
void add_model(CLI::App& app, Session& session);
void add_explain(CLI::App& app, Session& session);
void add_explain_prior(CLI::App& app, Session& session);
void add_explainers(CLI::App& app, Session& session);
void add_explain_eval(CLI::App& app, Session& session);
void add_label(CLI::App& app, Session& session);
void add_report(CLI::App& app, Session& session);
void add_view(CLI::App& app, Session& session);
void add_bench(CLI::App& app, Session& session);
void add_data_synth(CLI::App& data, Session& session);      // under `data`
void add_data_write(CLI::App& data, Session& session);      // under `data`
void add_bench_kernels(CLI::App& bench, Session& session);  // under `bench`
void add_check_env(CLI::App& check, Session& session);      // under `check`
void add_model_layers(CLI::App& model, Session& session);   // under `model`
void add_model_weights(CLI::App& model, Session& session);  // under `model`
void add_model_export(CLI::App& model, Session& session);   // under `model`

}  // namespace clearcut::apps
