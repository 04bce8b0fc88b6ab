#include "tensor/nearest.h"

#include <algorithm>

namespace clearcut {

std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string nearest(std::string_view word, const std::vector<std::string>& words) {
  std::string best;
  std::size_t fewest = std::max<std::size_t>(word.size() / 2, 1) + 1;
  for (const std::string& candidate : words)
    if (const std::size_t n = edits(word, candidate); n < fewest) fewest = n, best = candidate;
  return best;
}

}  // namespace clearcut
