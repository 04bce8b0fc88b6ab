// Formats of annotation tools, tar shards and zip files.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "data/json.h"
#include "data/labels/export.h"
#include "data/labels/shapes.h"
#include "tests/data/labels_golden.h"
#include "tests/errors.h"
#include "tests/fresh_folder.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;
using test::fresh_folder, test::golden, test::golden_file, test::golden_legend, test::golden_text,
    test::read_all, test::ReadLabel;

using Labels = std::vector<std::int32_t>;

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string write_to(const std::string& name, const std::string& text) {
  const std::string path = fresh_folder() + "/" + name;
  write_file(path, text);
  return path;
}

/// A function that changes `from` to `to` in the text of a file and expects reading it to be refused.
auto refusals(const std::string& format, const std::string& file, const std::string& text) {
  return [=](const std::string& from, const std::string& to, const std::string& message) {
    const std::string path = write_to(file, replaced(text, from, to));
    expect_error([&] { read_all(format, path, golden_legend()); }, message);
  };
}

/// A file of a whole map and an empty picture, as tests/golden/data/labels.py wrote it.
void expect_map_and_empty(const std::string& format, const std::string& source) {
  const std::vector<ReadLabel> labels = read_all(format, source, golden_legend());
  ASSERT_EQ(labels.size(), 2U);
  EXPECT_EQ(labels[0].picture, "sub/a.jpg");
  EXPECT_EQ(labels[0].labels.values<std::int32_t>(), golden("map").values<std::int32_t>());
  EXPECT_EQ(labels[1].picture, "empty.jpg");
  EXPECT_EQ(labels[1].labels.values<std::int32_t>(), Labels(6, 0));
}

/// Writes the golden map in a format and reads it back; the file's text comes back too.
std::string round_trip(const std::string& format, const std::string& file) {
  const std::string folder = fresh_folder();
  const auto sink = folder_sink(folder);
  const auto writer = label_file_format(format).writer(*sink, golden_legend(), {.folder = folder});
  writer->write({.picture = "sub/a.jpg", .image = folder + "/pictures/sub/a.jpg", .labels = golden("map")});
  if (format != "labelme")
    writer->write({.picture = "empty.jpg", .labels = Tensor::zeros({2, 3}, DType::kInt32)});
  writer->finish();
  if (format == "labelme") {
    const std::vector<ReadLabel> labels = read_all(format, folder, golden_legend());
    EXPECT_EQ(labels.at(0).picture, "sub/a");
    EXPECT_EQ(labels.at(0).labels.values<std::int32_t>(), golden("map").values<std::int32_t>());
  } else {
    expect_map_and_empty(format, folder);
  }
  return read_text(folder + "/" + file);
}

TEST(Annotations, CocoIsReadWithPackedAndPlainRunsAndPolygons) {
  const std::string text = golden_text("coco.json");
  expect_map_and_empty("coco-rle", write_to("instances.json", text));
  expect_map_and_empty("coco-polygons", write_to("annotations.json", text));
  const auto refused = refusals("coco-rle", "a.json", text);
  refused("\"name\": \"dog\"", "\"name\": \"wolf\"",
          "picture sub/a.jpg: class 'wolf' is not one of background, cat");
  refused("\"category_id\": 20", "\"category_id\": 21", "picture sub/a.jpg: there is no category 21");
  refused("\"image_id\": 7", "\"image_id\": 8", "an annotation is of picture 8, which is not there");
  refused("\"id\": 3, \"file_name\"", "\"id\": 7, \"file_name\"", "the picture 7 comes twice");
  refused("[9, 11]", "[11, 9]", "the runs are for a picture of another size");
  refused("\"height\": 9", "\"height\": 8", "another size");
  refused("\"height\": 9", "\"height\": 900000000", "labels take more than the limit of 1073741824 bytes");
  refused("\"height\": 9", "\"height\": 0", "a picture of 0 x 11 pixels");
  refused("[6, 3, 8,", "[6, 3, 8, 7,", "a polygon of 9 numbers");
}

