// What is said at the end of a job some of whose items failed.
#pragma once

#include <vector>

#include "data/jsonl.h"

namespace clearcut::apps {

/// Names the first ten on stderr. Returns the exit code: kSomeFailed, or kDone if there are none.
int print_failures(const std::vector<Failure>& failures);

}  // namespace clearcut::apps
