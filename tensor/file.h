// Whole files, read and written safely.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clearcut {

using Bytes = std::vector<std::uint8_t>;

/// Throws Error that names the file and the system's reason: missing, a folder, unreadable, or larger than
/// max_bytes.
Bytes read_file(const std::string& path, std::size_t max_bytes = std::size_t{4} << 30);
std::string read_text(const std::string& path);

/// Writes to a temporary name in the same folder, flushes, and renames it to `path`: readers see the old
/// file or the whole new one. Missing folders are made. Throws Error (disk full, no permission) and leaves
/// no temporary file behind.
void write_file(const std::string& path, std::string_view text);
void write_file(const std::string& path, const Bytes& bytes);

}  // namespace clearcut
