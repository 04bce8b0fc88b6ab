#include "train/program.h"

// The Makefile defines both for this file alone.
#ifndef CLEARCUT_VERSION
#define CLEARCUT_VERSION "unknown"
#endif
#ifndef CLEARCUT_COMMIT
#define CLEARCUT_COMMIT "unknown"
#endif

namespace clearcut {

const char* program_version() { return CLEARCUT_VERSION; }
const char* program_commit() { return CLEARCUT_COMMIT; }

}  // namespace clearcut
