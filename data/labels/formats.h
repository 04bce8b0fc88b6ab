// The file formats of labels, one row each: what is written where, what survives, how to write and to read
// it. docs/formats.md specifies them byte by byte.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/labels/files.h"
#include "data/labels/legend.h"

namespace clearcut {

struct LabelWriteOptions {
  std::string folder = {};  // where the files come to lie: labelme names pictures relative to it
  bool flatten = false;     // published layouts: of several classes keep the one with most pixels; without it
                            // such labels are refused
  bool minus_one = false;  // pssl-npz: ignored pixels become -1; without it they are refused (background with
                           // flatten)
};

struct LabelReadOptions {
  bool minus_one_ignored = false;  // pssl-npz: -1 is ignore; the released loader makes it background
  int level = 9;                   // pssl-levels: the object from this level on
  std::size_t max_bytes = std::size_t{1} << 30;  // of one label, H * W * 4
};

/// Writes labels, one after another. What a format has one file of for all pictures is kept in memory until
/// finish(): about 1 KB per picture.
class LabelWriter {
 public:
  virtual ~LabelWriter() = default;
  /// Throws Error that names the picture: a label that the format cannot hold.
  virtual void write(const LabelRecord& record) = 0;
  /// Lists, class files, indices.
  virtual void finish() {}
};

/// Called for each label that a source holds, in the order of its files: the picture's path (it may lack the
/// ending), the file, and how to read it. read() throws Error that names the file.
using TakeLabel = std::function<void(const std::string& picture, const std::string& file,
                                     const std::function<LabelRecord()>& read)>;

struct LabelFileFormat {
  std::string name;   // of `label export --to` and `label import --from`
  std::string files;  // what lies where
  std::string keeps;  // what of a label survives
  std::function<std::unique_ptr<LabelWriter>(FileSink&, const LabelLegend&, const LabelWriteOptions&)> writer;
  /// Throws Error if the source holds no label of this format, or its one file is damaged.
  std::function<void(const FileSource&, const LabelLegend&, const LabelReadOptions&, const TakeLabel&)> read;
};

const std::vector<LabelFileFormat>& label_file_formats();
/// Throws Error that lists the names.
const LabelFileFormat& label_file_format(const std::string& name);
std::vector<std::string> label_file_format_names();

/// For readers: an empty label of this size, all background (ignored if the legend has no background). Throws
/// Error that starts with `where` for sides below 1 and more than max_bytes.
Tensor blank_label(std::int64_t height, std::int64_t width, const LabelLegend& legend,
                   const LabelReadOptions& options, const std::string& where);
/// The value of a class by name. Throws Error that starts with `where` and lists the classes.
int value_named(const LabelLegend& legend, const std::string& name, const std::string& where);

// The rows: formats with one file per picture, and those with one file for all.
std::vector<LabelFileFormat> array_label_formats();    // pssl-npz, pssl-levels
std::vector<LabelFileFormat> picture_label_formats();  // png-palette, png16, voc, imagenet-s
LabelFileFormat labelme_format();
std::vector<LabelFileFormat> coco_formats();  // coco-rle, coco-polygons
LabelFileFormat cvat_format();

}  // namespace clearcut
