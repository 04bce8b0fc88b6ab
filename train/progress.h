// Progress of long work: a bar with ETA on a terminal, one line per interval elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <string>

namespace clearcut {

enum class ProgressStyle { kBar, kLines, kNone };

/// "auto" (a bar if standard error is a terminal, else lines), "bar", "lines" or "none".
ProgressStyle progress_style(const std::string& name);

/// "1:02:03" or "4:05" for seconds; "?" for a negative or non-finite number.
std::string format_seconds(double seconds);
/// "9.77KiB", "1.5GiB"; and back: "6GiB", "512MiB", "1000", "2GB" (decimal) -> bytes.
std::string format_bytes(double bytes);
std::size_t parse_bytes(const std::string& text);

/// Prints to standard error (results go to standard output and to files). A bar is redrawn at most ten times
/// a second; lines come at most once per interval, and at the end:
///   explain: 120/3131 (3.8%)  2.1 item/s  ETA 23:54  loss 0.71
/// The ETA is the mean time of the items done in this run times the items left.
class Progress {
 public:
  /// `done` items were finished by an earlier run and do not count for the speed.
  Progress(std::string name, std::int64_t total, ProgressStyle style, std::int64_t done = 0);
  ~Progress();  // finishes the bar's line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` items are finished; `note` is shown behind the numbers.
  void update(std::int64_t done, const std::string& note = "");
  void advance(std::int64_t items = 1, const std::string& note = "") { update(done_ + items, note); }

  /// For tests: where to print, and the seconds between two lines (default 10).
  void print_to(std::ostream& out, double interval);
  std::string line() const;  // the text as of now

 private:
  void print(bool last);

  std::string name_, note_;
  std::int64_t total_, first_, done_;
  ProgressStyle style_;
  std::ostream* out_;
  double interval_;
  std::chrono::steady_clock::time_point start_, printed_;
  bool open_ = false;  // a bar stands on the current line
};

}  // namespace clearcut
