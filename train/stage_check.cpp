#include <iostream>
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

/// "error: same picture in training and validation (12), warning: equal pictures (3)"
std::string in_short(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& f : findings)
    text += cat(text.empty() ? "" : ", ", f.severity == Severity::kError ? "error: " : "warning: ", f.kind,
                " (", f.details.size(), ")");
  return text.empty() ? "nothing to mend" : text;
}

void check_stage(const CheckStage& stage, StageContext& context) {
  const Dataset data = open_dataset(stage.data);
  const DataReport report = look(data, context);
  JsonObject json = to_json(report, data);
  std::string text = describe(report, data);
  std::vector<Finding> findings = report.findings;
  if (stage.val) {
    const Dataset val = open_dataset(*stage.val);
    const DataReport of_val = look(val, context);
    const std::vector<Finding> between = compare_splits(data, report, val, of_val);
    json.set("val", to_json(of_val, val)).set("between", to_json(between));
    text += cat("\n", describe(of_val, val), "\ntraining against validation: ", describe(between));
    findings.insert(findings.end(), of_val.findings.begin(), of_val.findings.end());
    findings.insert(findings.end(), between.begin(), between.end());
  }
  json.write(context.folder + "/report.json");
  const std::string file = context.folder + "/report.txt";
  write_file(file, text);
  const bool errors = has_errors(findings);
  check(!errors || !stage.stop, context.name,
        "the data have errors, and what needs them was not begun; mend ",
        "them, or go on with `on_errors: go_on`:\n", text);
  std::cerr << context.name << ": " << in_short(findings) << "; " << file << "\n";
  if (errors) std::cerr << context.name << ": goes on with these errors, as `on_errors` says\n";
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
