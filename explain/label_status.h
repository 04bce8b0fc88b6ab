// How far a job has come that writes a folder of labels: read from its journals, while it runs or after.
#pragma once

#include <string>
#include <vector>

#include "explain/label_journal.h"

namespace clearcut {

struct ShardStatus {
  std::int64_t shard = 0;
  std::int64_t items = 0, done = 0;
  std::int64_t made = 0;    // of those done, since the last start
  double seconds = 0;       // from the last start to the newest line
  std::int64_t silent = 0;  // seconds since the newest line
  std::vector<Failure> failures;
  bool started = false, running = false;
  JournalStart start;  // the last one

  std::int64_t missing() const { return items - done - static_cast<std::int64_t>(failures.size()); }
  bool finished() const { return done == items; }
  /// Seconds that the missing items take at the speed since the last start; NaN where nothing was made yet.
  double eta() const;
};

struct LabelStatus {
  std::int64_t total = 0, done = 0;
  std::vector<ShardStatus> shards;  // empty once the journals are joined
  std::vector<Failure> failures;
  std::int64_t missing() const { return total - done - static_cast<std::int64_t>(failures.size()); }

  /// Seconds until the slowest of the shards that run is through; NaN if none runs or none has made a label.
  double eta() const;
  /// Seconds of one process for everything that is missing, at the mean speed of all shards; NaN if unknown.
  double work_left() const;
  /// One command per shard that is neither finished nor running, for a shell: those that finish the job, and
  /// try again what failed. Where nobody knows the command of a shard, that of another one serves.
  std::vector<std::string> commands() const;
};

/// Whether a folder holds labels, or is about to: there is a job.json with a journal or a manifest.
bool has_labels(const std::string& folder);
/// Of the number of shards that was started last, if there were several. Throws Error if the folder holds
/// neither.
LabelStatus label_status(const std::string& folder);

}  // namespace clearcut
