// Small trees in the layout that each data set is published in, drawn here. Numbers of classes are typed from
// the owners' tables: Cityscapes labels.py, COCO-Stuff labels.txt, PASCAL-Context labels.txt and
// 59_labels.txt, ADE20K objectInfo150.txt, CamVid label_colors.txt, ImageNet-S README.
#include "data/sets/published.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "data/loader.h"
#include "data/sets/class_tables.h"
#include "tensor/deflate.h"
#include "tensor/npy.h"
#include "tests/errors.h"
#include "tests/fresh_folder.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;
using test::fresh_folder;
using Labels = std::vector<std::int32_t>;

std::int64_t width_of(const Labels& row) { return static_cast<std::int64_t>(row.size()); }

// A picture of one row, and its mask of these stored numbers. The content decides the format, so .jpg may be
// PNG.
void draw(const std::string& image, const std::string& mask, const Labels& stored) {
  write_png(image, Tensor::full({1, width_of(stored), 3}, 90, DType::kUInt8));
  if (!mask.empty()) write_label_png(mask, Tensor::from<std::int32_t>({1, width_of(stored)}, stored));
}

void draw_colours(const std::string& path, const std::vector<std::uint8_t>& rgb) {
  write_png(path, Tensor::from<std::uint8_t>({1, static_cast<std::int64_t>(rgb.size() / 3), 3}, rgb));
}

Labels mask_of(const Dataset& data, std::size_t item = 0) {
  return read_mask(data, data.items.at(item)).values<std::int32_t>();
}

TEST(Published, Cityscapes) {
  const std::string root = fresh_folder();
  const std::string stem = "ulm/ulm_000000_000019";
  draw(root + "/leftImg8bit/train/" + stem + "_leftImg8bit.png",
       root + "/gtFine/train/" + stem + "_gtFine_labelIds.png",
       {0, 6, 7, 8, 11, 17, 19, 24, 26, 29, 30, 31, 33});
  const Dataset data = open_dataset({.format = "cityscapes", .root = root});
  ASSERT_EQ(data.items.size(), 1U);
  EXPECT_EQ(data.items[0].name, "ulm/ulm_000000_000019_leftImg8bit.png");
  ASSERT_EQ(data.class_names.size(), 19U);
  EXPECT_EQ(data.class_names[13], "car");
  EXPECT_EQ(data.colours[13], (Rgb{0, 0, 142}));
  // trainId of each id
  EXPECT_EQ(mask_of(data), (Labels{255, 255, 0, 1, 2, 5, 6, 11, 13, 255, 255, 16, 18}));
  check_mask(data, data.items[0], read_mask(data, data.items[0]), 1, 13);

  // The test split's masks are not given away; what tools wrote as train ids is read as it is.
  draw(root + "/leftImg8bit/test/" + stem + "_leftImg8bit.png", "", {0});
  const Dataset test = open_dataset({.format = "cityscapes", .root = root, .split = "test"});
  EXPECT_EQ(test.masks, MaskFormat::kNone);
  draw(root + "/leftImg8bit/val/" + stem + "_leftImg8bit.png",
       root + "/gtFine/val/" + stem + "_gtFine_labelTrainIds.png", {0, 18, 255});
  EXPECT_EQ(mask_of(open_dataset({.format = "cityscapes", .root = root, .split = "val"})),
            (Labels{0, 18, 255}));
  expect_error([&] { open_dataset({.format = "cityscapes", .root = root, .split = "training"}); },
               "format cityscapes has no split 'training'; it has train, val, test");
  expect_error([&] { open_dataset({.format = "cityscapes", .root = root, .classes = "c.txt"}); },
               "format cityscapes has its own classes");
}

