// Data sets in the trees that their authors publish, opened as they lie on the disk.
//
//   format          tree below the root                                     splits
//   voc2012         JPEGImages, SegmentationClass[Aug],                     train, val, trainval, trainaug
//                   ImageSets/Segmentation/SPLIT.txt
//   pascal-context  JPEGImages and one of: trainval/ID.mat (459 labels),    train, val
//                   59_context_labels, SegmentationClassContext, Context
//   ade20k          images/training, annotations/training                   train, val
//   cityscapes      leftImg8bit/SPLIT/CITY, gtFine/SPLIT/CITY               train, val, test
//   coco-stuff      images/SPLIT2017, annotations/SPLIT2017; or 10k:        train, val
//                   images, annotations/NAME.mat, imageLists/SPLIT.txt
//   camvid          SPLIT, SPLITannot; or the tree of camvid32              train, val, test
//   camvid32        701_StillsRaw_full, LabeledApproved_full                all, or those of a list
//   imagenet-s      train-semi[-segmentation], validation[-segmentation]    train-semi, val, train,
//                                                                           train-full, test
//
// Stored numbers become classes (Dataset::mask_classes): Cityscapes' 34 label ids the 19 that are scored (or
// labelTrainIds, where only those lie there); ADE20K's 1 to 150 are 0 to 149 and 0 is ignored; COCO-Stuff's
// 182 ids with gaps are 0 to 170; PASCAL-Context's 459 labels, or the alphabetical order in which tools write
// the 59, are the authors' order with background 0; CamVid's colours are classes, and the tree of 32 classes
// opened as `camvid` gives the 11 of SegNet; ImageNet-S has `other` as class 0.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"

namespace clearcut {

/// The names above, in this order.
std::vector<std::string> published_formats();
bool is_published_format(const std::string& format);

/// Throws Error: a folder or list that is missing (and where in the root a tree like it lies), a split that
/// the set does not have, an option that it does not take.
Dataset open_published(const DatasetSpec& spec);

/// What the openers share. Folders and lists are relative to the root.
class PublishedTree {
 public:
  explicit PublishedTree(const DatasetSpec& spec);

  /// The split that was asked for, as the tree names it. `names` are pairs of what may be asked for and its
  /// folder; the first is the default.
  std::string split(const std::vector<std::pair<std::string, std::string>>& names) const;
  bool has(const std::string& path) const;
  /// Throws Error unless the folder is there.
  std::string folder(const std::string& path) const;
  std::string at(const std::string& path) const;
  /// The lines of the list that the specification names, else of the first of `usual` that is there.
  std::vector<std::string> ids(const std::vector<std::string>& usual) const;
  void add(const std::string& name, const std::string& image, const std::string& mask,
           std::vector<int> classes = {});

  Dataset data;

 private:
  const DatasetSpec& spec_;
};

// One opener per set: road.cpp, scenes.cpp, objects.cpp.
void open_voc2012(PublishedTree& tree, const DatasetSpec& spec);
void open_pascal_context(PublishedTree& tree, const DatasetSpec& spec);
void open_ade20k(PublishedTree& tree, const DatasetSpec& spec);
void open_cityscapes(PublishedTree& tree, const DatasetSpec& spec);
void open_coco_stuff(PublishedTree& tree, const DatasetSpec& spec);
void open_camvid(PublishedTree& tree, const DatasetSpec& spec);
void open_camvid32(PublishedTree& tree, const DatasetSpec& spec);
void open_imagenet_s(PublishedTree& tree, const DatasetSpec& spec);

}  // namespace clearcut
