#include "cuda/ptxsim/traffic.h"

#include <algorithm>

#include "cuda/ptxsim/lanes.h"

namespace clearcut::ptxsim {

namespace {

/// Up to 32 numbers, each once.
class Distinct {
 public:
  void add(std::uint64_t v) {
    if (count_ > 0 && values_[count_ - 1] == v) return;
    sorted_ = sorted_ && (count_ == 0 || values_[count_ - 1] < v);
    values_[count_++] = v;
  }
  std::size_t finish() {
    if (sorted_) return count_;
    const auto end = values_.begin() + static_cast<long>(count_);
    std::sort(values_.begin(), end);
    count_ = static_cast<std::size_t>(std::unique(values_.begin(), end) - values_.begin());
    return count_;
  }
  std::uint64_t operator[](std::size_t i) const { return values_[i]; }

 private:
  std::array<std::uint64_t, 128> values_;
  std::size_t count_ = 0;
  bool sorted_ = true;
};

// Passes for the words of lanes that are served together: as many as the fullest bank has words.
unsigned passes(Distinct& words) {
  std::array<unsigned, 32> in_bank = {};
  unsigned most = 0;
  for (std::size_t i = 0, n = words.finish(); i < n; ++i) most = std::max(most, ++in_bank[words[i] % 32]);
  return most;
}

}  // namespace

void count_global(const Lanes& addresses, LaneMask lanes, unsigned bytes, Traffic& traffic) {
  Distinct sectors, starts;
  for_lanes(lanes, [&](int lane) {
    const std::uint64_t address = addresses[static_cast<std::size_t>(lane)];
    sectors.add(address / 32);
    starts.add(address);
  });
  ++traffic.requests;
  traffic.units += sectors.finish();
  traffic.least_units += (starts.finish() * bytes + 31) / 32;
}

void count_shared(const Lanes& addresses, LaneMask lanes, unsigned bytes, Traffic& traffic) {
  const int together = bytes <= 4 ? 32 : bytes == 8 ? 16 : 8;
  ++traffic.requests;
  for (int first = 0; first < kLanes; first += together) {
    const auto part = static_cast<LaneMask>(lanes & low_bits(together) << first);
    if (part == 0) continue;
    Distinct words;
    for_lanes(part, [&](int lane) {
      for (unsigned i = 0; i < bytes; i += 4) words.add((addresses[static_cast<std::size_t>(lane)] + i) / 4);
    });
    traffic.units += passes(words);
    ++traffic.least_units;
  }
}

}  // namespace clearcut::ptxsim
