// A data set's labels, written in another format.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/jsonl.h"
#include "data/labels/formats.h"

namespace clearcut {

struct LabelExportOptions {
  std::string folder;            // a new or an empty one
  std::string format;            // of label_file_formats()
  std::int64_t shard_bytes = 0;  // tar shards of this size; 0: a folder of files
  bool flatten = false;          // see LabelWriteOptions
  bool minus_one = false;
  std::function<void(std::int64_t done)> progress = {};
};

struct LabelExportCounts {
  std::int64_t written = 0;
  std::vector<Failure> failures;
};

/// Writes the label of every item that has a mask, in order; the same labels give the same bytes. Labels that
/// cannot be read or that the format cannot hold are failures and stand in folder/failures.jsonl; the rest
/// goes on. Throws Error for a data set without masks, a folder that is not empty, and for a disk that is
/// full.
LabelExportCounts export_labels(const Dataset& data, const LabelExportOptions& options);

}  // namespace clearcut
