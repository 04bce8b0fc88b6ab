// A folder that `label fuse` wrote, to be looked at: manifest, label files, kept consensus maps.
#pragma once

#include <optional>
#include <string>

#include "data/dataset.h"
#include "data/json.h"
#include "data/line_index.h"
#include "explain/pssl.h"

namespace clearcut {

/// Reads what is asked for, when it is asked for: memory is 8 bytes for each picture.
class LabelFolder {
 public:
  /// `images`: folder of the pictures; empty: where the job says they were. limit 0: all lines of the
  /// manifest. Throws Error if there is no manifest.
  LabelFolder(std::string folder, std::string images, std::int64_t limit = 0);

  std::int64_t size() const { return lines_.size(); }  // of the manifest
  JsonObject line(std::int64_t i) const;
  const std::string& folder() const { return folder_; }
  const JsonObject& job() const { return job_; }  // job.json; empty without one

  /// Of the label values, the background included; their names and colours may be missing.
  const ClassFile& classes() const { return classes_; }
  std::string class_name(std::int64_t value) const;
  const LabelSpace& space() const { return space_; }

  /// Of a manifest line. Labels int32 [H, W] of either layout, maps int32 [h, w] from 0 to 65535; files are
  /// read only inside the folder, links followed. label() throws Error if it is not there; map() has nothing
  /// if none was kept.
  Tensor label(const JsonObject& line) const;
  std::optional<Tensor> map(const JsonObject& line, std::int64_t value) const;
  std::string image(const JsonObject& line) const;  // path to open
  /// The picture uint8 [H, W, 3], turned as its EXIF orientation says if only then it has the label's size.
  Tensor picture(const JsonObject& line, const Tensor& label) const;

 private:
  std::string folder_, images_;
  LineIndex lines_;
  JsonObject job_;
  ClassFile classes_;
  LabelSpace space_;
};

/// The labels in FOLDER/NAME.png, NAME without the ending of a picture: true masks beside pictures. Undefined
/// if the file is not there.
Tensor mask_beside(const std::string& folder, const std::string& name);

}  // namespace clearcut
