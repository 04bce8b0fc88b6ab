#include "train/pipeline.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <set>

#include "data/file_lock.h"
#include "data/json.h"
#include "explain/label_journal.h"
#include "tensor/cpu/isa.h"
#include "tensor/file.h"
#include "tensor/interrupt.h"
#include "tensor/memory.h"
#include "tensor/parallel.h"
#include "train/pipeline_read.h"
#include "train/results_file.h"

namespace clearcut {

namespace {

namespace fs = std::filesystem;

void write_stages(const std::string& work_dir, const std::vector<StageRecord>& records) {
  std::vector<JsonObject> list;
  for (const StageRecord& r : records) {
    JsonObject one;
    one.set("name", r.name)
        .set("kind", r.kind)
        .set("hash", r.hash)
        .set("done", r.done)
        .set("seconds", r.seconds)
        .set("peak_bytes", r.peak_bytes)
        .set("failures", static_cast<std::int64_t>(r.failures))
        .set("in_results", r.in_results)
        .set("outputs", r.outputs);
    list.push_back(one);
  }
  JsonObject json;
  json.set("command", this_command()).set("folder", fs::current_path().string()).set("stages", list);
  json.write(work_dir + "/stages.json");
}

std::vector<std::string> files_below(const std::string& folder) {
  std::vector<std::string> files;
  if (fs::is_directory(folder))
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.is_regular_file() && !entry.is_symlink())
        files.push_back(fs::relative(entry.path(), folder).string());
  std::ranges::sort(files);
  return files;
}

class Runner {
 public:
  explicit Runner(const PipelineRun& run)
      : run_(run), pipeline_(read_pipeline(run)), results_(pipeline_.results) {}

  std::vector<PlannedStage> plan() {
    decide();
    std::vector<PlannedStage> planned;
    for (std::size_t i = 0; i < pipeline_.stages.size(); ++i) {
      const Stage& stage = pipeline_.stages[i];
      PlannedStage one{.name = stage.name,
                       .kind = stage.kind,
                       .runs = decisions_[i].turn == Turn::kRun,
                       .why = decisions_[i].why};
      if (one.runs && stage.speed > 0 && stage.plan.pictures)
        one.seconds = stage.plan.pictures() / stage.speed;
      planned.push_back(one);
    }
    return planned;
  }

  std::vector<StageRecord> run() {
    fs::create_directories(run_.work_dir);
    const FileLock lock(pipeline_lock(run_.work_dir), FileLock::Wait::kBriefly);
    check(lock.held(), "run", "another process runs a pipeline in ", run_.work_dir);
    decide();
    write_file(run_.work_dir + "/config.effective.yaml", pipeline_.text);
    for (reached_ = 0; reached_ < pipeline_.stages.size();) {
      const std::size_t i = reached_++;
      const Stage& stage = pipeline_.stages[i];
      if (decisions_[i].turn == Turn::kRun) {
        stop_if_interrupted("run");
        work(stage, records_[i]);
      } else {
        keep(stage, records_[i], decisions_[i]);
      }
    }
    save();
    return records_;
  }

 private:
  enum class Turn { kRun, kKeep, kInResults, kLeftOut };
  struct Decision {
    Turn turn = Turn::kRun;
    std::string why = "";
  };

  std::pair<std::size_t, std::size_t> range() const {
    const auto index = [&](const std::string& name, std::size_t fallback) {
      for (std::size_t i = 0; i < pipeline_.stages.size(); ++i)
        if (pipeline_.stages[i].name == name) return i;
      if (!name.empty()) throw ConfigError(cat("run: no stage '", name, "'"));
      return fallback;
    };
    const std::size_t first = index(run_.from, 0), last = index(run_.to, pipeline_.stages.size() - 1);
    if (first > last) throw ConfigError(cat("run: stage ", run_.from, " stands behind ", run_.to));
    return {first, last};
  }

