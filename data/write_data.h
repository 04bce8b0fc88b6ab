// A data set written anew: as plain files that every tool reads, or packed into tar shards.
//
//   images/NAME, masks/STEM.png, weights/STEM.png, train.txt, classes.txt
//        a folder: IMAGE tab MASK per line, and tab WEIGHTS where the pixels of the mask have weights
//   shard-00000.tar ..., index.jsonl, train.txt, classes.txt
//        shards; each holds NAME, STEM.mask.png, STEM.weights.png and STEM.cls side by side, as WebDataset
//        has them
//
// Both are opened again as format list (or classes, where there are image labels but no masks).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/jsonl.h"

namespace clearcut {

struct WriteDataOptions {
  std::string folder;              // a new or an empty one
  std::int64_t shard_bytes = 0;    // tar shards of this size; 0: plain files
  std::string list = "train.txt";  // name of the list
  std::int64_t longest = 0;        // scale so that the longest side is at most this; 0: as is
  std::map<std::int32_t, std::int32_t> values = {};  // label value -> label value, before anything is checked
  std::vector<std::string> names = {};               // of the classes after that; empty: as they are
  std::function<void(std::int64_t done)> progress = {};
};

/// "255:1,0:0,7:ignore" -> values; `ignore` is the data set's. Throws Error that shows the part.
std::map<std::int32_t, std::int32_t> parse_value_map(const std::string& text, int ignore);

/// The same data set whose masks are colour pictures in the class file's colours; the colour of `ignore` in
/// the VOC palette is ignored. Throws Error if two classes have one colour.
Dataset with_colour_masks(Dataset data);

/// Pictures are copied byte by byte, so that they decode as before, unless they are scaled (antialiased; then
/// they become PNG). Masks become label PNGs of class indices, labels by nearest neighbour: 8 bits with the
/// data set's colours and 255 for ignored pixels, or 16 bits and 65535 with more than 255 classes. Pixel
/// weights that items have go where the masks go, 8-bit gray. Masks (PSSL npz) and weights of another size
/// than the picture get its size. The same data give the same bytes.
/// Items that fail are left out, returned, and listed in folder/failures.jsonl. Throws Error for a folder
/// that is not empty, a full disk, and two items of one name.
std::vector<Failure> write_data(const Dataset& data, const WriteDataOptions& options);

}  // namespace clearcut
