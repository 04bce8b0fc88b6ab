#include "data/labels/files.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <unordered_set>

#include "data/file_names.h"
#include "tensor/error.h"
#include "tensor/random.h"
#include "tensor/zip.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kTarRecord = 10240;                     // tar files end at a multiple of it
constexpr std::uint64_t kMostMember = std::uint64_t{1} << 31;  // bytes of one file in a zip

/// Refuses names that leave the folder, and names that come twice. Hashes: a million names fit in memory.
class NameCheck {
 public:
  void operator()(const std::string& name) {
    check(!name.empty() && path_below(name) == name, "labels", "'", name, "' is no path below the folder");
    check(seen_.insert(hash_name(name)).second, "labels", "two pictures would both be written to ", name,
          "; rename one of them");
  }

 private:
  std::unordered_set<std::uint64_t> seen_;
};

class FolderSink : public FileSink {
 public:
  explicit FolderSink(std::string folder) : folder_(std::move(folder)) {}
  void write(const std::string& name, ByteView bytes) override {
    check_name_(name);
    broken_ = true;
    write_file(folder_ + "/" + name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    broken_ = false;
  }
  void write_list(const std::string& name, const std::string& text) override {
    write(name, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }

 private:
  std::string folder_;
  NameCheck check_name_;
};

class TarSink : public FileSink {
 public:
  TarSink(std::string folder, std::int64_t shard_bytes)
      : folder_(std::move(folder)),
        most_(shard_bytes / kTarRecord * kTarRecord),
        index_(std::make_unique<JsonlWriter>(cat(folder_, "/", kShardIndex, ".part"),
                                             JsonlWriter::Mode::kFresh)) {}
  void write(const std::string& name, ByteView bytes) override;
  void write_list(const std::string& name, const std::string& text) override {
    write_file(folder_ + "/" + name, text);
  }
  void finish() override;

 private:
  std::string shard_name() const;
  void put(ByteView bytes);
  void pad(std::int64_t multiple);
  void open();
  void close();

  std::string folder_;
  std::int64_t most_, size_ = 0, shard_ = 0;
  std::ofstream out_;
  std::unique_ptr<JsonlWriter> index_;
  NameCheck check_name_;
};

std::string TarSink::shard_name() const {
  std::string number = cat(shard_);
  number.insert(0, number.size() < 5 ? 5 - number.size() : 0, '0');
  return "shard-" + number + ".tar";
}

void TarSink::put(ByteView bytes) {
  out_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  check(out_.good(), "labels", "cannot write ", folder_, "/", shard_name(), "; is the disk full?");
  size_ += static_cast<std::int64_t>(bytes.size());
}

void TarSink::pad(std::int64_t multiple) {
  const std::int64_t rest = (multiple - size_ % multiple) % multiple;
  put(Bytes(static_cast<std::size_t>(rest), 0));
}

void TarSink::open() {
  out_.open(folder_ + "/" + shard_name() + ".part", std::ios::binary | std::ios::trunc);
  check(out_.good(), "labels", "cannot write ", folder_, "/", shard_name());
  size_ = 0;
}

// Two empty blocks end a tar file.
void TarSink::close() {
  put(Bytes(1024, 0));
  pad(kTarRecord);
  out_.close();
  check(!out_.fail(), "labels", "cannot write ", folder_, "/", shard_name(), "; is the disk full?");
  const std::string path = folder_ + "/" + shard_name();
  fs::rename(path + ".part", path);
  ++shard_;
}

void TarSink::write(const std::string& name, ByteView bytes) {
  check_name_(name);
  const auto size = static_cast<std::int64_t>(bytes.size());
  const Bytes header = tar_header(name, size);
  const std::int64_t needed = 512 + (size + 511) / 512 * 512 + 1024;  // the end is filled up to most_ at most
  broken_ = true;
  if (out_.is_open() && size_ + needed > most_) close();
  if (!out_.is_open()) open();
  put(header);
  JsonObject line;
  line.set("file", name).set("shard", shard_name()).set("offset", size_).set("size", size);
  put(bytes);
  pad(512);
  index_->write(line);
  broken_ = false;
}

void TarSink::finish() {
  if (out_.is_open()) close();
  index_.reset();
  fs::rename(cat(folder_, "/", kShardIndex, ".part"), cat(folder_, "/", kShardIndex));
}

bool is_tar(const fs::path& path) { return path.extension() == ".tar" && fs::is_regular_file(path); }

}  // namespace

std::unique_ptr<FileSink> folder_sink(const std::string& folder) {
  return std::make_unique<FolderSink>(folder);
}

std::unique_ptr<FileSink> tar_sink(const std::string& folder, std::int64_t shard_bytes) {
  check(shard_bytes >= kTarRecord, "labels", "shards have at least ", kTarRecord, " bytes; got ",
        shard_bytes);
  fs::create_directories(folder);
  return std::make_unique<TarSink>(folder, shard_bytes);
}

// Names that leave the folder lose what leads out of it.
struct FileSource::Zip {
  explicit Zip(const std::string& path) : bytes(read_file(path)), reader(bytes, path) {
    for (const ZipEntry& entry : reader.entries()) {
      check(entry.size <= kMostMember, "labels", path, ": ", entry.name, " unpacks to ", entry.size,
            " bytes");
      if (!entry.name.ends_with('/')) entries.emplace(path_below(entry.name), entry);
    }
  }
  Bytes bytes;
  ZipReader reader;
  std::map<std::string, ZipEntry> entries;
};

FileSource::FileSource(std::string path) : path_(std::move(path)) {
  if (is_tar(path_)) {
    const fs::path shard(path_);
    path_ = shard.parent_path().empty() ? "." : shard.parent_path().string();
    add_shards({shard.filename().string()});
    return;
  }
  if (fs::is_regular_file(path_) && fs::path(path_).extension() == ".zip") {
    zip_ = std::make_shared<const Zip>(path_);
    for (const auto& [name, entry] : zip_->entries) names_.push_back(name);
    return;
  }
  if (fs::is_regular_file(path_)) {
    single_ = true;
    names_ = {fs::path(path_).filename().string()};
    return;
  }
  check(fs::is_directory(path_), "labels", "there is no file or folder ", path_);
  std::vector<std::string> shards;
  for (const fs::path& file : sorted_entries(path_, /*folders=*/false))
    if (is_tar(file)) shards.push_back(file.filename().string());
  if (!shards.empty() && fs::is_regular_file(fs::path(path_) / kShardIndex)) {
    read_index((fs::path(path_) / kShardIndex).string());
  } else if (!shards.empty()) {
    add_shards(shards);
  } else {
    for (const fs::path& file : files_below(path_))
      names_.push_back(file.lexically_relative(path_).generic_string());
    std::sort(names_.begin(), names_.end());  // paths sort by folder, names by letter
  }
}

FileSource::FileSource(std::string name, Bytes bytes)
    : path_(name),
      names_{std::move(name)},
      single_(true),
      content_(std::make_shared<const Bytes>(std::move(bytes))) {}

void FileSource::add_shards(const std::vector<std::string>& shards) {
  std::vector<std::pair<std::string, Place>> found;
  for (const std::string& shard : shards)
    for (const TarMember& member : read_tar_members((fs::path(path_) / shard).string()))
      found.emplace_back(path_below(member.name), Place{shard, member.offset, member.size});
  take(std::move(found));
}

void FileSource::take(std::vector<std::pair<std::string, Place>> found) {
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& [name, place] : found) {
    check(names_.empty() || names_.back() != name, "labels", path_, ": '", name,
          "' comes twice in the shards");
    names_.push_back(name);
    places_.push_back(std::move(place));
  }
}

