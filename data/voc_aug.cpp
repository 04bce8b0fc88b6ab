#include "data/voc_aug.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <set>
#include <vector>

#include "data/dataset.h"
#include "data/file_names.h"
#include "data/mat_file.h"
#include "data/sets/class_tables.h"
#include "data/text_lines.h"
#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/interrupt.h"
#include "tensor/parallel.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

constexpr const char *kLists = "ImageSets/Segmentation", *kMasks = "SegmentationClassAug";

// Where cls/ lies: people name the archive's folder or one of those in it.
fs::path sbd_root(const fs::path& given) {
  for (const char* below :
       {"", "dataset", "benchmark_RELEASE/dataset", "benchmark/benchmark_RELEASE/dataset"})
    if (fs::is_directory(given / below / "cls")) return given / below;
  fail("voc-aug", "there is no folder cls in ", given.string(),
       " or its dataset folder; name the folder benchmark_RELEASE of SBD");
}

std::set<std::string> read_ids(const fs::path& list) {
  check(fs::is_regular_file(list), "voc-aug", "the list ", list.string(), " does not exist");
  std::set<std::string> ids;
  for (const TextLine& line : read_lines(list.string())) ids.insert(split_fields(line.text)[0]);
  return ids;
}

std::set<std::string> without(std::set<std::string> ids, const std::set<std::string>& others) {
  for (const std::string& id : others) ids.erase(id);
  return ids;
}

std::string lines_of(const std::set<std::string>& ids) {
  std::string text;
  for (const std::string& id : ids) text += id + "\n";
  return text;
}

// GTcls.Segmentation: the class of each pixel.
void write_sbd_mask(const fs::path& voc, const fs::path& sbd, const std::string& id) {
  const std::string mat = (sbd / "cls" / (id + ".mat")).string();
  const Tensor labels = decode_mat_array(read_file(mat), mat, "GTcls.Segmentation").to(DType::kInt32);
  check(labels.rank() == 2 && labels.numel() > 0, "voc-aug", mat, ": the mask must be [H, W]; it is ",
        labels.shape());
  const std::string picture = find_picture(voc / "JPEGImages", id);
  const PictureInfo info = picture_info(read_file(picture), picture);
  const Dataset classes = {.root = {},
                           .items = {},
                           .class_names = voc_classes().names,
                           .wnids = {},
                           .colours = {},
                           .masks = MaskFormat::kPng};
  check_mask(classes, {.id = 0, .name = id, .image = picture, .mask = mat, .classes = {}}, labels,
             info.height, info.width);
  write_label_png((voc / kMasks / (id + ".png")).string(), labels, {.palette = voc_palette()});
}

void copy_voc_mask(const fs::path& voc, const std::string& id) {
  const std::string name = id + ".png";
  write_file((voc / kMasks / name).string(), read_file((voc / "SegmentationClass" / name).string()));
}

}  // namespace

VocAugCounts merge_sbd(const std::string& voc_folder, const std::string& sbd_folder,
                       const std::function<void(std::int64_t done, std::int64_t all)>& progress) {
  const fs::path voc = voc_folder, sbd = sbd_root(sbd_folder);
  const std::set<std::string> train = read_ids(voc / kLists / "train.txt"),
                              val = read_ids(voc / kLists / "val.txt");
  std::set<std::string> all = read_ids(sbd / "train.txt");
  all.merge(read_ids(sbd / "val.txt"));
  const std::set<std::string> added = without(without(all, train), val);
  check(!added.empty(), "voc-aug", "SBD's lists in ", sbd.string(), " add no picture to those of ",
        voc_folder);
  std::vector<std::string> ids(train.begin(), train.end());
  ids.insert(ids.end(), added.begin(), added.end());
  std::mutex mutex;
  std::int64_t done = 0;
  parallel_for(std::ssize(ids), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      stop_if_interrupted("voc-aug");
      const std::string& id = ids[static_cast<std::size_t>(i)];
      if (train.count(id) == 1)
        copy_voc_mask(voc, id);
      else
        write_sbd_mask(voc, sbd, id);
      const std::scoped_lock lock(mutex);
      if (progress) progress(++done, std::ssize(ids));
    }
  });
  std::set<std::string> trainaug = train;
  trainaug.insert(added.begin(), added.end());
  write_file((voc / kLists / "aug.txt").string(), lines_of(added));
  write_file((voc / kLists / "trainaug.txt").string(), lines_of(trainaug));
  return {.train = std::ssize(train),
          .added = std::ssize(added),
          .in_val = std::ssize(all) - std::ssize(without(all, val))};
}

}  // namespace clearcut
