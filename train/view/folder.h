// What there is to see in a folder that clearcut wrote: pictures with their maps, masks and numbers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "data/json.h"

namespace clearcut {

struct ViewOptions {
  std::string folder;
  std::string images = {};  // folder of the pictures; empty: where the folder says
  std::string masks = {};   // folder of true masks, label PNGs named as the pictures; empty: none
  std::int64_t limit = 0;   // the first so many items; 0: all
};

/// Items are pictures, numbered from 0 in the folder's own order. What they hold is read when asked for:
/// memory is 8 bytes for an item, and the names where the folder has no list of them.
class ViewFolder {
 public:
  virtual ~ViewFolder() = default;
  virtual std::int64_t size() const = 0;
  /// {"kind", "facts": [{"name", "value"}], "classes", "colours" (#rrggbb), "background", "ignore", and with
  /// a rule "measure" and "threshold"}. Label values are indices of classes and colours.
  virtual JsonObject about() const = 0;
  /// {"name", "note"}: a line of the list of items.
  virtual JsonObject row(std::int64_t item) const = 0;
  /// {"name", "picture" (data URI), "width", "height", "upright" (see add_picture()), or "problem",
  ///  "facts": [{"name", "value"}], "tables": [{"title", "head", "rows": [{"cells"}]}], "layers"}. A layer is
  ///
  ///   {"kind": "labels", "name", "width", "height", "runs"}: row by row: value, length, value, ...
  ///   {"kind": "map", "name", "width", "height", "values"}: base64 of bytes, 0 to 255 over the map's range;
  ///     with "label": the class that it stands for, and "together" for a consensus, 0 to 255 over 0 to 1:
  ///     those of several classes make one mask
  virtual JsonObject item(std::int64_t item) const = 0;
};

/// Opens, by what is in it, a folder of `label fuse` (manifest.jsonl), of `explain` (index.jsonl), of
/// `predict` (NAME.png with classes.txt), or any other (no items: reports and metrics alone).
/// Label, map and mask files are read only where they lie in the folders given, links followed; a picture is
/// read where the manifest says, and only as a picture. Throws Error if there is no such folder, and for the
/// tar shards of `label export`.
std::unique_ptr<ViewFolder> open_view(const ViewOptions& options);

}  // namespace clearcut