TEST(Published, Ade20k) {
  const std::string parent = fresh_folder();
  const std::string root = parent + "/ADEChallengeData2016";
  draw(root + "/images/training/ADE_train_00000001.jpg",
       root + "/annotations/training/ADE_train_00000001.png", {0, 1, 2, 150});
  draw(root + "/images/validation/ADE_val_00000001.jpg",
       root + "/annotations/validation/ADE_val_00000001.png", {151, 13});
  const Dataset data = open_dataset({.format = "ade20k", .root = root});
  ASSERT_EQ(data.class_names.size(), 150U);
  EXPECT_EQ(data.class_names[0], "wall");
  EXPECT_EQ(data.class_names[149], "flag");
  EXPECT_EQ(mask_of(data), (Labels{255, 0, 1, 149}));
  const Dataset val = open_dataset({.format = "ade20k", .root = root, .split = "val"});
  EXPECT_EQ(mask_of(val), (Labels{-152, 12}));  // 151 is no class
  EXPECT_EQ(val.class_names[12], "person");
  expect_error([&] { check_mask(val, val.items[0], read_mask(val, val.items[0]), 1, 2); },
               "label value 151 at row 0, column 0");
  expect_error([&] { open_dataset({.format = "ade20k", .root = parent}); }, "the root seems to be " + root);
}

TEST(Published, CocoStuff) {
  const std::string root = fresh_folder();
  draw(root + "/images/val2017/000000000139.jpg", root + "/annotations/val2017/000000000139.png",
       {0, 10, 12, 26, 43, 64, 66, 89, 91, 181, 255, 11});
  const Dataset data = open_dataset({.format = "coco-stuff", .root = root, .split = "val"});
  ASSERT_EQ(data.class_names.size(), 171U);
  // labels.txt counts from 1: 11 fire hydrant, 13 stop sign, 27 handbag... and 12 (street sign) never occurs.
  EXPECT_EQ(mask_of(data), (Labels{0, 10, 11, 24, 39, 59, 60, 79, 80, 170, 255, -12}));
  const std::pair<std::size_t, const char*> names[] = {{0, "person"},  {10, "fire hydrant"}, {24, "backpack"},
                                                       {39, "bottle"}, {79, "toothbrush"},   {170, "wood"}};
  for (const auto& [c, name] : names) EXPECT_EQ(data.class_names[c], name);
}

TEST(Published, CocoStuff10kKeepsMatlabArrays) {
  const std::string root = fresh_folder();
  const NamedTensors arrays = read_npz("tests/golden/data/mats.npz");
  write_file(root + "/annotations/COCO_train2014_000000000077.mat",
             find_array(arrays, "file:S", "mats.npz").values<std::uint8_t>());
  draw(root + "/images/COCO_train2014_000000000077.jpg", "", {0});
  write_file(root + "/imageLists/test.txt", "COCO_train2014_000000000077\n");
  const Dataset data = open_dataset({.format = "coco-stuff", .root = root, .split = "val"});
  // Stored 0, 1, 11, 13, 27, 44, 182: the classes of the ids 0, 10, 12, 26, 43, 181 above.
  EXPECT_EQ(mask_of(data), (Labels{255, 0, 10, 11, 24, 39, 170}));
}

// Four ways in which the masks of PASCAL-Context lie about, one order of classes.
TEST(Published, PascalContext) {
  const std::string root = fresh_folder();
  draw(root + "/JPEGImages/2008_000002.jpg", "", {0, 0, 0, 0, 0});
  write_file(root + "/ImageSets/Main/train.txt", "2008_000002\n");
  expect_error([&] { open_dataset({.format = "pascal-context", .root = root}); },
               "needs one of the folders 59_context_labels, trainval (.mat)");

  fs::create_directories(root + "/Context");  // alphabetical from 0, background 255
  write_label_png(root + "/Context/2008_000002.png", Tensor::from<std::int32_t>({1, 5}, {255, 0, 1, 58, 36}));
  const Dataset paddle = open_dataset({.format = "pascal-context", .root = root});
  ASSERT_EQ(paddle.class_names.size(), 60U);
  const std::vector<std::string> wanted = {"background", "aeroplane", "bag", "wood", "person"};
  const Labels classes = mask_of(paddle);
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_EQ(paddle.class_names[static_cast<std::size_t>(classes[i])], wanted[i]);
  EXPECT_EQ(classes, (Labels{0, 1, 21, 59, 15}));

  write_label_png(root + "/SegmentationClassContext/2008_000002.png",  // alphabetical from 1
                  Tensor::from<std::int32_t>({1, 5}, {0, 1, 2, 59, 37}));
  const Dataset mm = open_dataset({.format = "pascal-context", .root = root});
  EXPECT_EQ(mask_of(mm), classes);

  write_label_png(root + "/59_context_labels/2008_000002.png",  // the authors' order
                  Tensor::from<std::int32_t>({1, 5}, classes));
  EXPECT_EQ(mask_of(open_dataset({.format = "pascal-context", .root = root})), classes);
  EXPECT_EQ(
      mask_of(open_dataset({.format = "pascal-context", .root = root, .masks = "SegmentationClassContext"})),
      classes);
}

