#include <optional>

#include "data/check.h"
#include "tensor/file.h"
#include "train/data_config.h"
#include "train/stages.h"

namespace clearcut {

namespace {

struct CheckStage {
  DatasetConfig data;
  std::optional<DatasetConfig> val;
  bool stop = true;
};

DataReport look(const Dataset& data, StageContext& context) {
  Progress progress(context.name, static_cast<std::int64_t>(data.items.size()), context.progress);
  return check_data(data, {.progress = [&](std::int64_t done) { progress.update(done); }});
}

void check_stage(const CheckStage& stage, StageContext& context) {
  const Dataset data = open_dataset(stage.data);
  const DataReport report = look(data, context);
  JsonObject json = to_json(report, data);
  std::string text = describe(report, data);
  bool errors = has_errors(report.findings);
  if (stage.val) {
    const Dataset val = open_dataset(*stage.val);
    const DataReport of_val = look(val, context);
    const std::vector<Finding> between = compare_splits(data, report, val, of_val);
    json.set("val", to_json(of_val, val)).set("between", to_json(between));
    text += cat("\n", describe(of_val, val), "\ntraining against validation: ", describe(between));
    errors = errors || has_errors(of_val.findings) || has_errors(between);
  }
  json.write(context.folder + "/report.json");
  write_file(context.folder + "/report.txt", text);
  check(!errors || !stage.stop, context.name,
        "the data have errors, and what needs them was not begun; mend ",
        "them, or go on with `on_errors: go_on`:\n", text);
}

}  // namespace

StagePlan read_check_stage(const Config& config) {
  CheckStage stage;
  stage.data = read_dataset_config(config.section("data"));
  if (config.has("val")) stage.val = read_dataset_config(config.section("val"));
  stage.stop = config.choice_or("on_errors", {"stop", "go_on"}, "stop") == "stop";
  return {[stage](StageContext& context) { check_stage(stage, context); }};
}

}  // namespace clearcut
