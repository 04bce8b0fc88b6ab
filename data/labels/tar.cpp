// The tar side of data/labels/files.h. Source: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual,
// "Basic Tar Format".
#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <functional>
#include <optional>

#include "data/file_names.h"
#include "data/labels/files.h"
#include "tensor/error.h"

namespace clearcut {

namespace {

constexpr std::int64_t kBlock = 512, kMostNameBytes = 1 << 16;

struct Field {
  std::size_t at, size;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kOwner{108, 8}, kGroup{116, 8}, kSize{124, 12}, kTime{136, 12},
    kSum{148, 8}, kMagic{257, 6}, kVersion{263, 2}, kPrefix{345, 155};
constexpr std::size_t kType = 156;

std::string text_of(ByteView bytes) {
  const auto end = std::find(bytes.begin(), bytes.end(), 0);
  return {bytes.begin(), end};
}

/// The sum of all bytes, with the sum itself read as spaces.
std::int64_t sum_of(ByteView block) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < block.size(); ++i)
    sum += i >= kSum.at && i < kSum.at + kSum.size ? ' ' : block[i];
  return sum;
}

class TarReader {
 public:
  using Read = std::function<Bytes(std::int64_t offset, std::int64_t size)>;
  TarReader(std::string name, std::int64_t size, Read read)
      : name_(std::move(name)), size_(size), read_(std::move(read)) {}

  std::vector<TarMember> members();
  void check_sum(ByteView block, std::int64_t at) const;
  std::int64_t number(ByteView block, Field field) const;
  std::string member_name(ByteView block);

 private:
  void read_pax(const Bytes& records);
  void take(ByteView block, std::int64_t content, std::int64_t size);

  std::string name_;
  std::int64_t size_;
  Read read_;
  std::vector<TarMember> members_;
  std::optional<std::string> next_name_;  // of a header in front of the member
  std::optional<std::int64_t> next_size_;
};

void TarReader::check_sum(ByteView block, std::int64_t at) const {
  check(number(block, kSum) == sum_of(block), "tar", name_, ": the header at byte ", at,
        " has another checksum than its bytes; no tar file, or damaged");
}

// Octal digits, or, with the highest bit set, a big-endian number (GNU tar, from 8 GiB on).
std::int64_t TarReader::number(ByteView block, Field field) const {
  const ByteView bytes = block.subspan(field.at, field.size);
  std::int64_t value = 0;
  if (bytes[0] & 0x80) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      check(value < std::int64_t{1} << 48, "tar", name_, ": a size beyond 2^48 bytes");
      value = value << 8 | (i == 0 ? bytes[0] & 0x7f : bytes[i]);
    }
    return value;
  }
  for (const std::uint8_t byte : bytes) {
    if (byte == ' ' || byte == 0) {
      if (value > 0) break;
      continue;
    }
    check(byte >= '0' && byte <= '7', "tar", name_,
          ": a header's number is not octal; no tar file, or damaged");
    value = value * 8 + (byte - '0');
  }
  return value;
}

std::string TarReader::member_name(ByteView block) {
  if (next_name_) {
    std::string name = *next_name_;
    next_name_.reset();
    return name;
  }
  const std::string name = text_of(block.subspan(kName.at, kName.size));
  const bool posix = text_of(block.subspan(kMagic.at, kMagic.size)) == "ustar";  // GNU writes "ustar  "
  const std::string prefix = posix ? text_of(block.subspan(kPrefix.at, kPrefix.size)) : "";
  return prefix.empty() ? name : prefix + "/" + name;
}

// Records "LENGTH key=value\n", LENGTH counting all of the record.
void TarReader::read_pax(const Bytes& records) {
  std::string_view rest(reinterpret_cast<const char*>(records.data()), records.size());
  while (!rest.empty() && rest[0] != '\0') {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), length);
    const auto digits = static_cast<std::size_t>(end - rest.data());
    check(error == std::errc() && length <= rest.size() && length > digits + 2, "tar", name_,
          ": a pax header's record is damaged");
    const std::string_view record = rest.substr(digits + 1, length - digits - 2);
    const std::size_t equals = std::min(record.find('='), record.size());
    const std::string_view key = record.substr(0, equals);
    const std::string_view value = record.substr(std::min(equals + 1, record.size()));
    if (key == "path") next_name_ = std::string(value);
    if (key == "size") {
      std::int64_t size = -1;
      std::from_chars(value.data(), value.data() + value.size(), size);
      check(size >= 0, "tar", name_, ": a pax header's size is no number");
      next_size_ = size;
    }
    rest.remove_prefix(length);
  }
}

