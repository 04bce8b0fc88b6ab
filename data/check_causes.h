// Why a file of a data set cannot be read, as data/check.h reports it.
#pragma once

#include <string>

namespace clearcut {

struct Cause {
  std::string kind, cause, fix;
};

enum class FileRole { kPicture, kMask };

/// Looks at the file, at what lies beside it, and at the error that reading it gave.
Cause why_unreadable(const std::string& path, FileRole role, const std::string& error);

}  // namespace clearcut