// Runs by COCO's rules, categories counted from 1 without the background.
TEST(Annotations, CocoIsWritten) {
  const JsonObject file = JsonObject::parse(round_trip("coco-rle", "annotations.json"), "f");
  const std::vector<JsonObject> categories = file.objects("categories"),
                                regions = file.objects("annotations");
  ASSERT_EQ(categories.size(), 4U);
  EXPECT_EQ(categories[2].integer("id"), 3);
  EXPECT_EQ(categories[2].text("name"), "a <b> & \"c\"");
  EXPECT_EQ(categories[3].text("name"), "ignore");
  ASSERT_EQ(regions.size(), 4U);  // one per class
  EXPECT_EQ(regions[0].object("segmentation").text("counts"), golden_text("packed:0"));
  EXPECT_EQ(regions[2].object("segmentation").text("counts"), golden_text("packed:1"));
  EXPECT_EQ(regions[0].number("area"), 18);  // counted by hand: 16 of the ring, 2 below
  EXPECT_EQ(regions[0].numbers("bbox"), (std::vector<double>{1, 0, 7, 7}));
  EXPECT_EQ(regions[0].integer("image_id"), 1);
  EXPECT_EQ(file.objects("images")[0].text("file_name"), "sub/a.jpg");
}

TEST(Annotations, CocoPolygonsHaveOneAnnotationPerPiece) {
  const JsonObject file = JsonObject::parse(round_trip("coco-polygons", "annotations.json"), "f");
  const std::vector<JsonObject> regions = file.objects("annotations");
  const std::vector<JsonObject> cats(regions.begin(), regions.begin() + 3);
  for (const JsonObject& cat : cats) EXPECT_EQ(cat.integer("category_id"), 1);
  EXPECT_EQ(regions[3].integer("category_id"), 2);
  EXPECT_EQ(cats[0].number("area"), 16);  // the ring, cut above its hole
  EXPECT_EQ(cats[0].number_lists("segmentation").size(), 2U);
  EXPECT_EQ(cats[0].numbers("bbox"), (std::vector<double>{1, 0, 5, 5}));
  EXPECT_EQ(cats[1].number_lists("segmentation"),
            (std::vector<std::vector<double>>{{6, 5, 7, 5, 7, 6, 6, 6}}));
}

TEST(Annotations, LabelmeIsRead) {
  const std::string text = golden_text("labelme.json");
  const std::vector<ReadLabel> labels = read_all("labelme", write_to("a.json", text), golden_legend());
  ASSERT_EQ(labels.size(), 1U);
  EXPECT_EQ(labels[0].picture, "a");
  EXPECT_EQ(labels[0].labels.values<std::int32_t>(), golden("labelme").values<std::int32_t>());
  const auto refused = refusals("labelme", "a.json", text);
  refused("\"dog\"", "\"wolf\"", "a.json, shape 2: class 'wolf' is not one of");
  refused("\"rectangle\"", "\"line\"",
          "shape 2: polygons, rectangles, circles and masks are read; this is a 'line' of 2");
  refused("\"imageHeight\": 9", "\"imageHeight\": null", "'imageHeight' must be a whole number");
  refused("iVBORw0K", "!VBORw0K", "shape 4: the mask is no base64 text");
  refused("iVBORw0K", "AAAARw0K", "shape 4: not a PNG");
  refused("      1.0,\n          7.0", "      2.0,\n          7.0",
          "shape 4: a mask of 2 x 3 does not fit its points");
}

TEST(Annotations, LabelmeIsWritten) {
  const JsonObject file = JsonObject::parse(round_trip("labelme", "sub/a.json"), "f");
  EXPECT_EQ(file.text("imagePath"), "../pictures/sub/a.jpg");
  EXPECT_EQ(file.integer("imageHeight"), 9);
  EXPECT_EQ(file.names(), (std::vector<std::string>{"version", "flags", "shapes", "imagePath", "imageData",
                                                    "imageHeight", "imageWidth"}));
  const std::vector<JsonObject> shapes = file.objects("shapes");
  EXPECT_EQ(shapes[0].integer("group_id"), 1);  // both bands of the ring
  EXPECT_EQ(shapes[1].integer("group_id"), 1);
  EXPECT_EQ(shapes[2].text("label"), "cat");
  EXPECT_EQ(shapes[2].number_lists("points"),
            (std::vector<std::vector<double>>{{6, 5}, {7, 5}, {7, 6}, {6, 6}}));
  EXPECT_EQ(shapes[2].text("shape_type"), "polygon");
}

