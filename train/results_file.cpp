#include "train/results_file.h"

#include <filesystem>

#include "data/jsonl.h"
#include "tensor/file.h"
#include "train/config.h"

namespace clearcut {

ResultsFile::ResultsFile(std::string path) : path_(std::move(path)) { read(); }

void ResultsFile::read() {
  lines_.clear();
  if (path_.empty() || !std::filesystem::exists(path_)) return;
  lines_ = read_jsonl(path_);
  for (const JsonObject& line : lines_) line.text("stage"), line.text("recipe");
}

bool ResultsFile::has(const std::string& stage, const std::string& recipe) const {
  bool found = false;
  for (const JsonObject& line : lines_) {
    if (line.text("stage") != stage) continue;
    if (line.text("recipe") != recipe)
      throw ConfigError(cat("results: ", path_, ": stage ", stage, " was made by recipe ",
                            line.text("recipe"), "; its recipe is ", recipe,
                            " now (its keys, its data or a stage that it needs changed). Rows of two recipes "
                            "are not mixed: start a new file with --set results=FILE, or delete the lines of "
                            "this stage and of those that need it"));
    found = true;
  }
  return found;
}

void ResultsFile::add(const std::vector<JsonObject>& lines) {
  check(!lines.empty(), "results", "a finished stage has at least one line; got none");
  read();
  if (has(lines[0].text("stage"), lines[0].text("recipe"))) return;
  lines_.insert(lines_.end(), lines.begin(), lines.end());
  std::string text;
  for (const JsonObject& line : lines_) text += line.line() + "\n";
  write_file(path_, text);
}

namespace {

/// "pssl, seed 2: 0.4512"
std::string score_text(const JsonObject& line) {
  return cat(line.has("variant") ? line.text("variant") : "", ", seed ",
             line.has("seed") ? line.integer("seed") : 0, ": ",
             line.has("score") ? line.number("score") : 0.0);
}

}  // namespace

std::string ResultsFile::difference(const std::string& stage, const std::vector<JsonObject>& again) const {
  std::vector<std::string> before;
  for (const JsonObject& line : lines_)
    if (line.text("stage") == stage) before.push_back(score_text(line));
  std::string text;
  for (std::size_t i = 0; i < std::max(before.size(), again.size()); ++i) {
    const std::string old = i < before.size() ? before[i] : "nothing";
    const std::string now = i < again.size() ? score_text(again[i]) : "nothing";
    if (old != now) text += cat(text.empty() ? "" : "; ", "had ", old, ", has ", now);
  }
  return text;
}

}  // namespace clearcut
