// Label files that NumPy, Pillow and Python's tarfile made (tests/golden/data/labels.py).
#pragma once

#include <string>
#include <vector>

#include "data/labels/formats.h"
#include "tensor/npy.h"

namespace clearcut::test {

inline const NamedTensors& label_files() {
  static const NamedTensors arrays = read_npz("tests/golden/data/labels.npz");
  return arrays;
}
inline Tensor golden(const std::string& key) { return find_array(label_files(), key, "labels.npz"); }
inline Bytes golden_file(const std::string& name) { return golden("file:" + name).values<std::uint8_t>(); }
inline std::string golden_text(const std::string& name) {
  const Bytes bytes = golden_file(name);
  return {bytes.begin(), bytes.end()};
}

/// Of the golden label map.
inline LabelLegend golden_legend() {
  return {.names = {"background", "cat", "dog", "a <b> & \"c\""},
          .folders = {"background", "n00000001", "n00000002", "n00000003"},
          .colours = voc_palette(4),
          .background = 0,
          .ignore = 255};
}

struct ReadLabel {
  std::string picture, file;
  Tensor labels;
};
/// All labels of a source. An error of one of them comes out.
inline std::vector<ReadLabel> read_all(const std::string& format, const std::string& source,
                                       const LabelLegend& legend, const LabelReadOptions& options = {}) {
  std::vector<ReadLabel> labels;
  label_file_format(format).read(FileSource(source), legend, options,
                                 [&](const std::string& picture, const std::string& file, const auto& read) {
                                   labels.push_back({picture, file, read().labels});
                                 });
  return labels;
}

}  // namespace clearcut::test
