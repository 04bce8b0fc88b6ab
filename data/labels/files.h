// Many small files as a folder, or packed into tar shards with an index. Readers and writers of label formats
// do not see the difference.
//
//   DIR/shard-00000.tar ...   ustar (POSIX.1-1988), one member per file, owner 0, time 0, so that the same
//                             files give the same bytes; tar, Python's tarfile and WebDataset read them
//   DIR/index.jsonl           {"file", "shard", "offset", "size"} per file: where its bytes lie
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/jsonl.h"
#include "tensor/deflate.h"

namespace clearcut {

inline constexpr std::string_view kShardIndex = "index.jsonl";

/// Where files are written. Names are paths with '/', below the folder.
class FileSink {
 public:
  virtual ~FileSink() = default;
  /// Throws Error on a name that leaves the folder, or that was written already.
  virtual void write(const std::string& name, ByteView bytes) = 0;
  /// A list of the files, or of classes: beside them, in the folder itself.
  virtual void write_list(const std::string& name, const std::string& text) = 0;
  virtual void finish() {}
  /// True after an error of the disk: what follows would be lost too.
  bool broken() const { return broken_; }

 protected:
  bool broken_ = false;
};

/// Each file to a temporary name and renamed; missing folders are made.
std::unique_ptr<FileSink> folder_sink(const std::string& folder);
/// Shards of at most `shard_bytes` (one file more than that gets a shard of its own), written to a temporary
/// name and renamed when full; the index comes last. Memory does not grow with the files.
std::unique_ptr<FileSink> tar_sink(const std::string& folder, std::int64_t shard_bytes);

/// Files to read: one file, all files below a folder, the members of a zip file, or those of tar shards.
class FileSource {
 public:
  /// `path`: a file; a folder; a .zip file (kept in memory); a .tar file; a folder with .tar files in it
  /// (index.jsonl says what they hold, or else they are read through once). Throws Error that names what is
  /// missing.
  explicit FileSource(std::string path);
  /// One file that is in memory.
  FileSource(std::string name, Bytes bytes);

  const std::vector<std::string>& names() const { return names_; }  // in order, with '/'
  bool has(const std::string& name) const;
  /// The one file of a format that has one for all pictures: the file itself, or `usual` in a folder, or the
  /// only file with this ending there. Throws Error if it cannot be told.
  std::string only_file(const std::string& ending, const std::string& usual) const;
  /// Throws Error if there is none of that name, as read_place() does.
  Bytes read(const std::string& name) const;
  /// Where a file lies, for those who keep paths: "DIR/NAME", or "DIR/SHARD@OFFSET+SIZE/NAME" for a member of
  /// a shard.
  std::string place(const std::string& name) const;
  /// For errors and provenance: "DIR/NAME", "DIR/shard-00000.tar: NAME".
  std::string where(const std::string& name) const;

 private:
  struct Place {
    std::string shard;
    std::int64_t offset = 0, size = 0;
  };
  void add_shards(const std::vector<std::string>& shards);
  void read_index(const std::string& index);
  void take(std::vector<std::pair<std::string, Place>> found);
  std::size_t find(const std::string& name) const;

  std::string path_;
  std::vector<std::string> names_;
  std::vector<Place> places_;  // empty unless files lie in shards
  bool single_ = false;
  std::shared_ptr<const Bytes> content_;  // of the file that is in memory
  struct Zip;
  std::shared_ptr<const Zip> zip_;  // set if it is one
};

/// Reads what FileSource::place() named. Throws Error for a member that is not where the place says.
Bytes read_place(const std::string& place);

/// One member of a tar file.
struct TarMember {
  std::string name;
  std::int64_t offset = 0, size = 0;  // of its content
};

/// Members of a tar file that are files: ustar, GNU (long names, sizes of 8 GiB and more) and pax (path,
/// size). `read(offset, size)` gives bytes of the file. Throws Error that names the file: no tar file, a
/// wrong checksum, truncated, sparse members. Folders and links are passed over. Source: POSIX.1-2017, pax,
/// "ustar Interchange Format".
std::vector<TarMember> tar_members(ByteView bytes, const std::string& name);
std::vector<TarMember> read_tar_members(const std::string& path);

/// The 512 bytes in front of a member's content. Throws Error for a name of more than 255 bytes, or one that
/// does not split at a '/' into 155 and 100, and for 8 GiB and more.
Bytes tar_header(const std::string& name, std::int64_t size);
/// Whether a block is the header of this member. Of a name of more than 100 bytes, which GNU and pax keep
/// elsewhere, only the size is compared.
bool is_tar_header(ByteView block, const std::string& name, std::int64_t size);

}  // namespace clearcut
