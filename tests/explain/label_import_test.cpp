// Corrections by people: into a folder of pseudo labels, and into a new one.
#include "explain/label_import.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <thread>

#include "data/file_lock.h"
#include "data/labels/export.h"
#include "explain/label_status.h"
#include "explain/label_store.h"
#include "tensor/interrupt.h"
#include "tensor/npy.h"
#include "tensor/sha256.h"
#include "tests/errors.h"
#include "tests/explain/label_import_fixture.h"
#include "tests/train/folder.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;

using test::LabelImport;
using test::Labels;

TEST_F(LabelImport, ACorrectionReplacesTheLabelAndSaysWhoMadeIt) {
  make_labels(LabelLayout::kPng, 1);
  const Bytes before = read_file(root_ + "/labels/labels/u/a.png");
  correct("u/a.png", {1, 2, 0, 1, 255, 0});
  correct("b.png", {1, 0, 0, 1, 0, 0});  // as it was
  LabelImportOptions options = from("png-palette");
  options.when = "2026-11-22T10:00:00Z";
  const LabelImportCounts counts = import_labels(options);
  EXPECT_EQ(counts.corrected, 1);
  EXPECT_EQ(counts.unchanged, 1);
  EXPECT_TRUE(counts.failures.empty());
  EXPECT_EQ(label("labels/u/a.png"), (Labels{1, 2, 0, 1, 255, 0}));
  EXPECT_EQ(read_label_png(root_ + "/labels/labels/u/a.png").palette[2], voc_palette()[2]);
  EXPECT_EQ(read_file(root_ + "/labels/originals/labels/u/a.png"), before);
  EXPECT_FALSE(line("b.png").has("corrections"));
  EXPECT_EQ(label("weights/1.png"), Labels(6, 255));  // a person is sure
  EXPECT_EQ(label("weights/3.png"), Labels(6, 7));
  EXPECT_EQ(label("originals/weights/1.png"), Labels(6, 7));
  const std::vector<JsonObject> corrections = line("u/a.jpg").objects("corrections");
  ASSERT_EQ(corrections.size(), 1U);
  EXPECT_EQ(corrections[0].text("by"), "Jane");
  EXPECT_EQ(corrections[0].text("when"), "2026-11-22T10:00:00Z");
  EXPECT_EQ(corrections[0].text("format"), "png-palette");
  EXPECT_EQ(corrections[0].text("file"), root_ + "/new/u/a.png");
  EXPECT_EQ(corrections[0].text("sha256"), sha256(read_file(root_ + "/new/u/a.png")));
  EXPECT_DOUBLE_EQ(corrections[0].number("changed"), 0.333333);  // 2 of 6 pixels
  EXPECT_DOUBLE_EQ(corrections[0].number("coverage"), 0.5);
  EXPECT_DOUBLE_EQ(corrections[0].number("ignored"), 0.166667);
  EXPECT_EQ(corrections[0].text("original"), "originals/labels/u/a.png");
  EXPECT_DOUBLE_EQ(line("u/a.jpg").object("made").number("coverage"), 0.33);  // what the machine said stays
}

// Again: nothing changes. A second round by somebody else adds to the list; the original stays the machine's.
TEST_F(LabelImport, ImportsCanBeRepeatedAndGoOn) {
  make_labels(LabelLayout::kPng, 1);
  correct("u/a.png", {1, 2, 0, 1, 0, 0});
  EXPECT_EQ(import_labels(from("png-palette")).corrected, 1);
  const std::string manifest = read_text(root_ + "/labels/manifest.jsonl");
  const LabelImportCounts again = import_labels(from("png-palette"));
  EXPECT_EQ(again.corrected, 0);
  EXPECT_EQ(again.unchanged, 1);
  EXPECT_EQ(read_text(root_ + "/labels/manifest.jsonl"), manifest);
  const std::string when = line("u/a.jpg").objects("corrections")[0].text("when");
  EXPECT_EQ(when.size(), 20U) << when;  // of the file: 2026-11-22T18:00:00Z
  EXPECT_EQ(when.back(), 'Z');
  correct("u/a.png", {2, 2, 2, 2, 2, 2});
  LabelImportOptions second = from("png-palette");
  second.by = "Joe";
  import_labels(second);
  const std::vector<JsonObject> corrections = line("u/a.jpg").objects("corrections");
  ASSERT_EQ(corrections.size(), 2U);
  EXPECT_EQ(corrections[0].text("by"), "Jane");
  EXPECT_EQ(corrections[1].text("by"), "Joe");
  EXPECT_DOUBLE_EQ(corrections[1].number("changed"), 1);
  EXPECT_EQ(label("originals/labels/u/a.png"), (Labels{1, 0, 0, 1, 0, 0}));
}

