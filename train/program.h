// Which program this is.
#pragma once

namespace clearcut {

/// "0.1.0", as the Makefile says.
const char* program_version();
/// The git commit that was built, "-dirty" behind it if files were changed; "unknown" outside a git checkout.
const char* program_commit();

}  // namespace clearcut
