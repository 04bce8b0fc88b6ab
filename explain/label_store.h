// A folder of pseudo labels that a killed job can go on with.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"
#include "data/jsonl.h"
#include "explain/pssl.h"

namespace clearcut {

enum class LabelLayout : std::uint8_t {
  kPng,   ///< labels/<picture name>.png: 8-bit palette, or 16-bit gray if an id needs it
  kPssl,  ///< the published layout (data/pssl_layout.h), arr_0 uint8: 1 object, 0 background
};

struct LabelStoreOptions {
  std::string folder;
  LabelLayout layout = LabelLayout::kPng;
  LabelSpace space;
  std::vector<std::string> class_names;  // of the label values; written to classes.txt
  std::vector<Rgb> colours;
  std::vector<std::string> wnids;  // kPssl: folder of each class
  bool flatten = false;  // kPssl: of several classes keep the one with most pixels (the file lies in its
                         // folder), ignored pixels become background; without it such labels are refused
  bool overwrite = false;
  std::int64_t shard = 0, shards = 1;
  JsonObject job;  // what was asked for: written to job.json; its hash stands in every manifest line
};

/// Files in the folder:
///
///   manifest.jsonl   one line per item, in the order of the data set: {"id", "image", "label", "classes",
///                    "job", ...}; without "label" if the item got none
///   failures.jsonl   {"id", "stage", "error"}; absent if there are none
///   job.json         what was asked for;  classes.txt  INDEX tab NAME (PNG) or INDEX tab WNID tab NAME
///   (PSSL) train.txt, imagenet_lsvrc_2015_synsets.txt   PSSL only: the labels, the folders of the classes
///
/// With several shards each writes manifest.part-I-of-N.jsonl; the last one to finish joins them. Label files
/// are written to a temporary name and renamed, before their manifest line. An item is done if its line is
/// there, made by the same job from the same image labels, and its file too.
class LabelStore {
 public:
  /// Throws Error if the folder holds labels of another job, unless `overwrite`.
  explicit LabelStore(LabelStoreOptions options);

  /// Throws Error if two of the items would be written to one file.
  void check_names(const std::vector<Item>& items) const;
  bool done(const Item& item) const;
  /// Writes the label int32 [H, W] and its line: the entry with id, image, label, classes and job in front.
  void write(const Item& item, const std::string& image, const Tensor& label, const JsonObject& entry);
  /// A line without a label, for pictures that get none by choice.
  void skip(const Item& item, const std::string& image, const std::string& reason);
  void fail(const Item& item, const std::string& stage, const std::string& error);

  std::int64_t failed() const { return static_cast<std::int64_t>(failures_.size()); }
  const std::string& folder() const { return options_.folder; }

  /// Sorts the manifest by `order` (all items of the data set) and writes the other files.
  void finish(const std::vector<Item>& order);

 private:
  std::string path(const std::string& name) const { return options_.folder + "/" + name; }
  std::string part(const std::string& stem, std::int64_t shard) const;
  /// Both write a label and return its path below the folder.
  std::string write_npz_label(const Item& item, const Tensor& label);
  std::string write_png_label(const Item& item, const Tensor& label);
  std::string png_name(const Item& item) const;
  std::string npz_name(const Item& item, int object) const;
  void write_manifest(const std::vector<Item>& order);
  void write_class_file() const;

  LabelStoreOptions options_;
  std::string job_;
  std::vector<std::pair<std::string, std::vector<int>>> done_;  // sorted (id, image labels)
  std::vector<Failure> failures_;
  std::unique_ptr<JsonlWriter> manifest_;
};

/// 16 hexadecimal digits: FNV-1a of the job's JSON.
std::string job_hash(const JsonObject& job);

}  // namespace clearcut
