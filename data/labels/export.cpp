#include "data/labels/export.h"

#include <filesystem>

#include "data/file_names.h"
#include "tensor/error.h"
#include "tensor/interrupt.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

// Other tools know pictures by their names with the ending.
std::string picture_name(const Item& item) {
  return is_picture_name(item.name) ? item.name : item.name + fs::path(item.image).extension().string();
}

LabelRecord record_of(const Dataset& data, const Item& item, const LabelLegend& legend) {
  LabelRecord record{.picture = picture_name(item),
                     .image = item.image,
                     .classes = item.classes,
                     .labels = read_mask(data, item)};
  for (const std::int32_t value : values_in(record.labels))
    check(legend.knows(value), "labels", item.mask, ": value ", value, " is neither a class nor the ignored ",
          legend.ignore);
  return record;
}

}  // namespace

LabelExportCounts export_labels(const Dataset& data, const LabelExportOptions& options) {
  check(data.masks != MaskFormat::kNone, "labels", "the data set ", data.root, " has no masks to export");
  check(!fs::exists(options.folder) || fs::is_empty(options.folder), "labels", "the folder ", options.folder,
        " is not empty; export into a new one");
  const LabelFileFormat& format = label_file_format(options.format);
  const LabelLegend legend = legend_of(data);
  fs::create_directories(options.folder);
  const std::unique_ptr<FileSink> sink =
      options.shard_bytes > 0 ? tar_sink(options.folder, options.shard_bytes) : folder_sink(options.folder);
  const std::unique_ptr<LabelWriter> writer = format.writer(
      *sink, legend, {.folder = options.folder, .flatten = options.flatten, .minus_one = options.minus_one});
  LabelExportCounts counts;
  std::int64_t done = 0;
  for (const Item& item : data.items) {
    stop_if_interrupted("label export", "give it a new folder");
    try {
      if (!item.mask.empty()) {
        writer->write(record_of(data, item, legend));
        ++counts.written;
      }
    } catch (const Error& error) {
      if (sink->broken()) throw;
      counts.failures.push_back({.id = item.name, .stage = "export", .error = error.what()});
    }
    if (options.progress) options.progress(++done);
  }
  writer->finish();
  sink->finish();
  write_failures(options.folder + "/failures.jsonl", counts.failures);
  return counts;
}

}  // namespace clearcut