TEST(Annotations, CvatIsRead) {
  const std::string text = golden_text("cvat.xml");
  expect_map_and_empty("cvat", write_to("annotations.xml", text));
  expect_map_and_empty("cvat", write_to("task.zip", golden_text("cvat.zip")));
  const auto refused = refusals("cvat", "a.xml", text);
  refused("label=\"dog\"", "label=\"wolf\"", "a.xml:9: class 'wolf' is not one of");
  refused("rle=\"", "rle=\"-1, ", "a.xml:6: run 0 of -1 pixels does not fit into 44 pixels");
  refused("top=\"5\"", "top=\"6\"",
          "a.xml:6: a mask of 4 x 11 at row 6, column 0 leaves the picture of 9 x 11");
  refused("points=\"0.00,0.00;", "points=\"0.00;", "a.xml:10: the point '0.00' is not x,y");
  refused("ybr=\"9.00\"", "ybr=\"9.00\" rotation=\"30\"", "this is a turned box");
  refused("<polygon", "<polyline", "mismatched tag");
  refused("<annotations>", "<!DOCTYPE a [<!ENTITY b \"c\">]><annotations>",
          "a.xml:2: document type declarations are not read");
  refused("</annotations>", "", "a.xml:15: no element found");
  refused("<annotations>", "<track/><annotations>", "a video's tracks");
}

TEST(Annotations, CvatIsWritten) {
  const std::string text = round_trip("cvat", "annotations.xml");
  EXPECT_NE(text.find("<image id=\"0\" name=\"sub/a.jpg\" width=\"11\" height=\"9\">"), std::string::npos);
  EXPECT_NE(text.find("<name>a &lt;b&gt; &amp; &quot;c&quot;</name>"), std::string::npos);
  EXPECT_NE(text.find("<color>#800000</color>"), std::string::npos);
  // The ignored pixels by hand: a box of 8 - 4 columns and 9 - 3 rows.
  EXPECT_NE(
      text.find(
          "<mask label=\"ignore\" source=\"auto\" occluded=\"0\" rle=\"2, 2, 3, 1, 12, 1, 3\" left=\"4\" "
          "top=\"3\" width=\"4\" height=\"6\" z_order=\"0\">"),
      std::string::npos)
      << text;
}

// ImageNet has two cranes, and nobody forbids a class that is called "ignore".
TEST(Annotations, ClassesOfOneNameAreKeptApart) {
  const LabelLegend legend{.names = {"background", "crane", "crane", "ignore"}};
  EXPECT_EQ(legend.name_of(2), "crane (2)");
  EXPECT_EQ(legend.name_of(1), "crane");
  const Labels want = {0, 1, 2, 3, 255, 1};
  for (const char* format : {"coco-rle", "coco-polygons", "labelme", "cvat"}) {
    const std::string folder = fresh_folder();
    const auto sink = folder_sink(folder);
    const auto writer = label_file_format(format).writer(*sink, legend, {.folder = folder});
    writer->write({.picture = "a.jpg", .labels = Tensor::from<std::int32_t>({2, 3}, want)});
    writer->finish();
    EXPECT_EQ(read_all(format, folder, legend).at(0).labels.values<std::int32_t>(), want) << format;
  }
}

// ---- tar shards

const std::vector<std::string> kMembers = {"train/n1/a.JPEG_eiseg.npz", "b",
                                           std::string(60, 'p') + "/" + std::string(80, 'q'),
                                           "d/" + std::string(90, 'e') + "/" + std::string(100, 'f')};

TEST(TarShards, MembersOfUstarGnuAndPaxAreFound) {
  for (const char* kind : {"ustar", "gnu", "pax"}) {
    const Bytes file = golden_file(cat(kind, ".tar"));
    const std::string path = write_to("others.tar", golden_text(cat(kind, ".tar")));
    EXPECT_EQ(FileSource(path).read("train/n1/a.JPEG_eiseg.npz"), Bytes(700, 'x'));
    EXPECT_EQ(FileSource(path).read(kMembers[3]), (Bytes{'s', 'p', 'l', 'i', 't'}));
    const std::vector<TarMember> members = tar_members(file, "f");
    std::vector<std::string> names = kMembers;
    if (std::string(kind) != "ustar") names.push_back("g/" + std::string(300, 'h'));
    ASSERT_EQ(members.size(), names.size()) << kind;
    for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(members[i].name, names[i]) << kind;
    const auto content = [&](std::size_t i) {
      return std::string(file.begin() + members[i].offset,
                         file.begin() + members[i].offset + members[i].size);
    };
    EXPECT_EQ(content(0), std::string(700, 'x'));
    EXPECT_EQ(content(1), "");
    EXPECT_EQ(content(2), "long");
    EXPECT_EQ(content(3), "split");
  }
}