// LabelMap of 459 labels, as MATLAB keeps it.
TEST(Published, PascalContextOf459Labels) {
  const std::string root = fresh_folder();
  const NamedTensors arrays = read_npz("tests/golden/data/mats.npz");
  write_file(root + "/trainval/x.mat", find_array(arrays, "file:packed", "mats.npz").values<std::uint8_t>());
  draw(root + "/JPEGImages/x.jpg", "", {0});
  write_file(root + "/ImageSets/Main/val.txt", "x\n");
  Dataset data = open_dataset({.format = "pascal-context", .root = root, .split = "val"});
  const Labels stored = find_array(arrays, "LabelMap", "mats.npz").values<std::int32_t>();
  // Lines of labels.txt that are one of the 59; all others are background.
  const std::map<std::int32_t, std::string> lines = {
      {2, "aeroplane"}, {9, "bag"},        {18, "bed"},     {19, "bedclothes"}, {22, "bench"},
      {23, "bicycle"},  {25, "bird"},      {31, "boat"},    {33, "book"},       {34, "bottle"},
      {44, "building"}, {45, "bus"},       {46, "cabinet"}, {59, "car"},        {65, "cat"},
      {68, "ceiling"},  {72, "chair"},     {80, "cloth"},   {85, "computer"},   {98, "cow"},
      {104, "cup"},     {105, "curtain"},  {113, "dog"},    {115, "door"},      {144, "fence"},
      {158, "floor"},   {159, "flower"},   {162, "food"},   {187, "grass"},     {189, "ground"},
      {207, "horse"},   {220, "keyboard"}, {232, "light"},  {258, "motorbike"}, {259, "mountain"},
      {260, "mouse"},   {284, "person"},   {295, "plate"},  {296, "platform"},  {308, "pottedplant"},
      {324, "road"},    {326, "rock"},     {347, "sheep"},  {349, "shelves"},   {354, "sidewalk"},
      {355, "sign"},    {360, "sky"},      {366, "snow"},   {368, "sofa"},      {397, "table"},
      {415, "track"},   {416, "train"},    {420, "tree"},   {424, "truck"},     {427, "tvmonitor"},
      {440, "wall"},    {445, "water"},    {454, "window"}, {458, "wood"}};
  const Labels got = mask_of(data);
  ASSERT_EQ(got.size(), stored.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto it = lines.find(stored[i]);
    EXPECT_EQ(data.class_names[static_cast<std::size_t>(got[i])],
              it == lines.end() ? "background" : it->second);
  }
  for (std::int32_t id = 0; id < 460; ++id) {  // the whole table
    const auto it = lines.find(id);
    const auto c = static_cast<std::size_t>(data.mask_classes.at(static_cast<std::size_t>(id)));
    EXPECT_EQ(data.class_names[c], it == lines.end() ? "background" : it->second) << id;
  }
}

