// Damaged files: whatever the bytes, every reader answers with a value or an Error. Longer with
// CLEARCUT_FUZZ=N rounds per reader; under sanitizers in make test-all.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/memory.h"
#include "tensor/random.h"
#include "tests/fuzz_targets.h"

namespace clearcut {
namespace {

std::int64_t rounds() {
  const char* text = std::getenv("CLEARCUT_FUZZ");
  return text != nullptr ? std::atoll(text) : 300;
}

/// True if the bytes were read, false if they were refused with an Error.
bool accepts(const test::FuzzTarget& target, const Bytes& bytes) {
  bool read = true;
  const PeakMeter meter;
  try {
    target.read(bytes);
  } catch (const Error& error) {
    EXPECT_STRNE(error.what(), "");
    read = false;
  }
  EXPECT_LE(meter.bytes_above_start(), target.most_memory(bytes.size()))
      << target.name << ", a file of " << bytes.size() << " bytes";
  return read;
}

/// One to four changes: a bit flipped, a byte set to a value that is bad for sizes, the end cut off, a piece
/// doubled.
Bytes damaged(Bytes bytes, const RandomStream& random) {
  const std::int64_t changes = 1 + random.below(0, 4);
  for (std::int64_t c = 0; c < changes && !bytes.empty(); ++c) {
    const auto size = static_cast<std::int64_t>(bytes.size());
    const std::int64_t kind = random.below(4 * c + 1, 8), at = random.below(4 * c + 2, size);
    const auto place = bytes.begin() + at;
    if (kind < 4)
      *place = static_cast<std::uint8_t>(*place ^ (1 << random.below(4 * c + 3, 8)));
    else if (kind < 6)
      *place = std::array<std::uint8_t, 4>{0, 0x7f, 0x80,
                                           0xff}[static_cast<std::size_t>(random.below(4 * c + 3, 4))];
    else if (kind < 7)
      bytes.resize(static_cast<std::size_t>(at));
    else
      bytes.insert(place, bytes.begin(), bytes.begin() + std::min<std::int64_t>(size, 64));
  }
  return bytes;
}

TEST(Fuzz, WholeFilesAreRead) {
  for (const test::FuzzTarget& target : test::fuzz_targets()) {
    EXPECT_FALSE(target.seeds.empty()) << target.name;
    for (const Bytes& seed : target.seeds) EXPECT_TRUE(accepts(target, seed)) << target.name;
  }
}

// What libFuzzer found on its way through the readers, and what they did not stand once: `make fuzz`.
TEST(Fuzz, TheCorpusIsAnswered) {
  namespace fs = std::filesystem;
  std::size_t known = 0, all = 0;
  for (const test::FuzzTarget& target : test::fuzz_targets())
    if (fs::exists("tests/corpus/" + target.name))
      for (const auto& entry : fs::directory_iterator("tests/corpus/" + target.name)) {
        SCOPED_TRACE(entry.path().string());
        accepts(target, read_file(entry.path().string()));
        ++known;
      }
  for (const auto& entry : fs::recursive_directory_iterator("tests/corpus"))
    all += entry.is_regular_file() ? 1 : 0;
  EXPECT_GT(known, 0U);
  EXPECT_EQ(known, all) << "a folder of tests/corpus is no reader's";
}

TEST(Fuzz, DamagedFilesNeverCrash) {
  for (const test::FuzzTarget& target : test::fuzz_targets()) {
    std::int64_t refused = 0;
    for (std::int64_t round = 0; round < rounds(); ++round) {
      const RandomStream random(3, target.name, static_cast<std::uint64_t>(round));
      const Bytes& seed = target.seeds[static_cast<std::size_t>(round) % target.seeds.size()];
      refused += accepts(target, damaged(seed, random)) ? 0 : 1;
    }
    EXPECT_GT(refused, 0) << target.name;
  }
}

}  // namespace
}  // namespace clearcut
