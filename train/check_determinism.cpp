#include <algorithm>
#include <filesystem>

#include "explain/fuse.h"
#include "tensor/file.h"
#include "tensor/interrupt.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "train/check.h"
#include "train/ensemble_config.h"

namespace clearcut {

namespace {

namespace fs = std::filesystem;

std::string hash_files(const std::vector<std::string>& paths) {
  std::string all;
  for (const std::string& path : paths) {
    const Bytes bytes = read_file(path);
    all += cat(bytes.size(), " ");
    all.append(bytes.begin(), bytes.end());
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash_name(all)));
  return text;
}

/// Stops twice as after Ctrl-C, each time after one step, then goes on to the end.
void train_in_pieces(const TrainJob& job, TrainRun run) {
  run.resume = true;
  for (int piece = 0; piece < 2; ++piece) {
    set_interrupted(true);
    try {
      train(job, run);
    } catch (const Interrupted&) {
      // wanted
    } catch (...) {
      set_interrupted(false);
      throw;
    }
    set_interrupted(false);
  }
  train(job, run);
}

struct LabelJob {
  DatasetConfig data;
  EnsembleConfig ensemble;
  FuseOptions fuse;
  std::uint64_t seed = 1;
};

LabelJob read_label_job(const Config& config) {
  LabelJob job;
  job.data = read_dataset_config(config.section("data"));
  job.ensemble = read_ensemble_config(config);
  job.fuse.rule = parsed(config, "rule", [&] { return parse_rule(config.text("rule")); });
  job.seed = static_cast<std::uint64_t>(config.integer_or("seed", 1, {.low = 0}));
  config.check_all_read();
  return job;
}

void label_shard(const LabelJob& job, Device device, const std::string& out, std::int64_t chunk,
                 std::int64_t shard, std::int64_t shards) {
  const Dataset data = open_dataset(job.data);
  Ensemble ensemble = make_ensemble(job.ensemble, data, device, job.seed);
  const LabelPlan plan = plan_labels(data, LabelLayout::kPng);
  LabelStore store({.folder = out,
                    .layout = LabelLayout::kPng,
                    .space = plan.space,
                    .class_names = plan.class_names,
                    .colours = plan.colours,
                    .wnids = {},
                    .shard = shard,
                    .shards = shards,
                    .job = describe_job(ensemble, file_hashes(job.ensemble.classifiers), job.fuse)});
  FuseOptions options = job.fuse;
  options.chunk = chunk;
  const FuseCounts counts = fuse(data, ensemble, store, plan, shard, shards, options);
  check(counts.failed == 0, "check determinism", counts.failed, " pictures failed; see ", out,
        "/failures.jsonl");
}

/// The manifest and all label files, in order of name.
std::vector<std::string> label_files(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".png") files.push_back(entry.path().string());
  std::ranges::sort(files);
  files.push_back(folder + "/manifest.jsonl");
  return files;
}

}  // namespace

std::vector<Repetition> check_labels(const Config& config, Device device, const std::string& folder) {
  struct Way {
    std::string how;
    int threads;
    std::int64_t chunk, shards;
  };
  const std::vector<Way> ways = {{"1 thread, 1 picture at a time", 1, 1, 1},
                                 {"3 threads, 16 pictures at a time", 3, 16, 1},
                                 {"2 threads, 3 pictures at a time, 3 shards", 2, 3, 3}};
  const LabelJob job = read_label_job(config);
  const int before = threads();
  std::vector<Repetition> repetitions;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const std::string out = cat(folder, "/way_", i);
    fs::remove_all(out);
    set_threads(ways[i].threads);
    for (std::int64_t shard = 0; shard < ways[i].shards; ++shard)
      label_shard(job, device, out, ways[i].chunk, shard, ways[i].shards);
    repetitions.push_back({ways[i].how, hash_files(label_files(out))});
  }
  set_threads(before);
  return repetitions;
}

std::vector<Repetition> check_training(const TrainJob& job, Device device, const std::string& folder) {
  struct Way {
    std::string how;
    int threads, decoders;
    bool pieces;
  };
  const std::vector<Way> ways = {{"1 thread", 1, 1, false},
                                 {"3 threads", 3, 2, false},
                                 {"2 threads, decoding in the main thread", 2, 0, false},
                                 {"2 threads, stopped twice and resumed", 2, 2, true}};
  const int before = threads();
  std::vector<Repetition> repetitions;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const std::string work_dir = cat(folder, "/way_", i);
    fs::remove_all(work_dir);
    TrainJob mine = job;
    mine.threads = ways[i].decoders;
    set_threads(ways[i].threads);
    const TrainRun run = {.work_dir = work_dir, .device = device};
    if (ways[i].pieces)
      train_in_pieces(mine, run);
    else
      train(mine, run);
    const std::string last = work_dir + "/checkpoints/last";
    repetitions.push_back({ways[i].how, hash_files({last + "/model.safetensors", last + "/optim.safetensors",
                                                    work_dir + "/history.csv"})});
  }
  set_threads(before);
  return repetitions;
}

}  // namespace clearcut
