#include "tensor/process.h"

#include <dirent.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <thread>

#include "tensor/parallel.h"

namespace clearcut {

namespace {

constexpr double kNoQuota = std::numeric_limits<double>::infinity();

/// Threads of this process by their system numbers; the first is the main thread.
std::vector<pid_t> own_threads() {
  std::vector<pid_t> threads;
  DIR* folder = opendir("/proc/self/task");
  if (folder == nullptr) return threads;
  while (const dirent* entry = readdir(folder))
    if (entry->d_name[0] != '.') threads.push_back(std::stoi(entry->d_name));
  closedir(folder);
  std::sort(threads.begin(), threads.end());
  return threads;
}

/// thread 0: the calling one.
void pin(pid_t thread, const std::vector<int>& processors) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int p : processors) CPU_SET(static_cast<std::size_t>(p), &set);
  sched_setaffinity(thread, sizeof set, &set);
}

/// Time that each processor has been idle, in the system's ticks.
std::map<int, double> idle_times() {
  std::map<int, double> times;
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line) && line.starts_with("cpu");) {
    std::istringstream words(line.substr(3));
    int processor = 0;
    double user = 0, nice = 0, system = 0, idle = 0;
    if (line[3] != ' ' && words >> processor >> user >> nice >> system >> idle) times[processor] = idle;
  }
  return times;
}

/// The least of quota(folder) for `path` below `top` and all folders above it. A container may see the names
/// of groups that are not there for it.
template <class Quota>
double least_quota(const std::string& top, std::string path, const Quota& quota) {
  double least = quota(top);
  for (; path.starts_with('/') && path.size() > 1; path.resize(path.rfind('/')))
    least = std::min(least, quota(top + path));
  return least;
}

/// Version 2: cpu.max has "200000 100000", microseconds in each period, or "max 100000".
double quota_of_v2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  double time = 0, period = 0;
  return file >> time >> period && time > 0 && period > 0 ? time / period : kNoQuota;
}

/// Version 1 has a file for each; -1: no quota.
double quota_of_v1(const std::string& folder) {
  std::ifstream times(folder + "/cpu.cfs_quota_us"), periods(folder + "/cpu.cfs_period_us");
  double time = 0, period = 0;
  return times >> time && periods >> period && time > 0 && period > 0 ? time / period : kNoQuota;
}

}  // namespace

double processor_quota(const std::string& root) {
  double least = kNoQuota;
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "0::/path" or "4:cpu,cpuacct:/path"
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1), top = root + "/sys/fs/cgroup";
    if (controllers == ",,")
      least = std::min(least, least_quota(top, path, quota_of_v2));
    else if (controllers.find(",cpu,") != std::string::npos)
      least = std::min(least, least_quota(top + "/cpu", path, quota_of_v1));
  }
  return least;
}

int threads_within_quota(int threads) {
  if (std::getenv("OMP_NUM_THREADS") != nullptr) return threads;
  return static_cast<int>(std::min<double>(threads, std::ceil(processor_quota())));
}

std::vector<int> usable_processors() {
  std::vector<int> usable;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    for (int p = 0; p < CPU_SETSIZE; ++p)
      if (CPU_ISSET(static_cast<std::size_t>(p), &set)) usable.push_back(p);
  if (usable.empty()) usable.push_back(0);
  return usable;
}

void pin_this_thread(int processor) { pin(0, {processor}); }

std::vector<int> idlest_processors() {
  std::vector<int> processors = usable_processors();
  const std::map<int, double> before = idle_times();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  std::map<int, double> idle = idle_times();
  for (const auto& [processor, time] : before) idle[processor] -= time;
  std::ranges::stable_sort(processors, [&](int a, int b) { return idle[a] > idle[b]; });
  return processors;
}

PinnedThreads::PinnedThreads() : usable_(usable_processors()) {
  const std::vector<int> processors = idlest_processors();
  parallel_for(4 * threads(), 1, [](std::int64_t, std::int64_t) {});
  const std::vector<pid_t> own = own_threads();
  for (std::size_t i = 0; i < own.size(); ++i) pin(own[i], {processors[i % processors.size()]});
}

PinnedThreads::~PinnedThreads() {
  for (const pid_t thread : own_threads()) pin(thread, usable_);
}

double seconds_waited_for_processors() {
  double nanoseconds = 0;
  for (const pid_t thread : own_threads()) {
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/schedstat");
    double ran = 0, waited = 0;
    if (file >> ran >> waited) nanoseconds += waited;
  }
  return 1e-9 * nanoseconds;
}

std::size_t resident_peak() {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    std::size_t kibibytes = 0;
    if (word == "VmHWM:" && file >> kibibytes) return kibibytes * 1024;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

void reset_resident_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

}  // namespace clearcut
