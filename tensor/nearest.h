// The word that somebody who mistyped may have meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clearcut {

/// Characters to insert, delete or replace on the way from a to b (Levenshtein's distance).
std::size_t edits(std::string_view a, std::string_view b);

/// The word of `words` with the fewest edits from `word`, or "" if all are far off.
std::string nearest(std::string_view word, const std::vector<std::string>& words);

}  // namespace clearcut
