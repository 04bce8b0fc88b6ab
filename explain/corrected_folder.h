// A folder of pseudo labels whose labels people replace, one by one.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/jsonl.h"
#include "data/labels/legend.h"

namespace clearcut {

/// Of a class file as `label fuse` leaves it: the published layout has its background and ignored values
/// behind the classes.
LabelLegend legend_in(const ClassFile& classes, bool published);

/// A line of the manifest.
struct LabelPlace {
  std::string id, label;  // label: file below the folder, empty if the picture has none
  std::string corrected;  // hash of the label's file as its last correction left it, empty if it has none
  std::string weights;    // file of pixel weights below the folder, empty if there is none
};

/// The folder that corrections go into.
class CorrectedFolder {
 public:
  /// Throws Error without a manifest.jsonl or classes.txt.
  explicit CorrectedFolder(std::string folder);
  const LabelLegend& legend() const { return legend_; }
  /// Throws Error unless one picture goes by that name.
  const LabelPlace& find(const std::string& picture, const std::string& file) const;
  /// Where what the machine made is kept.
  std::string original_of(const LabelPlace& place) const { return "originals/" + place.label; }
  /// Copies the label, and its pixel weights, to originals/ unless that was done before.
  void keep_original(const LabelPlace& place) const;
  /// Whether the manifest says who made the label. It does not after a run that was killed.
  bool is_known(const LabelPlace& place) const;
  /// A file of the folder: the place's label, or its original. int32 [H, W], values of the legend.
  Tensor read(const LabelPlace& place, const std::string& file) const;
  /// The label as a file of this folder. Throws Error for one that the folder's layout cannot hold.
  Bytes encode(const LabelPlace& place, const Tensor& labels, bool minus_one) const;
  void write(const LabelPlace& place, const Bytes& file) const;
  /// What a person has drawn counts fully: all pixel weights become 1.
  void trust(const LabelPlace& place, const Tensor& labels) const;
  /// Adds the corrections to the lines of their ids, in one step. Waits while another process rewrites the
  /// manifest.
  void update(const std::map<std::string, JsonObject>& corrections) const;

 private:
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  bool has_original(const LabelPlace& place) const;
  int class_of(const LabelPlace& place) const;
  void add_name(const std::string& name, std::int64_t place);

  std::string folder_;
  bool published_ = false;
  LabelLegend legend_;
  std::vector<LabelPlace> places_;
  std::unordered_map<std::string, std::int64_t> by_path_, by_file_;
};

}  // namespace clearcut
