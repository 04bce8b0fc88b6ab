#include "explain/label_status.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <limits>

#include "tensor/error.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

std::int64_t time_of(const std::string& file) {
  const auto age = fs::file_time_type::clock::now() - fs::last_write_time(file);
  return static_cast<std::int64_t>(std::time(nullptr)) -
         std::chrono::duration_cast<std::chrono::seconds>(age).count();
}

ShardStatus read_shard(const std::string& file) {
  ShardStatus shard;
  for_each_line(file, [&](std::string_view text, std::int64_t) {
    if (text.starts_with("{\"start\":")) {
      shard.start = journal_start(JsonObject::parse(text, file).object("start"));
      shard.started = true;
      shard.made = 0;
      shard.failures.clear();
    } else if (text.starts_with("{\"stage\":")) {
      const JsonObject line = JsonObject::parse(text, file);
      shard.failures.push_back({line.text("id"), line.text("stage"), line.text("error")});
    } else if (!text.starts_with("{\"end\":")) {
      ++shard.made;
    }
  });
  check(shard.started, "status", file, " holds no start of a job");
  shard.shard = shard.start.shard;
  shard.items = shard.start.items;
  shard.done = shard.start.there + shard.made;
  shard.running = is_locked(file);
  const std::int64_t newest = time_of(file);
  shard.seconds = std::max(0.0, static_cast<double>(newest - shard.start.at));
  shard.silent = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::time(nullptr)) - newest);
  return shard;
}

LabelStatus joined_status(const std::string& folder) {
  LabelStatus status;
  for_each_line(folder + "/manifest.jsonl", [&](std::string_view, std::int64_t) { ++status.done; });
  if (fs::exists(folder + "/failures.jsonl")) status.failures = read_failures(folder + "/failures.jsonl");
  status.total = status.done + static_cast<std::int64_t>(status.failures.size());
  return status;
}

/// The shards of one job: those that have journals, and the others with what is known of them.
std::vector<ShardStatus> fill_gaps(std::vector<ShardStatus> found) {
  const auto newest = std::max_element(found.begin(), found.end(),
                                       [](const auto& a, const auto& b) { return a.start.at < b.start.at; });
  const JournalStart start = newest->start;
  std::vector<ShardStatus> shards;
  for (std::int64_t i = 0; i < start.shards; ++i) {
    const auto it = std::find_if(found.begin(), found.end(), [&](const ShardStatus& s) {
      return s.start.shards == start.shards && s.shard == i;
    });
    if (it != found.end()) {
      shards.push_back(std::move(*it));
      continue;
    }
    ShardStatus none;
    none.shard = i;
    none.items = (start.total - i + start.shards - 1) / start.shards;
    none.start = start;
    shards.push_back(none);
  }
  return shards;
}

}  // namespace

double ShardStatus::eta() const {
  if (made == 0 || seconds <= 0) return kUnknown;
  return static_cast<double>(missing()) * seconds / static_cast<double>(made);
}

double LabelStatus::eta() const {
  double longest = kUnknown;
  for (const ShardStatus& shard : shards)
    if (shard.running) longest = std::fmax(longest, shard.eta());
  return longest;
}

double LabelStatus::work_left() const {
  double seconds = 0, made = 0;
  for (const ShardStatus& shard : shards) {
    seconds += shard.seconds;
    made += static_cast<double>(shard.made);
  }
  return made > 0 && seconds > 0 ? static_cast<double>(missing()) * seconds / made : kUnknown;
}

std::vector<std::string> LabelStatus::commands() const {
  std::vector<std::string> commands;
  for (const ShardStatus& shard : shards) {
    if (shard.finished() || shard.running) continue;
    const std::string command = shard_command(shard.start, shard.shard);
    if (!command.empty()) commands.push_back(command);
  }
  return commands;
}

bool has_labels(const std::string& folder) {
  return fs::exists(folder + "/job.json") &&
         (fs::exists(folder + "/manifest.jsonl") || !journal_files(folder).empty());
}

LabelStatus label_status(const std::string& folder) {
  check(has_labels(folder), "status", folder,
        " holds no labels: there is no job.json with a journal or a manifest");
  std::vector<ShardStatus> found;
  for (const std::string& file : journal_files(folder)) found.push_back(read_shard(file));
  if (found.empty()) return joined_status(folder);
  LabelStatus status;
  status.shards = fill_gaps(std::move(found));
  for (const ShardStatus& shard : status.shards) {
    status.total += shard.items;
    status.done += shard.done;
    status.failures.insert(status.failures.end(), shard.failures.begin(), shard.failures.end());
  }
  return status;
}

}  // namespace clearcut
