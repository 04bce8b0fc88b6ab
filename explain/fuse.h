// From pictures with class labels to pseudo masks: explain, average, cut, write.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "explain/ensemble.h"
#include "explain/kept_maps.h"
#include "explain/label_store.h"
#include "explain/refine.h"

namespace clearcut {

enum class Unlabelled : std::uint8_t { kSkip, kBackground };

struct FuseOptions {
  LabelRule rule;
  Refinement refine = {};                     // of the strengths, before the rule's thresholds
  double vote_at = 0.5;                       // Measure::kVotes: bar of a member's min-max scaled share
  Unlabelled unlabelled = Unlabelled::kSkip;  // pictures without a class: no label, or all background
  bool keep_consensus = false;                // also write E: consensus/<id>.<class>.png, 16-bit gray
  bool member_scores = false;                 // cosine(e_k, E) of each member; takes a second pass
  std::optional<KeepOptions> keep_maps = {};  // maps/<id>.npz; labels are made from what is kept, and second
                                              // passes explain nothing
  bool pixel_weights = false;                 // also write pixel_weights() beside the labels
  PictureOptions picture;
  std::int64_t chunk = 16;         // pictures in memory at a time
  std::int64_t max_failures = -1;  // stop after so many; -1: never
  std::function<void(std::int64_t done, std::int64_t total, const std::string& note)> progress = {};
};

struct FuseCounts {
  std::int64_t made = 0, skipped = 0, there = 0, failed = 0;
};

/// The values that labels of a data set get. A data set with a background class keeps its ids; else
/// background is 0 and class c becomes c + 1 (PNG), or the ids stay and the loader makes background C (PSSL).
struct LabelPlan {
  LabelSpace space;
  int shift = 0;                         // label value = class + shift
  std::vector<std::string> class_names;  // of the label values (PNG); of the classes (PSSL)
  std::vector<Rgb> colours;
  std::vector<std::string> folders;  // PSSL: of each class: its WordNet id, or else its name
};
/// Throws Error for PSSL if a class has no name that a folder can have.
LabelPlan plan_labels(const Dataset& data, LabelLayout layout);
/// Throws Error if the layout cannot hold the pixels that the rule leaves undecided.
void check_layout(LabelLayout layout, bool flatten, const LabelRule& rule);

/// For each item of this shard that is not done: read, explain every label by every member, average, cut by
/// the rule, enlarge to the picture's size (nearest), write. Manifest lines carry "made":
///   {"coverage", "ignored", "agreement" (per class, null where no member speaks), "empty" (classes whose
///   consensus says nothing),
///    "members": [{"classifier", "class", "probability", "right", "weight", "scores", "empty_maps"}],
///    "weights" (file, with pixel_weights), "isa" (instruction set)}
/// Classes there, in names of consensus maps and in kept maps are label values, as classes.txt names them.
/// At the end classifiers.json ranks the classifiers over the whole manifest (explain/classifier_ranks.h).
/// A picture that cannot be read, a consensus that says nothing for every class, a label that the layout
/// cannot hold: listed as failures, the rest goes on. Throws Interrupted between chunks after Ctrl-C; what is
/// done stays done. Two pictures whose labels would be one file are an Error before any work. The same bits
/// for any chunk, shard, budget and number of threads.
FuseCounts fuse(const Dataset& data, Members& members, LabelStore& store, const LabelPlan& plan,
                std::int64_t shard, std::int64_t shards, const FuseOptions& options);

/// The job as provenance: classifiers with hashes of their files, explainers, variant, rule, seed, framing,
/// instruction set.
JsonObject describe_job(const Members& members, const std::vector<std::string>& classifier_hashes,
                        const FuseOptions& options);
std::vector<std::string> file_hashes(const std::vector<std::string>& paths);
/// The same for maps that are fused again: what the job that kept them says about classifiers and maps stays.
/// With the same settings it is that job again.
JsonObject describe_job(const KeptMembers& members, const FuseOptions& options);

/// FNV-1a over the bytes of a file, or over names and bytes of all files in a folder: 16 hex digits.
std::string file_hash(const std::string& path);

/// Decodes pictures on all threads; an entry with an error text has no picture.
struct ReadPicture {
  Tensor picture;
  std::string error;
};
std::vector<ReadPicture> read_pictures(const std::vector<Item>& items, const PictureOptions& options);

/// The path of an item's picture relative to the data set's root; absolute if it lies elsewhere.
std::string image_path(const Dataset& data, const Item& item);

/// Where keep_consensus writes: E min-max scaled (or the votes) to 0 .. 65535. value: of the class in labels.
std::string consensus_path(const std::string& folder, const Item& item, int value);

/// What is to be added to a class of a data set to get its value in a folder of labels, found by the names in
/// FOLDER/classes.txt: 0, or 1 or -1 where only one of them counts a background first. Throws Error if the
/// folder's classes are others.
int value_shift(const std::string& folder, const std::vector<std::string>& class_names);

/// Where pixel_weights() are written, below the labels' folder: weights/<picture name>.png, 8-bit gray, 255
/// stands for 1, in the size of the label.
std::string weights_path(const Item& item);

}  // namespace clearcut
