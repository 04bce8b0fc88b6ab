// PASCAL VOC 2012 with the masks of SBD: the 10,582 training pictures of "VOC-Aug".
//
//   VOC/JPEGImages/ID.jpg, SegmentationClass/ID.png, ImageSets/Segmentation/{train,val}.txt    read
//   SBD/[benchmark_RELEASE/][dataset/]cls/ID.mat, train.txt, val.txt                           read
//   VOC/SegmentationClassAug/ID.png                                                            written
//   VOC/ImageSets/Segmentation/{aug,trainaug}.txt                                              written
//
// Source: Hariharan et al., "Semantic contours from inverse detectors", ICCV 2011.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace clearcut {

struct VocAugCounts {
  std::int64_t train = 0;   // pictures of VOC's own train list
  std::int64_t added = 0;   // of SBD, and in neither of VOC's lists: aug.txt
  std::int64_t in_val = 0;  // of SBD, left out because VOC validates with them
};

/// Writes the masks and lists, in order of name, so that everything is the same whenever it is done.
///
///   aug.txt       SBD train and val less VOC train and val        9,118 in the published data
///   trainaug.txt  VOC train and aug.txt                          10,582
///
/// Masks of VOC's own train pictures are copied, since they are finer than SBD's (which has no ignored
/// border). Throws Error: a folder, list or mask that is missing or damaged, a mask that does not have its
/// picture's size or a class beyond 20. What was written before stays; the lists are written last.
VocAugCounts merge_sbd(const std::string& voc, const std::string& sbd,
                       const std::function<void(std::int64_t done, std::int64_t all)>& progress = {});

}  // namespace clearcut
