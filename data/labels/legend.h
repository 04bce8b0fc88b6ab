// Labels on their way between file formats: what the values mean, and one picture's label.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"

namespace clearcut {

/// What the values of a label map mean.
struct LabelLegend {
  std::vector<std::string> names = {};    // of the values 0 to n - 1
  std::vector<std::string> folders = {};  // WordNet ids, or else the names: the folders of published layouts
  std::vector<Rgb> colours = {};          // one per name
  int background = 0;                     // -1: none
  int ignore = 255;

  /// Files of other tools count classes from 1 and have no class for the background: the values without the
  /// background, in order, are the ids 1, 2, ... ImageNet-S, COCO and CVAT are written so.
  int classes() const;
  int id_of(int value) const;
  int value_of(int id) const;
  /// Values by name; "ignore" is the ignored value and "_background_" the background, whatever their names.
  /// -1 if there is none.
  int value_named(const std::string& name) const;
  /// The reverse: the name of a value, "ignore" for the ignored one. Where the name means another value, as
  /// of ImageNet's two cranes the second, "NAME (VALUE)".
  std::string name_of(int value) const;
  int value_in_folder(const std::string& folder) const;  // -1 if there is none
  bool knows(std::int32_t value) const;
};

LabelLegend legend_of(const Dataset& data);

/// One picture's label.
struct LabelRecord {
  std::string picture;            // path below the folder of pictures, with '/'
  std::string image = {};         // where the picture lies, for tools that open it; may be empty
  std::vector<int> classes = {};  // image labels
  Tensor labels;                  // int32 [H, W], values of the legend
};

/// A picture's path without its ending, by which labels find their pictures: "train/a.JPEG" -> "train/a".
std::string picture_stem(const std::string& picture);

/// The values that occur, ascending.
std::vector<std::int32_t> values_in(const Tensor& labels);

/// The class that most pixels carry, of those that are neither background nor ignored; -1 if none. `classes`
/// becomes their number, `ignored` that of the ignored pixels.
struct MainClass {
  int value = -1;
  std::size_t classes = 0;
  std::int64_t ignored = 0;
};
MainClass main_class(const Tensor& labels, const LabelLegend& legend);

}  // namespace clearcut