// Byte for byte what Python's tarfile writes with owner 0 and time 0.
TEST(TarShards, ShardsAreWrittenAsTarfileWritesThem) {
  const std::string folder = fresh_folder();
  const Bytes want = golden_file("ustar.tar");
  const auto sink = tar_sink(folder, 1 << 20);
  const std::vector<TarMember> members = tar_members(want, "f");
  for (const TarMember& m : members)
    sink->write(m.name,
                ByteView(want).subspan(static_cast<std::size_t>(m.offset), static_cast<std::size_t>(m.size)));
  EXPECT_FALSE(fs::exists(folder + "/shard-00000.tar"));  // only whole ones have their name
  sink->finish();
  EXPECT_EQ(read_file(folder + "/shard-00000.tar"), want);
  EXPECT_EQ(
      read_text(folder + "/index.jsonl").substr(0, 86),
      "{\"file\":\"train/n1/a.JPEG_eiseg.npz\",\"shard\":\"shard-00000.tar\",\"offset\":512,\"size\":700}");
}

TEST(TarShards, AreReadByIndexOrThroughAndAnyFileIsFound) {
  const std::string folder = fresh_folder();
  const auto sink = tar_sink(folder, 10240);
  for (int i = 0; i < 40; ++i) sink->write(cat("f", i), Bytes(static_cast<std::size_t>(100 * i), 'a'));
  sink->finish();
  EXPECT_TRUE(fs::exists(folder + "/shard-00006.tar"));
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".tar") {
      EXPECT_EQ(entry.file_size() % 10240, 0U) << entry.path();
    }
  for (const bool index : {true, false}) {
    if (!index) fs::remove(folder + "/index.jsonl");
    const FileSource source(folder);
    EXPECT_EQ(source.names().size(), 40U);
    EXPECT_EQ(source.read("f39").size(), 3900U);
    EXPECT_EQ(source.read("f0").size(), 0U);
    EXPECT_TRUE(source.has("f7"));
    EXPECT_FALSE(source.has("f40"));
    expect_error([&] { source.read("f40"); }, "has no file f40");
    EXPECT_EQ(source.where("f1"), folder + "/shard-00000.tar: f1");
  }
  // By hand: 512 bytes for each header, contents filled up to 512, 1024 at the end.
  EXPECT_EQ(FileSource(folder + "/shard-00000.tar").names().size(), 8U);
  EXPECT_EQ(FileSource(folder + "/shard-00001.tar").names().size(), 5U);
}

// Shards end at multiples of 10240 bytes, which the size that was asked for need not be.
TEST(TarShards, NoShardIsLargerThanAskedFor) {
  const std::string folder = fresh_folder();
  const auto sink = tar_sink(folder, 15000);
  for (int i = 0; i < 20; ++i) sink->write(cat("f", i), Bytes(1000, 'a'));
  sink->finish();
  EXPECT_EQ(FileSource(folder).names().size(), 20U);
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".tar") {
      EXPECT_LE(entry.file_size(), 15000U) << entry.path();
    }
}

TEST(TarShards, AnIndexThatDoesNotFitIsNamed) {
  const std::string folder = fresh_folder();
  const auto sink = tar_sink(folder, 1 << 20);
  sink->write("a", Bytes(600, 1));
  sink->write("b", Bytes(600, 1));
  sink->finish();
  const std::string index = read_text(folder + "/index.jsonl");
  write_file(folder + "/index.jsonl", replaced(index, "\"offset\":512", "\"offset\":2048"));
  expect_error([&] { FileSource(folder).read("a"); },
               "a does not lie where index.jsonl says; remove the index");
  write_file(folder + "/index.jsonl", replaced(index, "\"offset\":512", "\"offset\":99999999"));
  expect_error([&] { FileSource(folder).read("a"); }, "is shorter than index.jsonl says");
  write_file(folder + "/index.jsonl", replaced(index, "\"shard\":\"", "\"shard\":\"../"));
  expect_error([&] { FileSource source(folder); }, "index.jsonl:1: no place in a shard of this folder");
  write_file(folder + "/index.jsonl", replaced(index, "\"file\":\"b\"", "\"file\":\"a\""));
  expect_error([&] { FileSource source(folder); }, "'a' comes twice in the shards");
}

TEST(TarShards, DamagedFilesAndNamesThatLeaveAreRefused) {
  const Bytes whole = golden_file("ustar.tar");
  expect_error([&] { tar_members(ByteView(whole).first(100), "f.tar"); }, "f.tar: has 100 bytes");
  expect_error([&] { tar_members(ByteView(whole).first(700), "f.tar"); },
               "the member at byte 0 has 700 bytes");
  Bytes bad = whole;
  bad[0] ^= 1;
  expect_error([&] { tar_members(bad, "f.tar"); }, "f.tar: the header at byte 0 has another checksum");
  expect_error([] { tar_header(std::string(101, 'x'), 1); }, "does not split at a '/'");
  expect_error([] { tar_header(std::string(200, 'x') + "/y", 1); }, "does not split at a '/'");
  expect_error([] { tar_header("x", std::int64_t{1} << 33); }, "members end at 8 GiB");
  const auto sink = folder_sink(fresh_folder());
  expect_error([&] { sink->write("../x", {}); }, "'../x' is no path below the folder");
  expect_error([&] { sink->write("/x", {}); }, "is no path below the folder");
  sink->write("x", {});
  expect_error([&] { sink->write("x", {}); }, "two pictures would both be written to x");
}

