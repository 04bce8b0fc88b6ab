// What score_members() has counted so far, in a file, so that an interrupted run goes on from there.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "explain/score_parts.h"

namespace clearcut {

/// The sums over the first `done` pictures of a data set. The file is one .npz of whole numbers and doubles,
/// written under a temporary name and renamed.
class ScoreCheckpoint {
 public:
  /// path: empty for none. key: of all that decides about the sums; a file with another key is left out.
  ScoreCheckpoint(std::string path, std::string key) : path_(std::move(path)), key_(std::move(key)) {}

  /// Fills sums of the same subsets, sweeps and classes; returns how many pictures they hold, 0 for none.
  /// Throws Error if a file with this key does not fit.
  std::int64_t read(MemberScores& scores, std::vector<ClassMeans>& means) const;
  /// At most every 20 seconds, or `now`.
  void write(const MemberScores& scores, const std::vector<ClassMeans>& means, std::int64_t done, bool now);

 private:
  std::string path_, key_;
  std::chrono::steady_clock::time_point written_ = std::chrono::steady_clock::now();
};

}  // namespace clearcut