  /// What happens to each stage. From the last to the first, since what is needed depends on what runs.
  void decide() {
    const auto [first, last] = range();
    for (const StageRecord& old : read_stages(run_.work_dir)) old_[old.name] = old;
    for (std::size_t i = 0; i < pipeline_.stages.size(); ++i) {
      const Stage& stage = pipeline_.stages[i];
      records_.push_back({.name = stage.name, .kind = stage.kind, .hash = stage.recipe, .outputs = {}});
      if (run_.fresh && i >= first && i <= last) old_.erase(stage.name);
    }
    std::vector<bool> found;  // in order, so that of several stale stages the first is named
    for (const Stage& stage : pipeline_.stages)
      found.push_back(results_.kept() && results_.has(stage.name, stage.recipe));
    std::set<std::string> needed;
    decisions_.resize(records_.size());
    for (std::size_t i = records_.size(); i-- > 0;) {
      const Stage& stage = pipeline_.stages[i];
      decisions_[i] = decision(i, i >= first && i <= last, i < first, found[i], needed.contains(stage.name));
      if (decisions_[i].turn == Turn::kRun) needed.insert(stage.needs.begin(), stage.needs.end());
    }
  }

  Decision decision(std::size_t i, bool asked, bool before, bool found, bool needed) const {
    const Stage& stage = pipeline_.stages[i];
    if (stage.left_out) return {Turn::kLeftOut, "left_out in the pipeline"};
    const auto old = old_.find(stage.name);
    const bool done = old != old_.end() && old->second.done;
    if (!asked) {
      if (before && needed && (!done || old->second.hash != stage.recipe))
        throw ConfigError(cat("run: stage ", stage.name,
                              done ? " is of other keys or inputs" : " is not done",
                              ", and what runs needs it; start without --from"));
      return {done ? Turn::kKeep : Turn::kLeftOut, "outside --from .. --to"};
    }
    const std::string why = reason(records_[i]);
    if (why.empty()) return {Turn::kKeep, "done before"};
    if (found && !needed) return {Turn::kInResults, "its lines are in " + results_.path()};
    return {Turn::kRun, found ? "a stage that runs needs its files" : why};
  }

  /// Why a stage must run; empty if it is done and nothing that it depends on has changed.
  std::string reason(const StageRecord& now) const {
    const auto old = old_.find(now.name);
    if (old == old_.end() || old->second.hash.empty()) return "not done yet";
    if (old->second.hash != now.hash) return "its keys, its inputs or a stage that it needs changed";
    if (!old->second.done) return "goes on where it stopped";
    for (const std::string& file : old->second.outputs)
      if (!fs::exists(run_.work_dir + "/" + now.name + "/" + file)) return cat("its ", file, " is gone");
    return "";
  }

  /// Takes over what an earlier run did.
  void keep(const Stage& stage, StageRecord& record, const Decision& decision) {
    const auto old = old_.find(stage.name);
    if (old != old_.end())
      record = old->second;
    else
      record.hash = "";
    record.skipped = true;
    record.in_results = decision.turn == Turn::kInResults;
    if (decision.turn == Turn::kLeftOut) return;
    std::cerr << "run: " << stage.name << ": " << decision.why << "\n";
    // A run that was killed between the two may have left the folder without the lines.
    if (decision.turn == Turn::kKeep && record.hash == stage.recipe && reason(record).empty())
      add_findings(stage, record);
  }

  /// The stage's lines for the results file, unless it has them.
  void add_findings(const Stage& stage, const StageRecord& record) {
    if (!results_.kept()) return;
    std::vector<JsonObject> found = {JsonObject()}, lines;
    if (stage.plan.findings) found = stage.plan.findings(run_.work_dir + "/" + stage.name);
    for (const JsonObject& one : found) lines.push_back(result_line(stage, record, one));
    if (!results_.has(stage.name, stage.recipe)) {
      results_.add(lines);
      return;
    }
    const std::string different = results_.difference(stage.name, lines);
    if (!different.empty())
      std::cerr << "run: " << stage.name << ": differs from its lines in " << results_.path() << ": "
                << different << "; the lines stay\n";
  }

  static JsonObject result_line(const Stage& stage, const StageRecord& record, const JsonObject& found) {
    JsonObject about;
    for (const auto& [key, value] : stage.about) about.set(key, value);
    JsonObject line = found;
    line.set("stage", stage.name).set("kind", stage.kind).set("recipe", stage.recipe).set("about", about);
    line.set("seconds", record.seconds).set("peak_bytes", record.peak_bytes);
    line.set("machine", cat(isa_table().name, ", ", threads(), " threads"));
    return line;
  }

