// Looking at a whole data set before any work: what is wrong, the likely cause, and the fix.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/json.h"

namespace clearcut {

enum class Severity { kError, kWarning };

/// One kind of problem, with every item that has it.
struct Finding {
  std::string kind;  // "unreadable picture", "label value outside the classes", ...
  Severity severity = Severity::kError;
  std::string cause, fix;
  std::vector<std::string> details;  // one line per item: "NAME: what"
};

struct DataReport {
  std::int64_t items = 0;
  std::vector<Finding> findings;  // errors first, then by number of items

  std::int64_t pixels = 0, ignored_pixels = 0;  // of all masks
  std::vector<std::int64_t> class_pixels;       // per class, from masks
  std::vector<std::int64_t> class_pictures;  // per class: masks with it, or image labels where there are none
  std::int64_t unlabelled_pictures = 0;      // neither mask nor image label
  std::map<std::string, std::int64_t> sizes;    // "HxW" -> pictures
  std::map<std::string, std::int64_t> formats;  // "picture jpeg", "mask 8-bit gray", ... -> files
  std::int64_t turned_by_exif = 0;              // pictures with an orientation other than upright
  std::vector<std::uint64_t>
      contents;  // per item: hash of pixels, without decoding of the file; 0: unreadable
};

struct CheckOptions {
  PictureOptions picture = {};
  bool decode = true;  // decode every picture; off: headers only, which finds no damage behind them
  std::function<void(std::int64_t done)> progress = {};  // called from one thread at a time
};

/// Reads every picture and mask. Never throws for a bad item: it becomes a finding. Throws Interrupted after
/// Ctrl-C. Looks for
///
///   errors    missing and unreadable pictures and masks (data/check_causes.h says why), masks of another
///             size, label values outside the classes, masks that hold colours, image labels outside the
///             classes, masks of other pictures, masks of 0 and 255, masks that all hold one value
///   warnings  classes that no item has, masks that are all ignored, most pixels ignored, equal pictures
///             under two names (equal pixels; without decoding, equal files), pictures that EXIF would turn,
///             classes that are not known
DataReport check_data(const Dataset& data, const CheckOptions& options = {});

/// What only shows when training and validation data stand side by side:
///
///   errors    the same picture in both, whatever its name; class lists that differ
///   warnings  classes that only one of them has
///
/// Compares the hashes in both reports: no file is read again. A picture that was scaled, or compressed with
/// loss, has other pixels and is not recognised.
std::vector<Finding> compare_splits(const Dataset& train, const DataReport& of_train, const Dataset& val,
                                    const DataReport& of_val);
bool has_errors(const std::vector<Finding>& findings);

/// The report as text for people: findings with cause, fix and up to `examples` items each.
std::string describe(const DataReport& report, const Dataset& data, std::size_t examples = 5);
std::string describe(const std::vector<Finding>& findings, std::size_t examples = 5);
/// A table of classes: pixels, share of counted pixels, pictures; then sizes and formats.
std::string describe_statistics(const DataReport& report, const Dataset& data);
JsonObject to_json(const DataReport& report, const Dataset& data);
std::vector<JsonObject> to_json(const std::vector<Finding>& findings);

}  // namespace clearcut