void FileSource::read_index(const std::string& index) {
  std::ifstream in(index);
  std::vector<std::pair<std::string, Place>> found;
  std::string text;
  for (int line = 1; std::getline(in, text); ++line) {
    const JsonObject entry = JsonObject::parse(text, cat(index, ":", line));
    const std::string shard = entry.text("shard");
    check(path_below(shard) == shard && entry.integer("offset") >= 512 && entry.integer("size") >= 0,
          "labels", index, ":", line, ": no place in a shard of this folder");
    found.emplace_back(path_below(entry.text("file")),
                       Place{shard, entry.integer("offset"), entry.integer("size")});
  }
  take(std::move(found));
}

std::size_t FileSource::find(const std::string& name) const {
  const auto it = std::lower_bound(names_.begin(), names_.end(), name);
  check(it != names_.end() && *it == name, "labels", path_, " has no file ", name);
  return static_cast<std::size_t>(it - names_.begin());
}

std::string FileSource::only_file(const std::string& ending, const std::string& usual) const {
  if (single_ || has(usual)) return single_ ? names_[0] : usual;
  std::string found;
  for (const std::string& name : names_) {
    if (!name.ends_with(ending)) continue;
    check(found.empty(), "labels", path_, " has ", found, " and ", name, "; name the one to read");
    found = name;
  }
  check(!found.empty(), "labels", path_, " has no ", usual);
  return found;
}

