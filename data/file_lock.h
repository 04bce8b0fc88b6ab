// Locks between processes that work in one folder.
#pragma once

#include <string>

namespace clearcut {

/// An exclusive lock on a file (flock) that lasts as long as this object, or until its process ends in
/// whatever way. The file is made if it is missing. On a file system that knows no locks every lock counts as
/// held, so nothing is kept apart there.
class FileLock {
 public:
  enum class Wait {
    kBriefly,  ///< half a second: long enough for somebody who only looks whether it is free
    kAlways,
  };
  /// Throws Error if the file cannot be opened for writing.
  FileLock(const std::string& path, Wait wait);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  bool held() const { return held_; }

 private:
  int file_ = -1;
  bool held_ = false;
};

/// Whether somebody holds the lock of a file; false if the file is missing or cannot be opened.
bool is_locked(const std::string& path);

}  // namespace clearcut
