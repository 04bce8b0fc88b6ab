// What the stages of a pipeline found out, kept apart from their folders: small, to be committed.
#pragma once

#include <string>
#include <vector>

#include "data/json.h"

namespace clearcut {

/// A file of JSON lines. Every finished stage has one or more:
///
///   {"stage", "kind", "recipe", "about": {...}, "seconds", "peak_bytes", "machine", ...}
///
/// recipe is the hash of all that the stage depends on: its keys and configurations, the recipes of the
/// stages that it needs, the files and folders that its keys name, the seed. Only whole stages stand there.
class ResultsFile {
 public:
  /// Reads the file if there is one; "" keeps nothing. Throws Error on a line that is none of these.
  explicit ResultsFile(std::string path);

  bool kept() const { return !path_.empty(); }
  const std::string& path() const { return path_; }
  const std::vector<JsonObject>& lines() const { return lines_; }
  /// Whether the stage has lines. Throws ConfigError if another recipe made them.
  bool has(const std::string& stage, const std::string& recipe) const;
  /// Writes the file with the stage's lines behind those that it has by now: others may have written since it
  /// was read. If the stage's are among them, they stand. Throws Error if there is nothing to write.
  void add(const std::vector<JsonObject>& lines);
  /// For a stage that was made again: what differs from its lines in variant, seed or score; "" if nothing
  /// does.
  std::string difference(const std::string& stage, const std::vector<JsonObject>& again) const;

 private:
  void read();
  std::string path_;
  std::vector<JsonObject> lines_;
};

}  // namespace clearcut