  /// Makes the stage's folder, or keeps what an interrupted run of the same stage left. Says whether it did.
  bool open_folder(const Stage& stage, StageRecord& record) const {
    const std::string folder = run_.work_dir + "/" + stage.name;
    const auto old = old_.find(stage.name);
    const bool goes_on = old != old_.end() && old->second.hash == record.hash;
    if (!goes_on) fs::remove_all(folder);
    record.seconds = goes_on && !old->second.done ? old->second.seconds : 0;
    fs::create_directories(folder);
    return goes_on;
  }

  void work(const Stage& stage, StageRecord& record) {
    const bool goes_on = open_folder(stage, record);
    save();
    std::cerr << "run: " << stage.name << " (" << stage.kind << ")" << (goes_on ? ", going on" : "") << "\n";
    StageContext context = {.name = stage.name,
                            .kind = stage.kind,
                            .work_dir = run_.work_dir,
                            .folder = run_.work_dir + "/" + stage.name,
                            .device = run_.device,
                            .seed = pipeline_.seed,
                            .progress = run_.progress};
    const double before = record.seconds;
    const auto start = std::chrono::steady_clock::now();
    const auto stop_clock = [&] {
      record.seconds =
          before + std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      record.peak_bytes = static_cast<std::int64_t>(memory_stats().peak);
    };
    reset_memory_peak();
    try {
      stage.plan.work(context);
    } catch (...) {
      stop_clock();
      save();
      std::cerr << "run: stage " << stage.name << " stopped\n";
      throw;
    }
    stop_clock();
    record.done = true;
    record.failures = context.failures;
    record.outputs = files_below(context.folder);
    save();
    add_findings(stage, record);
  }

  /// This run's records, then those of later stages as an earlier run left them. A stage that is left out and
  /// never ran is not missing.
  void save() const {
    std::vector<StageRecord> all;
    for (std::size_t i = 0; i < pipeline_.stages.size(); ++i) {
      const Stage& stage = pipeline_.stages[i];
      const auto old = old_.find(stage.name);
      if (stage.left_out && old == old_.end()) continue;
      if (i < reached_)
        all.push_back(records_[i]);
      else if (old != old_.end())
        all.push_back(old->second);
      else
        all.push_back({.name = stage.name, .kind = stage.kind, .hash = "", .outputs = {}});
      all.back().in_results = decisions_[i].turn == Turn::kInResults;
    }
    write_stages(run_.work_dir, all);
  }

  const PipelineRun& run_;
  Pipeline pipeline_;
  ResultsFile results_;
  std::map<std::string, StageRecord> old_;
  std::vector<StageRecord> records_;  // one per stage; those from reached_ on are not up to date
  std::vector<Decision> decisions_;
  std::size_t reached_ = 0;
};

}  // namespace

namespace {

/// ${work} becomes an absolute path: data sets read relative ones from their own root.
PipelineRun with_absolute_folder(PipelineRun run) {
  run.work_dir = fs::absolute(run.work_dir + "/.").lexically_normal().parent_path().string();
  return run;
}

}  // namespace

std::vector<StageRecord> run_pipeline(const PipelineRun& run) {
  const PipelineRun absolute = with_absolute_folder(run);  // the runner keeps a reference
  return Runner(absolute).run();
}

std::vector<PlannedStage> plan_pipeline(const PipelineRun& run) {
  const PipelineRun absolute = with_absolute_folder(run);
  return Runner(absolute).plan();
}

std::string pipeline_lock(const std::string& work_dir) { return work_dir + "/running.lock"; }

void check_pipeline(const PipelineRun& run) { read_pipeline(with_absolute_folder(run)); }

std::vector<StageRecord> read_stages(const std::string& work_dir) {
  std::vector<StageRecord> records;
  const std::string path = work_dir + "/stages.json";
  if (!fs::exists(path)) return records;
  for (const JsonObject& one : JsonObject::read(path).objects("stages"))
    records.push_back({.name = one.text("name"),
                       .kind = one.text("kind"),
                       .hash = one.text("hash"),
                       .done = one.flag("done"),
                       .seconds = one.number("seconds"),
                       .peak_bytes = one.integer("peak_bytes"),
                       .outputs = one.texts("outputs"),
                       .failures = static_cast<std::size_t>(one.integer("failures")),
                       .in_results = one.has("in_results") && one.flag("in_results")});
  return records;
}

}  // namespace clearcut
