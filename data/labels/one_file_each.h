// What formats with one file per picture share.
#pragma once

#include <optional>
#include <string>

#include "data/labels/formats.h"

namespace clearcut {

struct OneFileEach {
  std::string name, files, keeps;
  /// The file of a record.
  std::string (*path)(const LabelRecord& record, const LabelLegend& legend, const LabelWriteOptions& options);
  /// The picture of a file; none if the file is no label of this format.
  std::optional<std::string> (*picture)(const std::string& file);
  Bytes (*encode)(const LabelRecord& record, const LabelLegend& legend, const LabelWriteOptions& options);
  /// The label of a file, without its picture. `where` names the file in errors.
  LabelRecord (*decode)(ByteView bytes, const std::string& where, const std::string& file,
                        const LabelLegend& legend, const LabelReadOptions& options);
  /// What else is written: `written` holds the files of the labels, one per line.
  void (*finish)(FileSink& sink, const LabelLegend& legend, const std::string& written) = nullptr;
};

LabelFileFormat one_file_each(const OneFileEach& format);

/// classes.txt: INDEX tab NAME per line.
void write_class_list(FileSink& sink, const LabelLegend& legend, const std::string& written);

}  // namespace clearcut