TEST(Published, CamvidOf32AndOf11Classes) {
  const std::string root = fresh_folder();
  write_png(root + "/701_StillsRaw_full/0001TP_006690.png", Tensor::full({1, 6, 3}, 9, DType::kUInt8));
  // Animal, Wall, Void, Bicyclist, MotorcycleScooter, Sky
  draw_colours(root + "/LabeledApproved_full/0001TP_006690_L.png",
               {64, 128, 64, 64, 192, 0, 0, 0, 0, 0, 128, 192, 192, 0, 192, 128, 128, 128});
  const Dataset all = open_dataset({.format = "camvid32", .root = root});
  ASSERT_EQ(all.class_names.size(), 31U);
  EXPECT_EQ(all.items[0].name, "0001TP_006690.png");
  EXPECT_EQ(mask_of(all), (Labels{0, 30, 255, 2, 13, 21}));
  EXPECT_EQ(all.class_names[21], "Sky");
  const Dataset eleven = open_dataset({.format = "camvid", .root = root});
  ASSERT_EQ(eleven.class_names.size(), 11U);
  EXPECT_EQ(mask_of(eleven), (Labels{9, 1, 255, 10, 10, 0}));  // Pedestrian, Building, -, Bicyclist, Sky
  check_mask(eleven, eleven.items[0], read_mask(eleven, eleven.items[0]), 1, 6);

  draw_colours(root + "/LabeledApproved_full/0001TP_006690_L.png",
               {64, 128, 64, 64, 192, 0, 0, 0, 0, 0, 128, 193, 192, 0, 192, 128, 128, 128});
  expect_error([&] { check_mask(all, all.items[0], read_mask(all, all.items[0]), 1, 6); },
               "label value colour (0, 128, 193) at row 0, column 3");
  write_file(root + "/val.txt", "0001TP_006690.png\n");
  EXPECT_EQ(open_dataset({.format = "camvid32", .root = root, .list = "val.txt"}).items.size(), 1U);
}

TEST(Published, CamvidAsSegNetHasIt) {
  const std::string root = fresh_folder();
  draw(root + "/val/a.png", root + "/valannot/a.png", {0, 10, 11});
  write_file(root + "/val.txt", "/SegNet/CamVid/val/a.png /SegNet/CamVid/valannot/a.png\n");  // not needed
  const Dataset data = open_dataset({.format = "camvid", .root = root, .split = "val"});
  EXPECT_EQ(mask_of(data), (Labels{0, 10, 255}));
  EXPECT_EQ(data.class_names[10], "Bicyclist");
  fs::rename(root + "/val/a.png", root + "/val/a.jpg");  // a copy with smaller pictures
  EXPECT_EQ(open_dataset({.format = "camvid", .root = root, .split = "val"}).items[0].mask,
            root + "/valannot/a.png");
}

TEST(Published, Voc2012WithTheMergedMasks) {
  const std::string root = fresh_folder();
  for (const char* id : {"a", "b", "c"}) draw(root + "/JPEGImages/" + id + ".jpg", "", {0, 0, 0});
  draw(root + "/JPEGImages/a.jpg", root + "/SegmentationClass/a.png", {0, 20, 255});
  draw(root + "/JPEGImages/b.jpg", root + "/SegmentationClassAug/b.png", {0, 1, 0});
  write_label_png(root + "/SegmentationClassAug/a.png", Tensor::from<std::int32_t>({1, 3}, {0, 19, 0}));
  write_file(root + "/ImageSets/Segmentation/train.txt", "a\n");
  expect_error([&] { open_dataset({.format = "voc2012", .root = root, .split = "trainaug"}); },
               "`clearcut data voc-aug` writes them");
  write_file(root + "/ImageSets/Segmentation/aug.txt", "b\n");
  const Dataset train = open_dataset({.format = "voc2012", .root = root});
  ASSERT_EQ(train.items.size(), 1U);
  EXPECT_EQ(train.class_names.size(), 21U);
  EXPECT_EQ(train.class_names[20], "tvmonitor");
  EXPECT_EQ(train.background, 0);
  const Dataset aug = open_dataset({.format = "voc2012", .root = root, .split = "trainaug"});
  ASSERT_EQ(aug.items.size(), 2U);
  EXPECT_EQ(mask_of(aug, 0), (Labels{0, 20, 255}));  // VOC's own goes before SBD's
  EXPECT_EQ(mask_of(aug, 1), (Labels{0, 1, 0}));
  write_file(root + "/ImageSets/Segmentation/trainaug.txt", "b\na\n");
  EXPECT_EQ(open_dataset({.format = "voc2012", .root = root, .split = "trainaug"}).items[0].name, "b");
  expect_error([&] { open_dataset({.format = "voc2012", .root = root, .split = "val"}); },
               "there is no ImageSets/Segmentation/val.txt in ");
}

