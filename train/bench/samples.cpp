#include "train/bench/samples.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "tensor/error.h"
#include "tensor/process.h"

namespace clearcut {

namespace {

constexpr double kCleanShare = 0.02;
constexpr int kEnough = 3;

/// The value at `share` of the way through sorted values.
double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place), above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

}  // namespace

double processor_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

bool is_clean(double seconds, double waited) { return waited <= kCleanShare * seconds; }

std::vector<Sample> take_samples(const SampleOptions& options, const std::function<void()>& work) {
  check(options.warm_up >= 0 && options.repetitions >= 1, "bench", "at least one repetition is needed; got ",
        options.repetitions, " after ", options.warm_up, " to warm up");
  for (int i = 0; i < options.warm_up; ++i) work();
  const int at_most = std::max(options.at_most > 0 ? options.at_most : 3 * options.repetitions, 1);
  std::vector<Sample> samples;
  for (int clean = 0; clean < options.repetitions && static_cast<int>(samples.size()) < at_most;) {
    const double waited = seconds_waited_for_processors(), cpu = processor_seconds();
    const auto start = std::chrono::steady_clock::now();
    work();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    samples.push_back({.seconds = seconds,
                       .cpu = processor_seconds() - cpu,
                       .clean = is_clean(seconds, seconds_waited_for_processors() - waited)});
    clean += samples.back().clean;
  }
  return samples;
}

Timing timing_of(const std::vector<Sample>& samples) {
  check(!samples.empty(), "bench", "there are no samples");
  Timing t{.samples = static_cast<int>(samples.size())};
  std::vector<double> all, clean;
  t.least_cpu = samples[0].cpu;
  for (const Sample& s : samples) {
    t.least_cpu = std::min(t.least_cpu, s.cpu);
    all.push_back(s.seconds);
    if (s.clean) clean.push_back(s.seconds);
  }
  t.clean = static_cast<int>(clean.size());
  t.clean_only = t.clean >= kEnough || t.clean == t.samples;
  std::vector<double>& used = t.clean_only ? clean : all;
  std::sort(used.begin(), used.end());
  t.min = used.front();
  t.lower_quartile = quantile(used, 0.25);
  t.median = quantile(used, 0.5);
  t.upper_quartile = quantile(used, 0.75);
  return t;
}

}  // namespace clearcut