// ---- export of a data set

TEST(LabelExport, WritesADataSetAndListsWhatItCannot) {
  const std::string root = fresh_folder();
  write_file(root + "/train.txt", std::string("a.jpg m/a.png\nsub/b.jpg m/b.png\nc.jpg m/none.png\nd.jpg\n"));
  write_file(root + "/classes.txt", std::string("0 background\n1 cat\n2 dog\n"));
  write_label_png(root + "/m/a.png", Tensor::from<std::int32_t>({1, 3}, {0, 1, 255}));
  write_label_png(root + "/m/b.png", Tensor::from<std::int32_t>({1, 3}, {2, 1, 7}));
  const Dataset data = open_dataset({.format = "list", .root = root});
  std::int64_t progress = 0;
  const LabelExportCounts counts = export_labels(
      data,
      {.folder = root + "/out", .format = "png16", .progress = [&](std::int64_t done) { progress = done; }});
  const std::vector<Failure>& failures = counts.failures;
  EXPECT_EQ(counts.written, 1);
  ASSERT_EQ(failures.size(), 2U);
  EXPECT_EQ(failures[0].id, "sub/b.jpg");
  EXPECT_NE(failures[0].error.find("b.png: value 7 is neither a class nor the ignored 255"),
            std::string::npos);
  EXPECT_NE(failures[1].error.find("none.png"), std::string::npos);
  EXPECT_EQ(read_failures(root + "/out/failures.jsonl").size(), 2U);
  EXPECT_EQ(progress, 4);  // d.jpg has no mask
  EXPECT_EQ(read_label_png(root + "/out/labels/a.png").labels.values<std::int32_t>(), (Labels{0, 1, 65535}));
  EXPECT_EQ(read_text(root + "/out/classes.txt"), "0\tbackground\n1\tcat\n2\tdog\n");
  expect_error([&] { export_labels(data, {.folder = root + "/out", .format = "png16"}); },
               "/out is not empty");
  expect_error([&] { export_labels(data, {.folder = root + "/x", .format = "gif"}); },
               "format 'gif' is unknown");
  Dataset bare = data;
  bare.masks = MaskFormat::kNone;
  expect_error([&] { export_labels(bare, {.folder = root + "/x", .format = "png16"}); },
               "has no masks to export");
}

TEST(LabelExport, ShardsHoldTheFilesOfAFolder) {
  const std::string root = fresh_folder();
  write_file(root + "/train.txt", std::string("a.jpg m/a.png\nb.jpg m/a.png\n"));
  write_file(root + "/classes.txt", std::string("0 background\n1 cat\n"));
  write_label_png(root + "/m/a.png", Tensor::from<std::int32_t>({1, 3}, {0, 1, 1}));
  const Dataset data = open_dataset({.format = "list", .root = root});
  export_labels(data, {.folder = root + "/files", .format = "pssl-npz"});
  export_labels(data, {.folder = root + "/shards", .format = "pssl-npz", .shard_bytes = 1 << 20});
  const FileSource files(root + "/files"), shards(root + "/shards");
  EXPECT_EQ(shards.names().size(), 2U);
  for (const std::string& name : shards.names()) EXPECT_EQ(files.read(name), shards.read(name)) << name;
  EXPECT_EQ(files.names().size(), 5U);  // lists lie beside the shards
  EXPECT_EQ(read_text(root + "/files/train.txt"), read_text(root + "/shards/train.txt"));
  // The loader reads them where they lie, with the list and without.
  for (const bool list : {true, false}) {
    if (!list) fs::remove(root + "/shards/train.txt");
    const Dataset packed = open_dataset({.format = "pssl", .root = root + "/shards"});
    ASSERT_EQ(packed.items.size(), 2U);
    EXPECT_EQ(packed.items[0].name, "train/cat/a.JPEG");
    EXPECT_EQ(packed.background, 1);
    EXPECT_EQ(read_mask(packed, packed.items[1]).values<std::int32_t>(), (Labels{1, 0, 0}));
  }
}

}  // namespace
}  // namespace clearcut
