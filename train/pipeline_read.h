// The stages of a pipeline file, read and checked; for train/pipeline*.cpp only.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/pipeline.h"
#include "train/recipe_hash.h"

namespace clearcut {

struct Stage {
  std::string name, kind;
  std::vector<std::string> needs;  // stages
  std::vector<std::string> files;  // files and folders outside the work folder that its keys name
  std::string recipe;              // hash of all that it depends on: see ResultsFile
  double speed = 0;                // pictures per second; 0: unknown
  bool left_out = false;
  std::vector<std::pair<std::string, std::string>> about;
  StagePlan plan;
};

struct Pipeline {
  std::vector<Stage> stages;
  std::uint64_t seed = 1;
  std::string results;  // the file; "": none
  std::string text;
};

/// run.work_dir must be absolute. Throws ConfigError on any mistake.
Pipeline read_pipeline(const PipelineRun& run);

}  // namespace clearcut
