#include "apps/failed_items.h"

#include <iostream>

#include "apps/verbs.h"

namespace clearcut::apps {

int print_failures(const std::vector<Failure>& failures) {
  constexpr std::size_t kShown = 10;
  for (std::size_t i = 0; i < failures.size() && i < kShown; ++i)
    std::cerr << "clearcut: " << failures[i].id << ": " << failures[i].error << "\n";
  if (failures.size() > kShown) std::cerr << "clearcut: and " << failures.size() - kShown << " more\n";
  return failures.empty() ? kDone : kSomeFailed;
}

}  // namespace clearcut::apps
