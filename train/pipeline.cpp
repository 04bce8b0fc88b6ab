#include "train/pipeline.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <set>

#include "data/file_lock.h"
#include "data/json.h"
#include "explain/label_journal.h"
#include "tensor/file.h"
#include "tensor/interrupt.h"
#include "tensor/memory.h"
#include "tensor/random.h"

namespace clearcut {

namespace {

namespace fs = std::filesystem;

struct Stage {
  std::string name, kind, text;  // text: its keys, for the hash
  std::vector<std::string> needs, files;
  StagePlan plan;
};

struct Pipeline {
  std::vector<Stage> stages;
  std::uint64_t seed = 1;
  std::string text;
};

std::string hex(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

/// Names, sizes and times of all files below a path: changes when one of them does.
std::string listing(const std::string& path) {
  std::set<std::string> lines;
  const auto add = [&](const fs::path& file) {
    lines.insert(cat(file.string(), " ", fs::file_size(file), " ",
                     fs::last_write_time(file).time_since_epoch().count()));
  };
  if (fs::is_regular_file(path)) add(path);
  if (fs::is_directory(path))
    for (const auto& entry : fs::recursive_directory_iterator(path))
      if (entry.is_regular_file()) add(entry.path());
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

/// Values of a stage that are files or folders outside the work folder.
std::vector<std::string> files_of(const Config& stage, const std::string& work_dir) {
  std::vector<std::string> files;
  for (const auto& [key, value] : stage.leaves()) {
    std::string path = value;
    if (path.size() > 1 && path.front() == '"') path = path.substr(1, path.size() - 2);
    std::error_code error;
    if (path.find('/') != std::string::npos && !path.starts_with(work_dir) && fs::exists(path, error))
      files.push_back(path);
  }
  return files;
}

Stage read_stage(const Config& config, const std::vector<Stage>& before, const std::string& work_dir) {
  Stage stage;
  std::vector<std::string> kinds, names;
  for (const auto& entry : stage_kinds()) kinds.push_back(entry.first);
  for (const Stage& other : before) names.push_back(other.name);
  stage.name = config.text("name");
  if (stage.name.empty() || stage.name.find_first_of("/\\ ") != std::string::npos || stage.name[0] == '.')
    config.fail("name", "must be a plain folder name");
  if (std::ranges::count(names, stage.name) > 0) config.fail("name", "the name comes twice");
  stage.kind = config.choice("kind", kinds);
  stage.needs = config.texts_or("needs", names);
  for (const std::string& need : stage.needs)
    if (std::ranges::count(names, need) == 0)
      config.fail("needs", cat("no stage '", need, "' stands before"));
  stage.files = files_of(config, work_dir);
  stage.plan = stage_kinds().at(stage.kind)(config);
  return stage;
}

std::vector<std::string> overrides_of(const PipelineRun& run) {
  std::vector<std::string> overrides = {"work=" + run.work_dir};
  if (run.full) {
    // Read once to see what `full` holds; references may still lack values then.
    const Config plain = Config::without_references(run.file);
    for (const auto& [key, value] : plain.section("full").leaves()) overrides.push_back(key + "=" + value);
  }
  overrides.insert(overrides.end(), run.overrides.begin(), run.overrides.end());
  return overrides;
}

Pipeline read_pipeline(const PipelineRun& run) {
  const Config config = Config::load(run.file, overrides_of(run));
  Pipeline pipeline;
  pipeline.seed = static_cast<std::uint64_t>(config.integer_or("seed", 1, {.low = 0}));
  config.text("work");
  config.take("full");
  const auto sections = config.sections("stages");
  if (sections.empty()) config.fail("stages", "must be a list of stages");
  for (const Config& section : sections)
    pipeline.stages.push_back(read_stage(section, pipeline.stages, run.work_dir));
  config.check_all_read();
  for (std::size_t i = 0; i < sections.size(); ++i)
    pipeline.stages[i].text = replaced(sections[i].effective(), run.work_dir, "${work}");
  pipeline.text = config.effective();
  return pipeline;
}

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
  explicit Runner(const PipelineRun& run) : run_(run), pipeline_(read_pipeline(run)) {}

  std::vector<PlannedStage> plan() {
    const auto [first, last] = range();
    for (const StageRecord& old : read_stages(run_.work_dir)) old_[old.name] = old;
    std::vector<PlannedStage> planned;
    for (std::size_t i = 0; i < pipeline_.stages.size(); ++i) {
      const Stage& stage = pipeline_.stages[i];
      records_.push_back(start_record(stage));
      const std::string why = reason(records_.back());
      PlannedStage one{.name = stage.name, .kind = stage.kind, .runs = i >= first && i <= last, .why = why};
      if (!one.runs)
        one.why = "outside --from .. --to";
      else if (why.empty())
        one = {.name = stage.name, .kind = stage.kind, .why = "done before"};
      planned.push_back(one);
    }
    return planned;
  }

  std::vector<StageRecord> run() {
    const auto [first, last] = range();
    fs::create_directories(run_.work_dir);
    const FileLock lock(pipeline_lock(run_.work_dir), FileLock::Wait::kBriefly);
    check(lock.held(), "run", "another process runs a pipeline in ", run_.work_dir);
    if (run_.fresh) fs::remove(run_.work_dir + "/stages.json");
    write_file(run_.work_dir + "/config.effective.yaml", pipeline_.text);
    for (const StageRecord& old : read_stages(run_.work_dir)) old_[old.name] = old;
    for (std::size_t i = 0; i < pipeline_.stages.size(); ++i) {
      const Stage& stage = pipeline_.stages[i];
      records_.push_back(start_record(stage));
      if (i < first || i > last) {
        keep(stage, i < first);
        continue;
      }
      stop_if_interrupted("run");
      if (reason(records_.back()).empty())
        keep(stage, false);
      else
        work(stage);
    }
    return records_;
  }

 private:
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

  StageRecord start_record(const Stage& stage) const {
    std::string all =
        cat(stage.kind, "\n", stage.text, "\n", stage.plan.depends, "\nseed ", pipeline_.seed, "\n");
    for (const std::string& need : stage.needs)
      for (const StageRecord& record : records_)
        if (record.name == need) all += record.name + " " + record.hash + "\n";
    for (const std::string& file : stage.files) all += listing(file);
    return {.name = stage.name, .kind = stage.kind, .hash = hex(hash_name(all)), .outputs = {}};
  }

  /// Why a stage must run; empty if it is done and nothing that it depends on has changed.
  std::string reason(const StageRecord& now) const {
    const auto old = old_.find(now.name);
    if (run_.fresh || old == old_.end() || old->second.hash.empty()) return "not done yet";
    if (old->second.hash != now.hash) return "its keys, its inputs or a stage that it needs changed";
    if (!old->second.done) return "goes on where it stopped";
    for (const std::string& file : old->second.outputs)
      if (!fs::exists(run_.work_dir + "/" + now.name + "/" + file)) return cat("its ", file, " is gone");
    return "";
  }

  /// Takes over what an earlier run did.
  void keep(const Stage& stage, bool needed) {
    const auto old = old_.find(stage.name);
    if (old == old_.end() || !old->second.done) {
      if (needed) throw ConfigError(cat("run: stage ", stage.name, " is not done; start without --from"));
      return;
    }
    records_.back() = old->second;
    records_.back().skipped = true;
    std::cerr << "run: " << stage.name << ": done before\n";
  }

  /// Makes the stage's folder, or keeps what an interrupted run of the same stage left. Says whether it did.
  bool open_folder(const Stage& stage, StageRecord& record) const {
    const std::string folder = run_.work_dir + "/" + stage.name;
    const auto old = old_.find(stage.name);
    const bool goes_on = old != old_.end() && old->second.hash == record.hash && !run_.fresh;
    if (!goes_on) fs::remove_all(folder);
    record.seconds = goes_on ? old->second.seconds : 0;
    fs::create_directories(folder);
    return goes_on;
  }

  void work(const Stage& stage) {
    StageRecord& record = records_.back();
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
  }

  /// This run's records, then those of later stages as an earlier run left them.
  void save() const {
    std::vector<StageRecord> all = records_;
    for (std::size_t i = records_.size(); i < pipeline_.stages.size(); ++i) {
      const Stage& stage = pipeline_.stages[i];
      const auto old = old_.find(stage.name);
      all.push_back(old != old_.end()
                        ? old->second
                        : StageRecord{.name = stage.name, .kind = stage.kind, .hash = "", .outputs = {}});
    }
    write_stages(run_.work_dir, all);
  }

  const PipelineRun& run_;
  Pipeline pipeline_;
  std::map<std::string, StageRecord> old_;
  std::vector<StageRecord> records_;
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
                       .failures = static_cast<std::size_t>(one.integer("failures"))});
  return records;
}

}  // namespace clearcut
