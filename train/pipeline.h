// Pipelines: the whole job as stages whose results are kept, so that nothing is done twice.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "data/json.h"
#include "tensor/device.h"
#include "train/config.h"
#include "train/progress.h"

namespace clearcut {

/// What a stage may use.
struct StageContext {
  std::string name, kind;
  std::string work_dir;  // of the run
  std::string folder;    // work_dir/name: everything that the stage writes
  Device device = Device::kCpu;
  std::uint64_t seed = 1;
  ProgressStyle progress = ProgressStyle::kNone;
  std::size_t failures = 0;  // the stage adds its failed items
};

/// What a stage does. A stage that was interrupted is called again in the same folder and goes on where it
/// stopped.
struct StagePlan {
  std::function<void(StageContext&)> work;
  std::string depends = "";  // what it depends on besides its keys: the text of files that they name
  std::function<double()> pictures = {};  // how many it handles, for the estimate of its time; null: unknown
  /// What a finished stage found out, from its folder: lines for the results file. Null: its time alone.
  std::function<std::vector<JsonObject>(const std::string& folder)> findings = {};
};
/// Kinds by name. Reading a stage reads its keys and opens no data. See train/stages.h.
using ReadStage = StagePlan (*)(const Config&);
const std::map<std::string, ReadStage>& stage_kinds();

/// A pipeline file:
///
///   seed: 1
///   full: {key: value}          what --full sets
///   results: FILE               what stages found out, kept apart from their folders (train/results_file.h)
///   anything: ...               values for ${anything}
///   stages:
///     - name: classifiers       folder below the work folder
///       kind: train
///       needs: [data]           stages whose results it uses; default: all before it
///       speed: 40               pictures per second, measured: what --dry-run estimates the time from
///       about: {target: camvid} words that go into its lines of the results file
///       left_out: true          it does not run, nor does a stage that needs it
///       ...                     keys of the kind
///
/// ${work} stands for the work folder.
struct PipelineRun {
  std::string file = "";
  std::vector<std::string> overrides = {};
  std::string work_dir = "";
  std::string from = "", to = "";  // run only the stages from .. to; empty: from the first, to the last
  bool full = false;
  bool fresh = false;  // forget what earlier runs left of these stages
  Device device = Device::kCpu;
  ProgressStyle progress = ProgressStyle::kNone;
};

struct StageRecord {
  std::string name, kind, hash;
  bool done = false;
  double seconds = 0;  // of all runs that it took
  std::int64_t peak_bytes = 0;
  std::vector<std::string> outputs;  // files below its folder
  bool skipped = false;              // in this run
  std::size_t failures = 0;
  bool in_results = false;  // not run: its lines are in the results file
};

/// Runs the stages in order. A stage is skipped if it is done, its outputs are still there, and nothing that
/// it depends on has changed: its keys, the stages that it needs, and the files and folders that its keys
/// name, by names, sizes and lists (train/recipe_hash.h), wherever they lie. A stage whose keys or inputs
/// changed starts anew: its folder is deleted. work_dir/stages.json is written after every stage. Throws what
/// a stage throws, after writing its name.
///
/// With a results file every finished stage leaves its lines there. A stage that has them is finished even
/// where its folder is gone (a fresh clone on another machine): it runs again only if a stage that runs needs
/// it. Lines that another recipe made are a ConfigError: rows of two recipes are never mixed.
std::vector<StageRecord> run_pipeline(const PipelineRun& run);

/// What run_pipeline() would do with a stage.
struct PlannedStage {
  std::string name, kind;
  bool runs = false;
  std::string why = "";
  double seconds = 0;  // estimated for the machine that `speed` was measured on; 0: unknown
};
/// Reads the file and all stages and looks at what earlier runs left; runs and writes nothing. Throws
/// ConfigError on any mistake.
std::vector<PlannedStage> plan_pipeline(const PipelineRun& run);

/// Reads the file and all stages without running one. Throws ConfigError on any mistake.
void check_pipeline(const PipelineRun& run);

/// The file that a running pipeline holds locked (data/file_lock.h): two at once would undo each other's
/// work.
std::string pipeline_lock(const std::string& work_dir);

/// stages.json of a work folder; empty if there is none. Stages that were not reached yet have no hash.
std::vector<StageRecord> read_stages(const std::string& work_dir);

}  // namespace clearcut
