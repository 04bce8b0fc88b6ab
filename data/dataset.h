// Data sets: which pictures there are, and what is known about each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/label_png.h"
#include "data/picture.h"

namespace clearcut {

/// One picture. `name` is its path relative to the data set, with '/', unique; `id` is hash_name(name): the
/// item part of every random key, so it does not depend on the order or on the machine's folders.
struct Item {
  std::uint64_t id = 0;
  std::string name;
  std::string image;         // path to open
  std::string mask;          // path to open; empty: no mask
  std::vector<int> classes;  // image labels, ascending, each once; empty: none known
  std::string weights = {};  // path to open: how much each pixel of the mask counts; empty: all alike
};

enum class MaskFormat {
  kNone,
  kPng,       // label PNG: stored value = gray value or palette index
  kPsslNpz,   // arr_0: 1 = object of class classes[0], anything else background
  kColours,   // colour PNG: stored value = place of the colour in mask_colours
  kTwoBytes,  // colour PNG: stored value = R + 256 G (ImageNet-S)
  kMat,       // MATLAB file: stored value = element of the array mask_variable
};

struct Dataset {
  std::string root;
  std::vector<Item> items;
  std::vector<std::string> class_names;  // index = class; with background where the masks have it
  std::vector<std::string> wnids;        // of the classes, where the class file has them; pssl: the folders
  std::vector<Rgb> colours;              // one per class, from classes.txt or the VOC palette
  MaskFormat masks = MaskFormat::kNone;
  int ignore = 255;     // label value that counts for nothing; also the padding value
  int background = -1;  // class index of the background; -1: none
  bool pssl_minus_one_ignored = false;
  std::vector<std::int32_t> mask_classes = {};  // stored value -> class, ignore, or -1: no such value; empty:
                                                // a stored value is a class
  std::vector<Rgb> mask_colours = {};           // kColours
  std::string mask_variable = {};               // kMat
};

/// What to open. Paths are relative to root. Lines that are empty or start with '#' are left out of lists.
///
///   format   list file                      finds
///   list     IMAGE LABEL [WEIGHTS]          masks (CamVid); LABEL may be missing: pictures only
///   voc      ID                             images/ID.jpg, masks/ID.png (or JPEGImages, SegmentationClass)
///   classes  IMAGE CLASS [anything]         one class index per picture (Imagenette, ImageNet lists)
///   folders  none, or IMAGE per line        one folder per class; classes are the folders in order of name
///   csv      image,classes[,split,...]      image labels joined by '+' or ';', names or indices
///   pssl     LABEL or IMAGE                 the published layout, see data/pssl_layout.h; its list may lie
///                                           beside the labels
///   labels   a manifest.jsonl               {"image", "label", "classes"}: label PNGs that clearcut wrote
///
/// or a data set as its authors publish it, see data/sets/published.h: voc2012, pascal-context, ade20k,
/// cityscapes, coco-stuff, camvid, camvid32, imagenet-s. `split` chooses a part (default train); classes,
/// colours and the ignored value 255 (ImageNet-S: 1000) are built in. Pictures and masks that list and
/// classes name may lie in tar shards in the root (`clearcut data pack`).
struct DatasetSpec {
  std::string format;
  std::string root;
  std::string list = {};     // default by format: train.txt, labels.csv, manifest.jsonl, none for folders
  std::string split = {};    // csv: keep rows with this split; empty: all. Published sets: train, val, ...
  std::string classes = {};  // class file; default classes.txt beside the labels or in the root
  std::string labels = {};   // pssl, labels: folder of the labels, default root
  std::string images = {};   // voc, csv, labels, pssl: folder of the pictures, default images / root
  std::string masks = {};    // voc: folder of the masks; csv: of masks (same path or
                             // file name) to score against, default none
  int ignore = 255;          // pssl: always classes + 1 (1001), background: classes (1000)
  std::int64_t limit = 0;    // keep the first so many items; 0: all
  bool pssl_minus_one_ignored = false;  // pssl: -1 in arr_0 is ignore; the released code makes it background
  bool pixel_weights = false;           // list, labels, pssl: weights of items that have them; off: without
};

/// Throws Error: a missing folder, list or class file (naming what was looked for), a line that does not fit
/// (file:line), a class out of range, an item twice, no item at all. Pictures themselves are not opened.
Dataset open_dataset(const DatasetSpec& spec);

/// The names of all formats, in the order of the tables above.
std::vector<std::string> dataset_formats();

/// The label map of an item, int32 [H, W]. Errors name the file. PSSL npz: background everywhere, the
/// picture's class where arr_0 is 1. A stored value v (or colour 65536 R + 256 G + B) that stands for no
/// class becomes -1 - v, which check_mask() refuses.
Tensor read_mask(const Dataset& data, const Item& item);
/// The same with how it was stored: "8-bit gray", "8-bit palette", "colours", "npz", "ten levels", "mat".
struct StoredMask {
  Tensor labels;
  std::string stored;
};
StoredMask read_stored_mask(const Dataset& data, const Item& item);
/// A value that read_mask() gave, as people know it: "7", "colour (1, 2, 3)".
std::string label_value_text(const Dataset& data, std::int32_t value);

/// The pixel weights of an item in steps of 1/255, int32 [H, W], from a gray PNG. Throws Error that names the
/// file unless it has the size of the labels and values 0 to 255.
Tensor read_weights(const Item& item, const Tensor& labels);

/// Throws Error that names the files unless the labels have the picture's size (PSSL npz: the same ratio of
/// sides) and hold classes and the ignore value only.
void check_mask(const Dataset& data, const Item& item, const Tensor& labels, std::int64_t height,
                std::int64_t width);

/// Lines of a class file: "INDEX NAME [R G B]", "INDEX<tab>NAME<tab>...", "INDEX<tab>WNID<tab>NAMES" or one
/// WNID alone. Indices run 0, 1, 2, ...; a last line that leaves a gap (255 after 5) names the ignored value.
struct ClassFile {
  std::vector<std::string> names;
  std::vector<std::string> wnids;  // empty where the file has none
  std::vector<Rgb> colours;        // empty where the file has none
  int ignored = -1;                // the last line's index if it leaves a gap
};
ClassFile read_class_file(const std::string& path);

/// The items of `data` whose names a text file lists, in its order; throws Error on a name that is not there.
Dataset select_items(const Dataset& data, const std::string& list_path);

}  // namespace clearcut
