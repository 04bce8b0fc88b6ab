#include "cuda/ptxsim/counters.h"

#include <algorithm>
#include <iomanip>
#include <mutex>

namespace clearcut::ptxsim {

namespace {

std::map<std::string, Counters> table;
std::mutex guard;

Counters& entry(const Kernel& kernel) {
  std::string key = kernel.short_name;
  for (;; key += "'") {
    Counters& c = table[key];
    if (c.kinds.empty()) {
      c.name = kernel.short_name;
      c.mangled = kernel.name;
      c.sites.resize(kernel.code.size());
      for (const Instruction& in : kernel.code) c.kinds.push_back(in.counted);
    }
    if (c.mangled == kernel.name && c.kinds.size() == kernel.code.size()) return c;
  }
}

template <class Choose>
Site total(const Counters& c, const Choose& choose) {
  Site sum;
  for (std::size_t i = 0; i < c.sites.size(); ++i)
    if (choose(c.kinds[i])) sum.add(c.sites[i]);
  return sum;
}
bool any(Counted) { return true; }

double ratio(std::uint64_t a, std::uint64_t b) {
  return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b);
}

}  // namespace

void Traffic::add(const Traffic& other) {
  requests += other.requests;
  units += other.units;
  least_units += other.least_units;
}

void Site::add(const Site& other) {
  warps += other.warps;
  lanes += other.lanes;
  global.add(other.global);
  shared.add(other.shared);
}

std::uint64_t Counters::warps() const { return total(*this, any).warps; }
std::uint64_t Counters::lanes() const { return total(*this, any).lanes; }
std::uint64_t Counters::count(Counted what) const {
  return total(*this, [&](Counted kind) { return kind == what; }).warps;
}
Traffic Counters::global(Counted what) const {
  return total(*this, [&](Counted kind) { return kind == what; }).global;
}
Traffic Counters::shared() const { return total(*this, any).shared; }

Counters Counters::main_loop() const {
  std::uint64_t most = 0;
  for (const Site& s : sites) most = std::max(most, s.warps);
  Counters loop = *this;
  for (Site& s : loop.sites)
    if (2 * s.warps < most) s = {};
  return loop;
}

const std::map<std::string, Counters>& counters() { return table; }
void reset_counters() { table.clear(); }

void add_launch(const Kernel& kernel) {
  const std::lock_guard lock(guard);
  ++entry(kernel).launches;
}

void add_counters(const Kernel& kernel, std::uint64_t blocks, const std::vector<Site>& sites) {
  const std::lock_guard lock(guard);
  Counters& c = entry(kernel);
  c.blocks += blocks;
  for (std::size_t i = 0; i < sites.size(); ++i) c.sites[i].add(sites[i]);
}

void print_counters(std::ostream& out) {
  out << "kernel | launches | warp instructions | lanes each | load sectors (least) | store sectors (least) "
         "| "
         "shared passes (least) | barriers | mma\n";
  out << std::fixed << std::setprecision(1);
  for (const auto& [name, c] : table) {
    const Traffic load = c.global(Counted::kLoad), store = c.global(Counted::kStore), shared = c.shared();
    out << name << " | " << c.launches << " | " << c.warps() << " | " << ratio(c.lanes(), c.warps()) << " | "
        << load.units << " (" << load.least_units << ") | " << store.units << " (" << store.least_units
        << ") | " << shared.units << " (" << shared.least_units << ") | " << c.count(Counted::kBarrier)
        << " | " << c.count(Counted::kMatrix) << "\n";
  }
}

}  // namespace clearcut::ptxsim