// Killed after the label was written, before the manifest was: the next run completes it.
TEST_F(LabelImport, AKilledImportIsCompleted) {
  make_labels(LabelLayout::kPng, 1);
  const std::string before = read_text(root_ + "/labels/manifest.jsonl");
  correct("u/a.png", {1, 2, 0, 1, 0, 0});
  import_labels(from("png-palette"));
  const std::string whole = read_text(root_ + "/labels/manifest.jsonl");
  write_file(root_ + "/labels/manifest.jsonl", before);
  EXPECT_EQ(import_labels(from("png-palette")).corrected, 1);
  EXPECT_EQ(read_text(root_ + "/labels/manifest.jsonl"), whole);
  // The same in a second round, whose line holds the first one's correction.
  correct("u/a.png", {2, 2, 0, 1, 0, 0});
  LabelImportOptions second = from("png-palette");
  second.by = "Joe";
  import_labels(second);
  write_file(root_ + "/labels/manifest.jsonl", whole);
  EXPECT_EQ(import_labels(second).corrected, 1);
  EXPECT_EQ(line("u/a.jpg").objects("corrections").at(1).text("by"), "Joe");
  EXPECT_EQ(import_labels(second).unchanged, 1);
}

TEST_F(LabelImport, LabelFuseLeavesCorrectionsAlone) {
  make_labels(LabelLayout::kPng, 1);
  correct("u/a.png", {1, 2, 0, 1, 0, 0});
  import_labels(from("png-palette"));
  Item item;
  item.name = item.image = "u/a.jpg";
  item.classes = {1};
  LabelStore again(store(LabelLayout::kPng));
  again.begin({item});
  EXPECT_TRUE(again.done(item));
  again.finish({item});
  EXPECT_TRUE(line("u/a.jpg").has("corrections"));
}

// A picture failed, so the journals stay, which know nothing of corrections.
TEST_F(LabelImport, CorrectionsOutliveAnotherTryOfWhatFailed) {
  const auto label = [&] {
    LabelStore labels(store(LabelLayout::kPng));
    std::vector<Item> items(2);
    items[0].name = items[0].image = "b.png";
    items[0].classes = {1};
    items[1].name = items[1].image = "broken.png";
    labels.begin(items);
    if (!labels.done(items[0])) labels.write(items[0], "b.png", Tensor::full({2, 3}, 1, DType::kInt32), {});
    labels.fail(items[1], "read", "no picture");
    labels.finish(items);
  };
  label();
  correct("b.png", {1, 2, 0, 1, 0, 0});
  EXPECT_EQ(import_labels(from("png-palette")).corrected, 1);
  label();
  EXPECT_TRUE(line("b.png").has("corrections"));
  fs::remove(root_ + "/labels/labels/b.png");  // and the label that is made anew is the machine's again
  label();
  EXPECT_FALSE(line("b.png").has("corrections"));
}

// Such labels have 16 bits and no palette.
TEST_F(LabelImport, MoreThan256ClassesWithColours) {
  std::string classes = "0 background 0 0 0\n";
  for (int c = 1; c < 300; ++c) classes += cat(c, " thing", c, " 1 2 3\n");
  write_file(root_ + "/classes.txt", classes);
  correct("b.png", {1, 2, 0, 1, 0, 0});
  LabelImportOptions options = from("png-palette");
  options.classes = root_ + "/classes.txt";
  options.images = root_ + "/images";
  EXPECT_EQ(import_labels(options).added, 1);
}

