#include "tensor/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tensor/error.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

std::string reason() { return std::strerror(errno); }

void write_all(int fd, const char* data, std::size_t size, const std::string& path) {
  while (size > 0) {
    const ssize_t n = ::write(fd, data, size);
    if (n < 0 && errno == EINTR) continue;
    check(n > 0, "write_file", path, ": ", reason());
    data += n;
    size -= static_cast<std::size_t>(n);
  }
}

void write_bytes(const std::string& path, const char* data, std::size_t size) {
  static std::atomic<int> counter{0};
  const fs::path folder = fs::path(path).parent_path();
  std::error_code error;
  if (!folder.empty()) fs::create_directories(folder, error);
  check(!error, "write_file", "cannot make the folder ", folder.string(), ": ", error.message());
  std::string temporary;
  int fd = -1;
  do {  // a killed job may have left such a file, and in containers numbers of processes come again
    temporary = cat(path, ".part-", ::getpid(), "-", counter++);
    fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  } while (fd < 0 && errno == EEXIST);
  check(fd >= 0, "write_file", "cannot write ", path, ": ", reason());
  try {
    write_all(fd, data, size, path);
    check(::fsync(fd) == 0 || errno == EINVAL, "write_file", path, ": ", reason());
    ::close(fd);
    check(std::rename(temporary.c_str(), path.c_str()) == 0, "write_file", "cannot rename to ", path, ": ",
          reason());
  } catch (...) {
    ::close(fd);
    ::unlink(temporary.c_str());
    throw;
  }
}

}  // namespace

Bytes read_file(const std::string& path, std::size_t max_bytes) {
  check(!fs::is_directory(path), "read_file", path, " is a folder, a file is needed");
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  check(in.good(), "read_file", "cannot open ", path, ": ", reason());
  const auto size = static_cast<std::size_t>(in.tellg());
  check(size <= max_bytes, "read_file", path, " has ", size, " bytes, more than the limit of ", max_bytes);
  Bytes bytes(size);
  in.seekg(0);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  check(static_cast<std::size_t>(in.gcount()) == size, "read_file", path, ": read ", in.gcount(), " of ",
        size, " bytes");
  return bytes;
}

std::string read_text(const std::string& path) {
  const Bytes bytes = read_file(path);
  return {bytes.begin(), bytes.end()};
}

void write_file(const std::string& path, std::string_view text) {
  write_bytes(path, text.data(), text.size());
}
void write_file(const std::string& path, const Bytes& bytes) {
  write_bytes(path, reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace clearcut
