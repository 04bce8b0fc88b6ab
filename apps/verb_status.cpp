// clearcut status: how far a job has come, and what finishes it.
#include <CLI/CLI.hpp>

#include <cmath>
#include <filesystem>
#include <iostream>

#include "apps/verbs.h"
#include "data/file_lock.h"
#include "explain/label_status.h"
#include "train/pipeline.h"

namespace clearcut::apps {

namespace {

namespace fs = std::filesystem;

struct Options {
  std::string folder;
  bool commands = false;
  std::size_t show = 10;  // failures and commands
};

/// A command as it works from the folder where this program was called.
std::string from_here(const std::string& folder, const std::string& command) {
  std::error_code error;
  if (folder.empty() || folder == fs::current_path(error).string()) return command;
  return cat("cd ", shell_text({folder}, {}, {}), " && ", command);
}

std::string state_of(const ShardStatus& shard) {
  if (shard.finished()) return "done";
  if (!shard.started) return "not started";
  const std::string where = cat(" on ", shard.start.host, " (process ", shard.start.process, ")");
  if (shard.running)
    return cat("runs", where, ", ETA ", format_seconds(shard.eta()), ", silent for ",
               format_seconds(static_cast<double>(shard.silent)));
  if (shard.missing() == 0) return "ended, with failures";
  return cat("stopped", where, ", ", format_seconds(static_cast<double>(shard.silent)), " ago");
}

void print_row(const std::string& shard, std::int64_t items, std::int64_t done, std::size_t failed,
               std::int64_t missing, const std::string& state) {
  char text[160];
  std::snprintf(text, sizeof text, "%12s %9lld %9lld %8zu %9lld  ", shard.c_str(),
                static_cast<long long>(items), static_cast<long long>(done), failed,
                static_cast<long long>(missing));
  std::cout << text << state << "\n";
}

void print_some(const std::string& title, const std::vector<std::string>& lines, std::size_t most,
                const std::string& rest) {
  if (lines.empty()) return;
  std::cout << title << "\n";
  for (std::size_t i = 0; i < std::min(most, lines.size()); ++i) std::cout << "  " << lines[i] << "\n";
  if (lines.size() > most) std::cout << "  and " << lines.size() - most << " more: " << rest << "\n";
}

std::vector<std::string> commands_of(const LabelStatus& status) {
  std::vector<std::string> commands = status.commands();
  for (std::string& command : commands) command = from_here(status.shards[0].start.folder, command);
  return commands;
}

void print_times(const LabelStatus& status) {
  std::size_t running = 0;
  for (const ShardStatus& shard : status.shards) running += shard.running;
  if (running > 0) std::cout << running << " running, ETA " << format_seconds(status.eta()) << "; ";
  if (status.missing() > 0)
    std::cout << "left: about " << format_seconds(status.work_left()) << " of one process\n";
  else
    std::cout << (status.failures.empty() ? "complete\n" : "all tried\n");
}

/// Whether nothing is missing and nothing failed.
bool print_labels(const LabelStatus& status, const Options& o) {
  std::cout << status.done << " of " << status.total << " pictures done, " << status.failures.size()
            << " failed, " << status.missing() << " missing\n";
  if (!status.shards.empty()) {
    std::cout << "       shard     items      done   failed   missing  state\n";
    for (const ShardStatus& shard : status.shards)
      print_row(cat(shard.shard, "/", status.shards.size()), shard.items, shard.done, shard.failures.size(),
                shard.missing(), state_of(shard));
  }
  print_times(status);
  std::vector<std::string> failures;
  for (const Failure& f : status.failures) failures.push_back(cat(f.id, " (", f.stage, "): ", f.error));
  print_some("failed:", failures, o.show, "failures.jsonl, once all shards have ended");
  print_some(status.missing() > 0 ? "to finish:" : "to try again what failed:", commands_of(status), o.show,
             cat("clearcut status ", o.folder, " --commands"));
  return status.done == status.total;
}

std::string pipeline_command(const std::string& folder) {
  const JsonObject json = JsonObject::read(folder + "/stages.json");
  if (!json.has("command") || json.texts("command").empty()) return "";
  return from_here(json.text("folder"),
                   shell_text(json.texts("command"), {"--fresh", "--dry-run"}, {"--from", "--to"}));
}

std::string state_of(const StageRecord& stage, bool running) {
  if (stage.done) return cat("done in ", format_seconds(stage.seconds));
  if (stage.in_results) return "its lines are in the results file";
  if (stage.hash.empty()) return "not started";
  return cat(running ? "runs, " : "stopped, ", format_seconds(stage.seconds), " so far");
}

bool print_pipeline(const Options& o) {
  const bool running = is_locked(pipeline_lock(o.folder));
  bool complete = true;
  for (const StageRecord& stage : read_stages(o.folder)) {
    complete = complete && (stage.done || stage.in_results) && stage.failures == 0;
    std::cout << stage.name << " (" << stage.kind << "): " << state_of(stage, running);
    if (stage.failures > 0) std::cout << ", " << stage.failures << " items failed";
    std::cout << "\n";
    if (!stage.done && has_labels(o.folder + "/" + stage.name)) {
      const LabelStatus labels = label_status(o.folder + "/" + stage.name);
      std::cout << "  " << labels.done << " of " << labels.total << " pictures done, "
                << labels.failures.size() << " failed; left: about " << format_seconds(labels.work_left())
                << "\n";
    }
  }
  const std::string command = pipeline_command(o.folder);
  if (!complete && !running && !command.empty()) print_some("to finish:", {command}, 1, "");
  return complete;
}

int print_status(const Options& o) {
  const bool labels = has_labels(o.folder);
  if (!labels && !fs::exists(o.folder + "/stages.json"))
    fail("status", o.folder, " holds neither labels (job.json) nor a pipeline (stages.json)");
  if (o.commands) {
    if (!labels) {
      std::cout << pipeline_command(o.folder) << "\n";
      return kDone;
    }
    for (const std::string& command : commands_of(label_status(o.folder))) std::cout << command << "\n";
    return kDone;
  }
  const bool complete = labels ? print_labels(label_status(o.folder), o) : print_pipeline(o);
  return complete ? kDone : kSomeFailed;
}

}  // namespace

void add_status(CLI::App& app, Session& session) {
  auto* verb = app.add_subcommand(
      "status",
      "how far labels or a pipeline have come, what failed and what is missing, and the commands "
      "that finish the job; exit code 0 if nothing failed and nothing is missing, else 4");
  auto o = std::make_shared<Options>();
  verb->add_option("folder", o->folder, "folder that `label fuse` or `run` writes")->required();
  verb->add_flag("--commands", o->commands,
                 "print only those commands, one a line: for sh, GNU parallel, an array of jobs");
  verb->add_option("--show", o->show, "failures and commands to print")->capture_default_str();
  on_run(*verb, session, [o] { return print_status(*o); });
}

}  // namespace clearcut::apps