TEST_F(LabelImport, WhatDoesNotFitIsListedAndTheRestGoesOn) {
  make_labels(LabelLayout::kPng, 1);
  correct("a.png", {1, 2, 0, 1, 0, 0});
  correct("b.png", {1, 2, 0, 1, 0, 0, 0, 0}, {2, 4});
  correct("c.png", {1}, {1, 1});
  correct("v/a.png", {9, 0, 0, 0, 0, 0});
  correct("w/u/a.png", {1, 0, 0, 1, 0, 0});
  write_file(root_ + "/new/d.png", std::string("no PNG"));
  const LabelImportCounts counts = import_labels(from("png-palette"));
  EXPECT_EQ(counts.corrected + counts.unchanged, 0);
  std::string all;
  for (const Failure& failure : counts.failures) all += failure.error + "\n";
  EXPECT_EQ(counts.failures.size(), 6U) << all;
  EXPECT_NE(all.find("'a' is the name of several pictures"), std::string::npos) << all;
  EXPECT_NE(all.find("the label of 'b' is [2, 4], the one it replaces [2, 3]"), std::string::npos) << all;
  EXPECT_NE(all.find("'c' is no picture of"), std::string::npos) << all;
  EXPECT_NE(all.find("value 9 at row 0, column 0; classes are 0 to 2 and 255 is ignored"), std::string::npos)
      << all;
  EXPECT_NE(all.find("d.png"), std::string::npos) << all;
  EXPECT_FALSE(fs::exists(root_ + "/labels/originals"));
  LabelImportOptions nobody = from("png-palette");
  nobody.by = "";
  expect_error([&] { import_labels(nobody); }, "corrections need the name of who made them");
}

// The class is that of the folder; npz files are corrected in place.
TEST_F(LabelImport, IntoThePublishedLayout) {
  make_labels(LabelLayout::kPssl, 1);
  const auto npz = [&](const std::string& folder, const Labels& values) {
    write_npz(root_ + "/new/train/" + folder + "/a.JPEG_eiseg.npz",
              {{"arr_0", Tensor::from<std::int32_t>({2, 3}, values)}});
  };
  npz("dog", {1, 1, 0, 1, -1, 0});
  LabelImportOptions options = from("pssl-npz");
  options.source = root_ + "/new";
  EXPECT_EQ(import_labels(options).corrected, 1);
  const auto stored = [&] {
    return read_npz(root_ + "/labels/train/dog/a.JPEG_eiseg.npz")[0]
        .second.to(DType::kInt32)
        .values<std::int32_t>();
  };
  EXPECT_EQ(stored(), (Labels{1, 1, 0, 1, 0, 0}));
  EXPECT_DOUBLE_EQ(line("u/a.jpg").objects("corrections")[0].number("changed"), 0.166667);
  options.read.minus_one_ignored = true;
  EXPECT_EQ(import_labels(options).corrected, 1);
  EXPECT_EQ(stored(), (Labels{1, 1, 0, 1, -1, 0}));
  fs::remove_all(root_ + "/new");
  npz("cat", {1, 1, 1, 1, 1, 1});
  const LabelImportCounts other = import_labels(options);
  ASSERT_EQ(other.failures.size(), 1U);
  EXPECT_NE(other.failures[0].error.find("in the published layout the class is that of the folder"),
            std::string::npos)
      << other.failures[0].error;
}

TEST_F(LabelImport, CtrlCLeavesAWholeManifest) {
  make_labels(LabelLayout::kPng, 1);
  correct("b.png", {1, 2, 0, 1, 0, 0});
  correct("u/a.png", {1, 2, 0, 1, 0, 0});
  LabelImportOptions options = from("png-palette");
  options.progress = [](std::int64_t, std::int64_t) { set_interrupted(true); };
  EXPECT_THROW(import_labels(options), Interrupted);
  set_interrupted(false);
  EXPECT_TRUE(line("b.png").has("corrections"));
  EXPECT_FALSE(line("u/a.jpg").has("corrections"));
  options.progress = {};
  EXPECT_EQ(import_labels(options).corrected, 1);
}

