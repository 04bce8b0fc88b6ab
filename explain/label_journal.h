// The journals of a folder of labels: what each shard has done, line by line, by jobs that may be killed at
// any byte.
#pragma once

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/file_lock.h"
#include "data/jsonl.h"

namespace clearcut {

/// One start of a job on one shard of a folder.
struct JournalStart {
  std::int64_t shard = 0, shards = 1;
  std::int64_t total = 0;                 // items of the whole job
  std::int64_t items = 0;                 // of this shard
  std::int64_t there = 0;                 // of those, done before this start
  std::int64_t at = 0;                    // seconds since 1970
  std::string host = "", folder = "";     // where it ran: the machine, the working folder
  std::int64_t process = 0;               // its number there
  std::vector<std::string> command = {};  // its words; see this_command()
  JsonObject job = {};                    // what was asked for (LabelStoreOptions::job)
};
JsonObject to_json(const JournalStart& start);
JournalStart journal_start(const JsonObject& json);

/// The words that started this program, with the variables that decide about bits in front ("env",
/// "CLEARCUT_ISA=avx2"); empty where the system does not tell.
std::vector<std::string> this_command();
/// Words as a shell reads them, without these flags and without these options and their values.
std::string shell_text(const std::vector<std::string>& words, const std::vector<std::string>& flags,
                       const std::vector<std::string>& options);
/// What goes on with a shard: the command of `start` without --overwrite, with the shard's --shard if there
/// are several; "" if the command is not known.
std::string shard_command(const JournalStart& start, std::int64_t shard);

/// FOLDER/journal, and the journal of one shard there: I-of-N.jsonl.
std::string journal_folder(const std::string& folder);
std::string journal_path(const std::string& folder, std::int64_t shard, std::int64_t shards);
/// All journals of a folder, in order of name.
std::vector<std::string> journal_files(const std::string& folder);

/// The journal of one shard, open for writing and locked. Lines:
///
///   {"start": {...}}                               JournalStart: the job began, or went on
///   {"id", "image", "label", "classes", "job", ..} an item is done (LabelStore::write, skip)
///   {"stage", "id", "job", "error"}                an item failed
///   {"end": {"failed"}}                            all items of the shard were tried
class LabelJournal {
 public:
  /// Throws Error if another process has it open.
  LabelJournal(const std::string& folder, const JournalStart& start);
  void write(const JsonObject& line) { lines_->write(line); }

 private:
  FileLock lock_;
  std::unique_ptr<JsonlWriter> lines_;
};

/// The last line of a journal says that all items of its shard were tried; no is also the answer for a
/// missing file.
bool journal_ended(const std::string& path);
/// The last start in a journal. Throws Error if there is none.
JournalStart last_start(const std::string& path);

/// Where the newest line of each item stands, in manifests and journals, and what it says about it. 40 bytes
/// an item.
class LabelLines {
 public:
  enum class Kind : std::uint8_t { kLabel, kSkipped, kFailed };
  struct Line {
    std::uint64_t id[2];    // two hashes of the item's name
    std::uint64_t classes;  // hash of its image labels
    std::int64_t offset;
    std::uint32_t file;
    Kind kind;
  };

  /// Adds the lines of a file that were written by `job`. Files that are read later are newer. Throws Error
  /// on a whole line that is no JSON object.
  void read(const std::string& file, const std::string& job);
  /// The newest line of an item, by its name; nullptr if there is none, or if it speaks of other classes.
  const Line* find(const std::string& name, const std::vector<int>& classes);
  /// Forgets the line of an item: it is to be done again.
  void forget(const std::string& name);
  /// The text of a line. Lines that stand one after the other in their files are read fastest.
  std::string text(const Line& line);

 private:
  Line* newest(const std::string& name);

  std::vector<std::string> files_;
  std::vector<Line> lines_;
  bool sorted_ = true;
  std::vector<std::unique_ptr<std::ifstream>> open_;
};

}  // namespace clearcut
