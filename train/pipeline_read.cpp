#include "train/pipeline_read.h"

#include <algorithm>
#include <filesystem>

namespace clearcut {

namespace {

namespace fs = std::filesystem;

/// Text with one path, not the beginning of a longer name, replaced.
std::string replaced(std::string text, const std::string& path, const std::string& by) {
  for (std::size_t at = text.find(path); at != std::string::npos;) {
    const std::size_t end = at + path.size();
    const bool whole =
        end == text.size() || std::string_view("/\"', ]}\n").find(text[end]) != std::string::npos;
    if (whole) text.replace(at, path.size(), by);
    at = text.find(path, whole ? at + by.size() : end);
  }
  return text;
}

bool is_below(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder + "/");
}

/// The texts of a leaf: `"a"`, `a` or `[a, "b"]`.
std::vector<std::string> texts_of(const std::string& value) {
  std::vector<std::string> texts(1);
  const bool list = value.starts_with("[");
  bool quoted = false;
  for (const char c : value) {
    if (c == '"')
      quoted = !quoted;
    else if (list && !quoted && c == ',')
      texts.emplace_back();
    else if (quoted || !list || (c != '[' && c != ']' && c != ' '))
      texts.back() += c;
  }
  return texts;
}

/// Values of a stage, alone or in lists, that are files or folders outside the work folder.
std::vector<std::string> files_of(const Config& stage, const std::string& work_dir) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& leaf : stage.leaves())
    for (const std::string& path : texts_of(leaf.second))
      if (path.find('/') != std::string::npos && !is_below(path, work_dir) && fs::exists(path, error) &&
          std::ranges::count(files, path) == 0)
        files.push_back(path);
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
  for (const Stage& other : before)
    if (other.left_out && std::ranges::count(stage.needs, other.name) > 0) stage.left_out = true;
  stage.left_out |= config.flag_or("left_out", false);
  stage.speed = config.number_or("speed", 0, {.low = 0});
  const Config about = config.section("about");
  for (const std::string& key : about.keys()) stage.about.emplace_back(key, about.text(key));
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

/// Keys that say nothing about what a stage computes.
bool is_remark(const std::string& key) {
  const std::string first = key.substr(0, key.find('.'));
  return first == "name" || first == "needs" || first == "speed" || first == "about" || first == "left_out";
}

/// See ResultsFile: nothing in it depends on where the files lie.
std::string recipe_of(const Stage& stage, const Config& section, const Pipeline& pipeline, FileStates& states,
                      const std::string& work_dir) {
  std::string text = stage.kind + "\n";
  for (const auto& [key, value] : section.leaves())
    if (!is_remark(key)) text += cat(key, " ", value, "\n");
  text = replaced(text + stage.plan.depends, work_dir, "${work}");
  std::vector<std::string> files = stage.files;
  std::ranges::sort(files, {},
                    [](const std::string& path) { return -static_cast<std::int64_t>(path.size()); });
  for (const std::string& file : files) text = replaced(text, file, "file " + states.of(file));
  for (const std::string& need : stage.needs)
    for (const Stage& other : pipeline.stages)
      if (other.name == need) text += cat(need, " ", other.recipe, "\n");
  return short_hash(cat(text, "seed ", pipeline.seed));
}

}  // namespace

Pipeline read_pipeline(const PipelineRun& run) {
  const Config config = Config::load(run.file, overrides_of(run));
  Pipeline pipeline;
  pipeline.seed = static_cast<std::uint64_t>(config.integer_or("seed", 1, {.low = 0}));
  pipeline.results = config.text_or("results", "");
  config.text("work");
  config.take("full");
  const auto sections = config.sections("stages");
  if (sections.empty()) config.fail("stages", "must be a list of stages");
  for (const Config& section : sections)
    pipeline.stages.push_back(read_stage(section, pipeline.stages, run.work_dir));
  config.check_all_read();
  FileStates states;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    Stage& stage = pipeline.stages[i];
    stage.recipe = recipe_of(stage, sections[i], pipeline, states, run.work_dir);
  }
  pipeline.text = config.effective();
  return pipeline;
}

}  // namespace clearcut
