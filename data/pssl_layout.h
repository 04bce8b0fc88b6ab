// The published layouts of pseudo labels: which file lies where.
//
//   ROOT/train/<wnid>/<name>.JPEG_eiseg.npz      arr_0: 1 = object of the folder's class, else background
//   ROOT/train/<wnid>/<name>.JPEG.png            or ten levels: 9 = object, less = background, 255 = ignored
//   ROOT/shard-00000.tar ..., index.jsonl        or the same packed (data/labels/files.h)
//   ROOT/train.txt                               one such path per line
//   ROOT/imagenet_lsvrc_2015_synsets.txt         WNIDs, one per line: line number = class
//   IMAGES/train/<wnid>/<name>.JPEG              the pictures, as ImageNet has them
//
// Source: PaddleSeg, paddleseg/datasets/pssl.py; the ten levels: its pull request 1563.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"

namespace clearcut {

class FileSource;
class JsonObject;

inline constexpr std::string_view kPsslSuffix = "_eiseg.npz";
inline constexpr std::string_view kPsslLevelsSuffix = ".png";  // behind .JPEG
inline constexpr std::int32_t kPsslTopLevel = 9, kPsslIgnoredLevel = 255;
inline constexpr std::string_view kPsslList = "train.txt";
inline constexpr std::string_view kPsslSynsets = "imagenet_lsvrc_2015_synsets.txt";

/// train/<wnid>/<name>.JPEG_eiseg.npz; .JPEG whatever ending the picture has: readers cut the path there.
std::string pssl_label_path(const std::string& wnid, const std::string& picture);
/// The same path without its suffix, of either layout: train/<wnid>/<name>.JPEG, the name of an item.
std::string pssl_name(const std::string& label_path);

/// Whether a path that a manifest names is a label of either layout.
bool is_published_label(const std::string& label_path);

/// Of a PNG of ten levels: 0 to 9, and 255 for ignored pixels, int32 [H, W]. Throws Error that starts with
/// `where` for other values, and what decode_label_png() throws.
Tensor decode_pssl_levels(ByteView bytes, const std::string& where,
                          std::size_t max_bytes = std::size_t{1} << 30);

/// The file of pixel weights that a line of a manifest names, "" if none.
std::string weights_in(const JsonObject& line);

/// A folder of such labels, and the pictures that they belong to.
class PsslFolder {
 public:
  /// Reads ROOT/manifest.jsonl if `label fuse` left one: it says where each picture lies below IMAGES.
  PsslFolder(std::string root, std::string images);

  const std::string& root() const { return root_; }
  /// Classes with WNIDs: of the class file, else of ROOT/imagenet_lsvrc_2015_synsets.txt, else the folders
  /// under ROOT/train in order of name.
  ClassFile classes(const std::string& class_file) const;
  /// ROOT/NAME (default train.txt), or "" if it is not there.
  std::string list(const std::string& name = "") const;
  /// Of all labels below ROOT/train.
  std::vector<std::string> names() const;
  /// The array if it is there, or else the levels.
  std::string label(const std::string& name) const;
  /// What exists first: where the manifest says; IMAGES/train/<wnid>/<name>.JPEG; a picture of that name with
  /// another ending there, in IMAGES/<wnid>, or in IMAGES. The second if there is none, so that reading it
  /// names a file.
  std::string picture(const std::string& name) const;
  /// Of the pixel weights, below ROOT, as the manifest says; "" if it names none.
  std::string weights(const std::string& name) const;

 private:
  std::shared_ptr<const FileSource> shards_;  // set if the labels lie in shards
  std::string root_, images_;
  std::map<std::string, std::string> by_manifest_;  // label path -> picture
  std::map<std::string, std::string> weights_;      // label path -> weights
};

}  // namespace clearcut
