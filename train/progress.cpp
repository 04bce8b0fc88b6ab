#include "train/progress.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <iostream>

#include "train/config.h"

namespace clearcut {

namespace {

std::string fixed(double value, int digits) {
  char buffer[64];
  return {buffer, static_cast<std::size_t>(std::snprintf(buffer, sizeof buffer, "%.*f", digits, value))};
}

std::string speed_text(double items_per_second) {
  if (!(items_per_second > 0) || !std::isfinite(items_per_second)) return "";
  const int digits = items_per_second < 10 ? 2 : items_per_second < 100 ? 1 : 0;
  return "  " + fixed(items_per_second, digits) + "/s";
}

}  // namespace

ProgressStyle progress_style(const std::string& name) {
  if (name == "auto") return isatty(STDERR_FILENO) != 0 ? ProgressStyle::kBar : ProgressStyle::kLines;
  if (name == "bar") return ProgressStyle::kBar;
  if (name == "lines") return ProgressStyle::kLines;
  if (name == "none") return ProgressStyle::kNone;
  throw ConfigError(cat("progress: must be auto, bar, lines or none; got '", name, "'"));
}

std::string format_seconds(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e9) return "?";
  const auto s = static_cast<long>(std::lround(seconds));
  char buffer[48];
  if (s >= 3600)
    std::snprintf(buffer, sizeof buffer, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
  else
    std::snprintf(buffer, sizeof buffer, "%ld:%02ld", s / 60, s % 60);
  return buffer;
}

std::string format_bytes(double bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  while (bytes >= 1024 && unit < 4) bytes /= 1024, ++unit;
  return fixed(bytes, unit == 0 || bytes >= 100 ? 0 : bytes >= 10 ? 1 : 2) + kUnits[unit];
}

std::size_t parse_bytes(const std::string& text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {{"", 1},
                                                            {"B", 1},
                                                            {"KiB", 1024.0},
                                                            {"MiB", 1048576.0},
                                                            {"GiB", 1073741824.0},
                                                            {"TiB", 1099511627776.0},
                                                            {"kB", 1e3},
                                                            {"KB", 1e3},
                                                            {"MB", 1e6},
                                                            {"GB", 1e9},
                                                            {"TB", 1e12}};
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const auto* found = std::ranges::find_if(kUnits, [&](const auto& u) { return u.first == unit; });
  if (error != std::errc() || found == std::end(kUnits) || !(value >= 0) || value * found->second > 1e18)
    throw ConfigError(cat("bytes: must read like 512MiB, 6GiB or 2GB; got '", text, "'"));
  return static_cast<std::size_t>(value * found->second);
}

Progress::Progress(std::string name, std::int64_t total, ProgressStyle style, std::int64_t done)
    : name_(std::move(name)),
      total_(total),
      first_(done),
      done_(done),
      style_(style),
      out_(&std::cerr),
      interval_(style == ProgressStyle::kBar ? 0.1 : 10),
      start_(std::chrono::steady_clock::now()),
      printed_(start_) {}

Progress::~Progress() {
  if (open_) *out_ << std::endl;
}

void Progress::print_to(std::ostream& out, double interval) {
  out_ = &out;
  interval_ = interval;
}

void Progress::update(std::int64_t done, const std::string& note) {
  done_ = done;
  note_ = note;
  if (style_ == ProgressStyle::kNone) return;
  const auto now = std::chrono::steady_clock::now();
  const bool last = done_ >= total_;
  if (!last && std::chrono::duration<double>(now - printed_).count() < interval_) return;
  printed_ = now;
  print(last);
}

std::string Progress::line() const {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const double fraction = total_ > 0 ? static_cast<double>(done_) / static_cast<double>(total_) : 1;
  const double speed = seconds > 0 ? static_cast<double>(done_ - first_) / seconds : 0;
  std::string text =
      cat(name_, ": ", done_, "/", total_, " (", fixed(100 * fraction, 1), "%)", speed_text(speed));
  if (done_ < total_)
    text += "  ETA " + format_seconds(speed > 0 ? static_cast<double>(total_ - done_) / speed : -1);
  else
    text += "  in " + format_seconds(seconds);
  return note_.empty() ? text : text + "  " + note_;
}

void Progress::print(bool last) {
  if (style_ == ProgressStyle::kLines) {
    *out_ << line() << std::endl;
    return;
  }
  constexpr int kWidth = 24;
  const double fraction = total_ > 0 ? static_cast<double>(done_) / static_cast<double>(total_) : 1;
  const int filled = std::clamp(static_cast<int>(fraction * kWidth), 0, kWidth);
  const std::string bar = std::string(static_cast<std::size_t>(filled), '#') +
                          std::string(static_cast<std::size_t>(kWidth - filled), '.');
  *out_ << "\r[" << bar << "] " << line() << "\x1b[K" << std::flush;
  open_ = !last;
  if (last) *out_ << std::endl;
}

}  // namespace clearcut
