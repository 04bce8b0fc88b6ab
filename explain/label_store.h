// A folder of pseudo labels that a killed job can go on with.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/jsonl.h"
#include "explain/label_journal.h"
#include "explain/pssl.h"
#include "tensor/file.h"

namespace clearcut {

enum class LabelLayout : std::uint8_t {
  kPng,         ///< labels/<picture name>.png: 8-bit palette, or 16-bit gray if an id needs it
  kPssl,        ///< the published layout (data/pssl_layout.h), arr_0 uint8: 1 object, 0 background
  kPsslLevels,  ///< the same folders with PNGs of ten levels: 9 object, else min(8, floor(10 strength))
};
LabelLayout layout_from_name(const std::string& name);  // "png", "pssl", "pssl-levels"

struct LabelStoreOptions {
  std::string folder;
  LabelLayout layout = LabelLayout::kPng;
  LabelSpace space;
  std::vector<std::string> class_names;  // of the label values; written to classes.txt
  std::vector<Rgb> colours;
  std::vector<std::string> wnids;  // published layouts: folder of each class
  bool flatten =
      false;  // published layouts: of several classes keep the one with most pixels (the file lies in its
              // folder), ignored pixels become background; without it such labels are refused
  bool overwrite = false;
  std::int64_t shard = 0, shards = 1;
  std::vector<Item> others = {};  // of the data set, behind those of begin() and not asked for now: what
                                  // earlier runs made of them stays in the manifest
  JsonObject job;  // what was asked for: written to job.json; its hash stands in every manifest line
};

/// Files in the folder:
///
///   manifest.jsonl   one line per item, in the order of the data set: {"id", "image", "label", "classes"
///                    (of the image labels, as classes.txt numbers them), "job", ...}; without "label" if the
///                    item got none
///   failures.jsonl   {"id", "stage", "error"}; absent if there are none
///   job.json         what was asked for;  classes.txt  INDEX tab NAME (PNG) or INDEX tab WNID tab NAME
///   (published layouts)
///   train.txt, imagenet_lsvrc_2015_synsets.txt   there: the labels, the folders of the classes
///   journal/         while work is left: a journal per shard (explain/label_journal.h), files being written
///
/// Label files are written under a temporary name in journal/ and renamed, then their line goes to the
/// shard's journal. Once every item of the data set has a line or failed, whoever comes last joins the
/// journals: the manifest does not depend on the shards, nor on how often they were killed. journal/ goes
/// away when nothing failed. An item is done if its newest line was made by the same job from the same image
/// labels, and its file is there.
///
/// Nothing grows with the number of pictures but 40 bytes each; journals are read and joined as streams.
class LabelStore {
 public:
  /// The job is `options.job` with the names of the classes and `flatten`. Throws Error if the folder holds
  /// labels of another one, unless `overwrite`, which removes them and what came from them (but maps/ and
  /// classifiers.json, which are of the members); the text names what differs.
  explicit LabelStore(LabelStoreOptions options);

  /// Before any item: all items of the data set, of which every shards-th is this shard's. Class c of an item
  /// is the label value c + shift. Opens the journal. Throws Error if two of the items would be written to
  /// one file, or if another process has this shard.
  void begin(const std::vector<Item>& items, int shift = 0);
  /// Throws Error if two of the items would be written to one file. For items that are not known before;
  /// begin() does it.
  void check_names(const std::vector<Item>& items) const;
  bool done(const Item& item) { return line_of(item) != nullptr; }
  /// Writes the label int32 [H, W] and its line: the entry with id, image, label, classes and job in front.
  /// levels: for kPsslLevels, of each class that the label may have, in the label's size (pssl_levels()).
  /// Safe from several threads.
  void write(const Item& item, const std::string& image, const Tensor& label, const JsonObject& entry,
             const std::map<int, Tensor>& levels = {});
  /// What stands beside a label, as its maps: write(temporary name), then it is moved to `file` below the
  /// folder. To be called before write(), whose line says that all is there. Safe from several threads.
  void put(const std::string& file, const std::function<void(const std::string& temporary)>& write);
  /// A line without a label, for pictures that get none by choice.
  void skip(const Item& item, const std::string& image, const std::string& reason);
  /// A line for failures.jsonl. Throws Error if it was the disk that failed, not the item: then the job ends,
  /// and goes on once there is room.
  void fail(const Item& item, const std::string& stage, const std::string& error);

  const std::string& folder() const { return options_.folder; }
  LabelLayout layout() const { return options_.layout; }

  /// Ends the shard's journal. If all shards have ended theirs: joins them, and calls joined() while the
  /// journals are still there. Throws Error if one of them was made by another job, as by another instruction
  /// set.
  void finish(const std::vector<Item>& order, const std::function<void()>& joined = {});

 private:
  std::string path(const std::string& name) const { return options_.folder + "/" + name; }
  std::vector<int> values_of(const Item& item) const;  // of its classes
  const LabelLines::Line* line_of(const Item& item);
  bool file_is_there(const Item& item) const;
  /// Writes a file anew. What a killed process leaves half written lies in journal/, which goes away.
  void replace(const std::string& name, const std::string& text) const;
  /// The one class of a label in the published layouts.
  int object_of(const Item& item, const Tensor& label) const;
  Bytes encode(const Tensor& label, int object, const std::map<int, Tensor>& levels) const;
  std::string png_name(const Item& item) const;
  std::string published_name(const Item& item, int object) const;
  /// Throws Error; with `all` no other label can be written either.
  [[noreturn]] void give_up_on(const std::string& temporary, const std::string& why, bool all);
  void write_line(const JsonObject& line);
  bool all_ended() const;
  void check_jobs() const;
  /// Lines of the manifest whose label was corrected since (explain/label_import.h) and is there, by id. They
  /// are newer than those of journals.
  std::map<std::string, std::string> corrected_lines() const;
  /// Whether every item of the data set had its line.
  bool join(const std::vector<Item>& order);
  void write_class_file() const;
  void clear() const;

  LabelStoreOptions options_;
  std::string job_;
  int shift_ = 0;
  LabelLines known_;
  std::unique_ptr<LabelJournal> journal_;
  std::mutex mutex_;
  std::string broken_;  // why nothing more can be written
  std::int64_t failed_ = 0, files_ = 0;
};

/// 16 hexadecimal digits: FNV-1a of the job's JSON.
std::string job_hash(const JsonObject& job);
/// The first place where two jobs differ, as their files show it: 'there "isa": "avx2", here "isa":
/// "avx512"'.
std::string job_difference(const JsonObject& there, const JsonObject& here);

}  // namespace clearcut
