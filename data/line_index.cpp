#include "data/line_index.h"

#include <array>
#include <fstream>

#include "tensor/error.h"

namespace clearcut {

LineIndex::LineIndex(std::string path, std::int64_t max) : path_(std::move(path)) {
  std::ifstream in(path_, std::ios::binary);
  check(in.good(), "lines", path_, " cannot be read");
  std::array<char, 1 << 16> buffer;
  for (std::uint64_t start = 0; in.read(buffer.data(), buffer.size()), in.gcount() > 0;
       start += static_cast<std::uint64_t>(in.gcount()))
    for (std::streamsize i = 0; i < in.gcount(); ++i) {
      if (buffer[static_cast<std::size_t>(i)] != '\n') continue;
      ends_.push_back(start + static_cast<std::uint64_t>(i));
      if (max > 0 && size() == max) return;
    }
}

std::string LineIndex::line(std::int64_t i) const {
  check(i >= 0 && i < size(), "lines", path_, " has ", size(), " lines; asked for line ", i + 1);
  const auto at = static_cast<std::size_t>(i);
  const std::uint64_t begin = at == 0 ? 0 : ends_[at - 1] + 1;
  std::ifstream in(path_, std::ios::binary);
  std::string text(ends_[at] - begin, '\0');
  in.seekg(static_cast<std::streamoff>(begin));
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  check(in.good(), "lines", path_, " became shorter");
  return text;
}

}  // namespace clearcut
