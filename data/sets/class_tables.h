// Classes of the published data sets: names as their authors write them, and colours where they give some.
#pragma once

#include <string>
#include <vector>

#include "data/label_png.h"

namespace clearcut {

struct ClassTable {
  std::vector<std::string> names;
  std::vector<Rgb> colours;  // empty: the VOC palette will do
};

ClassTable voc_classes();         // 21, background first
ClassTable context_classes();     // 60: background, then the order of the authors' 59_labels.txt
ClassTable ade20k_classes();      // 150
ClassTable cityscapes_classes();  // 19
ClassTable coco_stuff_classes();  // 171: 80 things, 91 stuff
ClassTable camvid_classes();      // 11
ClassTable camvid32_classes();    // 31; the 32nd, Void, is ignored

}  // namespace clearcut