TEST_F(LabelImport, ADamagedSourceChangesNothing) {
  make_labels(LabelLayout::kPng, 1);
  const std::string before = read_text(root_ + "/labels/manifest.jsonl");
  write_file(root_ + "/new.xml", std::string("<annotations><image id='0' name='u/a.jpg' width='3' height='2'>"
                                             "<box label='dog' xtl='0' ytl='0' xbr='3' ybr='2'/></image>"));
  LabelImportOptions options = from("cvat");
  options.source = root_ + "/new.xml";
  expect_error([&] { import_labels(options); }, "no element found");
  EXPECT_EQ(label("labels/u/a.png"), (Labels{1, 0, 0, 1, 0, 0}));
  EXPECT_EQ(read_text(root_ + "/labels/manifest.jsonl"), before);
  write_file(options.source, read_text(options.source) + "</annotations>");
  std::int64_t calls = 0;
  options.progress = [&](std::int64_t done, std::int64_t total) { calls += done == 1 && total == 1; };
  EXPECT_EQ(import_labels(options).corrected, 1);
  EXPECT_EQ(calls, 1);
}

// Another import, or `label fuse`, may be rewriting the manifest: what it adds would be lost.
TEST_F(LabelImport, TheManifestIsRewrittenByOneAtATime) {
  make_labels(LabelLayout::kPng, 1);
  correct("u/a.png", {1, 2, 0, 1, 0, 0});
  const std::string before = read_text(root_ + "/labels/manifest.jsonl");
  auto lock = std::make_unique<FileLock>(root_ + "/labels/job.json", FileLock::Wait::kAlways);
  std::thread import([&] { import_labels(from("png-palette")); });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // without the lock it takes a few
  EXPECT_EQ(read_text(root_ + "/labels/manifest.jsonl"), before);
  lock.reset();
  import.join();
  EXPECT_TRUE(line("u/a.jpg").has("corrections"));
}

TEST_F(LabelImport, OnePixelOfAnyPictureIsACorrection) {
  make_labels(LabelLayout::kPng, 1);
  const Shape large{1500, 1500};  // one pixel is a share below the 1e-6 that the manifest keeps
  write_label_png(root_ + "/labels/labels/b.png", Tensor::zeros(large, DType::kInt32));
  Labels labels(static_cast<std::size_t>(large.numel()), 0);
  labels[77] = 1;
  correct("b.png", labels, large);
  EXPECT_EQ(import_labels(from("png-palette")).corrected, 1);
  EXPECT_EQ(label("labels/b.png")[77], 1);
}

// A correction that is refused leaves nothing behind that looks like one.
TEST_F(LabelImport, ARefusedCorrectionKeepsNoOriginal) {
  make_labels(LabelLayout::kPssl, 1);
  const auto import = [&](const std::string& folder) {
    fs::remove_all(root_ + "/new");
    write_npz(root_ + "/new/train/" + folder + "/a.JPEG_eiseg.npz",
              {{"arr_0", Tensor::from<std::int32_t>({2, 3}, {1, 0, 0, 1, 0, 0})}});
    return import_labels(from("pssl-npz"));
  };
  EXPECT_EQ(import("cat").failures.size(), 1U);
  EXPECT_FALSE(fs::exists(root_ + "/labels/originals"));
  EXPECT_EQ(import("dog").unchanged, 1);
  EXPECT_FALSE(line("u/a.jpg").has("corrections"));
}

// Any format out and in again: every pixel as it was.
TEST_F(LabelImport, ExportsComeBackUnchanged) {
  make_labels(LabelLayout::kPng, 1);
  correct("u/a.png", {1, 2, 0, 1, 255, 0});
  import_labels(from("png-palette"));
  const Dataset data =
      open_dataset({.format = "labels", .root = root_, .labels = "labels", .images = "images"});
  for (const char* format :
       {"png-palette", "png16", "voc", "imagenet-s", "coco-rle", "coco-polygons", "labelme", "cvat"}) {
    for (const std::int64_t shard : {0, 1 << 20}) {
      const std::string out = cat(root_, "/out-", format, shard);
      EXPECT_EQ(export_labels(data, {.folder = out, .format = format, .shard_bytes = shard}).written, 3)
          << format;
      LabelImportOptions options = from(format);
      options.source = out;
      const LabelImportCounts counts = import_labels(options);
      EXPECT_EQ(counts.unchanged, 3) << format << (counts.failures.empty() ? "" : counts.failures[0].error);
    }
  }
}

}  // namespace
}  // namespace clearcut
