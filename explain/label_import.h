// Labels that people corrected, read back into a folder of pseudo labels, with who did it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/jsonl.h"
#include "data/labels/formats.h"

namespace clearcut {

struct LabelImportOptions {
  std::string source;     // file or folder, see FileSource
  std::string format;     // of label_file_formats()
  std::string folder;     // the folder of labels
  std::string by = {};    // who made the corrections
  std::string when = {};  // when; empty: as each file was last changed, as 2026-11-22T18:00:00Z
  LabelReadOptions read = {};
  std::string classes = {};  // a new folder: its class file; background is put in front if it has none
  std::string images = {};   // a new folder: of the pictures, where the source's names lack their endings
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};
};

struct LabelImportCounts {
  std::int64_t corrected = 0;  // labels that changed
  std::int64_t unchanged = 0;  // labels equal to what was there: they are left alone
  std::int64_t added = 0;      // labels of a new folder
  std::vector<Failure> failures;
};

/// Into a folder that has a manifest.jsonl: every label of the source replaces that of its picture. Pictures
/// are found by their path without ending, or by their file name if that is the name of one picture only.
/// What the machine made is kept as originals/<label file>, once. The picture's line in the manifest gets, at
/// the end of its list "corrections",
///
///   {"by", "when", "format", "file", "sha256" (of the file),
///    "changed" (share of the pixels, against the original), "coverage", "ignored" (shares of the new label),
///    "label_sha256" (of its file), "original"}
///
/// Pixel weights of a corrected label become 1. `label fuse` leaves such labels alone, as it does all that
/// are done. Running it again changes nothing; after Ctrl-C the manifest is whole, and after a kill between
/// two labels the next run completes it.
///
/// Into a new folder: labels are written as `label fuse` writes PNG labels, and "made" in the manifest holds
/// {"coverage", "ignored", "imported": {"by", "when", "format", "file", "sha256"}}. Where some failed, the
/// same import tries them again, and corrects what it made before.
///
/// A label that cannot be read, is of another size than the one it replaces, or of no picture or of several:
/// listed as failures, the rest goes on. Throws Error for an empty `by`, and where the source or the folder
/// cannot be read; nothing is changed then.
LabelImportCounts import_labels(const LabelImportOptions& options);

}  // namespace clearcut