void TarReader::take(ByteView block, std::int64_t content, std::int64_t size) {
  const char type = static_cast<char>(block[kType]);
  check(type != 'S', "tar", name_, ": sparse members are not read");
  if (type == 'L' || type == 'x') {
    check(size <= kMostNameBytes, "tar", name_, ": a name or pax header of ", size, " bytes");
    const Bytes bytes = read_(content, size);
    if (type == 'L')
      next_name_ = text_of(bytes);
    else
      read_pax(bytes);
    return;
  }
  if (type == 'g' || type == 'K') return;  // of the whole file; a long link
  const std::string name = member_name(block);
  if (type == '0' || type == '\0' || type == '7') members_.push_back({name, content, size});
}

std::vector<TarMember> TarReader::members() {
  check(size_ >= kBlock, "tar", name_, ": has ", size_, " bytes; a tar file has 512 at least");
  std::int64_t at = 0;
  while (at <= size_ - kBlock) {
    const Bytes block = read_(at, kBlock);
    if (std::all_of(block.begin(), block.end(), [](std::uint8_t b) { return b == 0; })) return members_;
    check_sum(block, at);
    const bool is_header = block[kType] == 'L' || block[kType] == 'x' || block[kType] == 'g';
    std::int64_t size = number(block, kSize);
    if (!is_header && next_size_) {
      size = *next_size_;
      next_size_.reset();
    }
    const std::int64_t content = at + kBlock;
    check(size <= size_ - content, "tar", name_, ": the member at byte ", at, " has ", size,
          " bytes, the file ", size_, " in all; truncated?");
    take(block, content, size);
    at = content + (size + kBlock - 1) / kBlock * kBlock;
  }
  return members_;
}

void put(Bytes& block, Field field, std::string_view text) {
  std::copy(text.begin(), text.end(), block.begin() + static_cast<std::ptrdiff_t>(field.at));
}

// Octal, as many digits as leave room for the NUL.
std::string octal(std::int64_t value, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i-- > 0; value /= 8) text[i] = static_cast<char>('0' + value % 8);
  return text;
}

}  // namespace

std::vector<TarMember> tar_members(ByteView bytes, const std::string& name) {
  return TarReader(name, static_cast<std::int64_t>(bytes.size()),
                   [&](std::int64_t offset, std::int64_t size) {
                     const ByteView part =
                         bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
                     return Bytes(part.begin(), part.end());
                   })
      .members();
}

std::vector<TarMember> read_tar_members(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  check(in.good(), "tar", "cannot open ", path);
  const auto size = static_cast<std::int64_t>(in.tellg());
  return TarReader(path, size,
                   [&](std::int64_t offset, std::int64_t count) {
                     Bytes bytes(static_cast<std::size_t>(count));
                     in.seekg(offset);
                     in.read(reinterpret_cast<char*>(bytes.data()), count);
                     check(in.gcount() == count, "tar", path, ": cannot read ", count, " bytes at ", offset);
                     return bytes;
                   })
      .members();
}

bool is_tar_header(ByteView block, const std::string& name, std::int64_t size) {
  TarReader reader(name, kBlock, {});
  try {
    reader.check_sum(block, 0);
    if (reader.number(block, kSize) != size) return false;
    // A longer name, or one with letters that ASCII has not, stands whole in the pax records before the
    // header.
    const bool in_pax = name.size() > kName.size ||
                        std::any_of(name.begin(), name.end(), [](char c) { return (c & 0x80) != 0; });
    return in_pax || path_below(reader.member_name(block)) == name;
  } catch (const Error&) {
    return false;
  }
}

Bytes tar_header(const std::string& name, std::int64_t size) {
  check(size >= 0 && size < std::int64_t{1} << 33, "tar", name, ": ", size, " bytes; members end at 8 GiB");
  std::size_t cut = 0;  // length of the prefix: the shortest that leaves 100 bytes for the rest
  if (name.size() > kName.size) {
    cut = name.find('/', name.size() - kName.size - 1);
    check(cut != std::string::npos && cut > 0 && cut <= kPrefix.size, "tar", "the name ", name,
          " does not split at a '/' into 155 and 100 bytes");
  }
  Bytes block(kBlock, 0);
  put(block, kName, std::string_view(name).substr(cut == 0 ? 0 : cut + 1));
  put(block, kPrefix, std::string_view(name).substr(0, cut));
  put(block, kMode, "0000644");
  put(block, kOwner, "0000000");
  put(block, kGroup, "0000000");
  put(block, kSize, octal(size, 11));
  put(block, kTime, octal(0, 11));
  block[kType] = '0';
  put(block, kMagic, "ustar");
  put(block, kVersion, "00");
  put(block, kSum, octal(sum_of(block), 6));
  block[kSum.at + 7] = ' ';
  return block;
}

}  // namespace clearcut