TEST(Published, ImageNetS) {
  const std::string root = fresh_folder();
  for (const char* wnid : {"n01443537", "n04355933"}) {
    write_png(root + "/validation/" + wnid + "/x.JPEG", Tensor::full({1, 4, 3}, 9, DType::kUInt8));
    // 0 = other, 2, 1000 = 232 + 3 * 256, 256 = 0 + 1 * 256
    draw_colours(root + "/validation-segmentation/" + wnid + "/x.png",
                 {0, 0, 0, 2, 0, 0, 232, 3, 0, 0, 1, 0});
  }
  const Dataset data = open_dataset({.format = "imagenet-s", .root = root, .split = "val"});
  EXPECT_EQ(data.class_names, (std::vector<std::string>{"other", "n01443537", "n04355933"}));
  EXPECT_EQ(data.background, 0);
  EXPECT_EQ(data.ignore, 1000);
  EXPECT_EQ(data.items[1].classes, std::vector<int>{2});
  EXPECT_EQ(mask_of(data), (Labels{0, 2, 1000, 256}));
  expect_error([&] { check_mask(data, data.items[0], read_mask(data, data.items[0]), 1, 4); },
               "label value 256");
  // Pictures without masks; sunglasses are counted to sunglass, folders of other classes are left out.
  for (const char* wnid : {"n04356056", "n01440764"})
    write_png(root + "/train-full/" + wnid + "/y.JPEG", Tensor::full({1, 4, 3}, 9, DType::kUInt8));
  const Dataset full = open_dataset({.format = "imagenet-s", .root = root, .split = "train-full"});
  EXPECT_EQ(full.masks, MaskFormat::kNone);
  ASSERT_EQ(full.items.size(), 1U);
  EXPECT_EQ(full.items[0].classes, std::vector<int>{2});
}

TEST(Published, TablesHaveTheirNumbersOfClassesAndNoNameTwice) {
  const std::pair<ClassTable, std::size_t> tables[] = {
      {voc_classes(), 21},        {context_classes(), 60},     {ade20k_classes(), 150},
      {cityscapes_classes(), 19}, {coco_stuff_classes(), 171}, {camvid_classes(), 11},
      {camvid32_classes(), 31}};
  for (const auto& [table, count] : tables) {
    EXPECT_EQ(table.names.size(), count);
    EXPECT_EQ(std::set<std::string>(table.names.begin(), table.names.end()).size(), count) << table.names[0];
    EXPECT_TRUE(table.colours.empty() || table.colours.size() == count);
  }
  EXPECT_EQ(dataset_formats().size(), 7 + published_formats().size());
}

// CRC-32 of the names, joined by commas, and of the colours' bytes, worked out with Python's zlib from the
// tables of mmsegmentation (mmseg/utils/class_names.py at 0c87f7a, "bed " without its blank).
TEST(Published, TablesAreThoseThatOthersUse) {
  const struct {
    ClassTable table;
    std::uint32_t names, colours;  // of no colours: 0
  } tables[] = {{voc_classes(), 0x9E95C50D, 0},
                {cityscapes_classes(), 0x875E4CD1, 0x9E5056A4},
                {ade20k_classes(), 0xC702DE32, 0xD7CD49A7},
                {coco_stuff_classes(), 0x500003D9, 0}};
  for (const auto& [table, names, colours] : tables) {
    std::string joined;
    for (const std::string& name : table.names) joined += (joined.empty() ? "" : ",") + name;
    Bytes bytes;
    for (const Rgb& c : table.colours) bytes.insert(bytes.end(), {c.r, c.g, c.b});
    EXPECT_EQ(crc32(Bytes(joined.begin(), joined.end())), names) << table.names[0];
    EXPECT_EQ(crc32(bytes), colours) << table.names[0];
  }
}

// What the loader makes of stored numbers is what read_mask() says.
TEST(Published, TheLoaderReadsClasses) {
  const std::string root = fresh_folder();
  draw(root + "/images/training/a.jpg", root + "/annotations/training/a.png", {0, 1, 2, 150});
  Loader loader(open_dataset({.format = "ade20k", .root = root}), {}, {}, {.batch = 1, .threads = 1});
  EXPECT_EQ(loader.next()->labels.values<std::int32_t>(), (Labels{255, 0, 1, 149}));
}

}  // namespace
}  // namespace clearcut