bool FileSource::has(const std::string& name) const {
  return std::binary_search(names_.begin(), names_.end(), name);
}

std::string FileSource::where(const std::string& name) const {
  if (single_) return path_;
  if (zip_ != nullptr) return cat(path_, ": ", name);
  if (places_.empty()) return (fs::path(path_) / name).string();
  return cat((fs::path(path_) / places_[find(name)].shard).string(), ": ", name);
}

Bytes FileSource::read(const std::string& name) const {
  if (content_ != nullptr) return *content_;
  if (zip_ != nullptr) return zip_->reader.unpack(zip_->entries.at(names_[find(name)]));
  if (places_.empty()) return read_file(single_ ? path_ : (fs::path(path_) / names_[find(name)]).string());
  return read_place(place(name));
}

std::string FileSource::place(const std::string& name) const {
  if (places_.empty()) return where(name);
  const Place& place = places_[find(name)];
  return cat((fs::path(path_) / place.shard).string(), "@", place.offset, "+", place.size, "/", name);
}

Bytes read_place(const std::string& place) {
  static constexpr std::string_view kMark = ".tar@";
  const std::size_t mark = place.find(kMark);
  std::int64_t offset = 0, size = 0;
  int used = 0;
  if (mark == std::string::npos ||
      std::sscanf(place.c_str() + mark + kMark.size(), "%" SCNd64 "+%" SCNd64 "/%n", &offset, &size, &used) !=
          2 ||
      used == 0)
    return read_file(place);
  const std::string shard = place.substr(0, mark + 4),
                    name = place.substr(mark + kMark.size() + static_cast<std::size_t>(used));
  std::ifstream in(shard, std::ios::binary | std::ios::ate);
  check(in.good(), "labels", "cannot open ", shard);
  const auto there = static_cast<std::int64_t>(in.tellg());
  check(offset >= 512 && offset <= there && size >= 0 && size <= there - offset, "labels", shard,
        ": is shorter than ", kShardIndex, " says; truncated?");
  Bytes bytes(static_cast<std::size_t>(512 + size));
  in.seekg(offset - 512);
  in.read(reinterpret_cast<char*>(bytes.data()), 512 + size);
  check(in.gcount() == 512 + size, "labels", shard, ": cannot read ", size, " bytes at ", offset);
  check(is_tar_header(ByteView(bytes).first(512), name, size), "labels", shard, ": ", name,
        " does not lie where ", kShardIndex, " says; remove the index to have the shards read through");
  bytes.erase(bytes.begin(), bytes.begin() + 512);
  return bytes;
}

}  // namespace clearcut
