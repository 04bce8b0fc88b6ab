// What the viewer shows of a folder of labels whose maps and masks are known.
#include "train/view/site.h"

#include "data/labels/export.h"
#include "explain/kept_maps.h"
#include "explain/label_import.h"
#include "tensor/interrupt.h"
#include "tensor/npy.h"
#include "tests/errors.h"
#include "tests/explain/fuse_fixture.h"
#include "train/report.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;
using test::squares, test::truth;

/// The value that a data script hands over.
JsonObject value_of(const HttpAnswer& answer, const std::string& name) {
  const std::string front = cat("take(\"", name, "\", "), back = ");\n";
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_TRUE(answer.body.starts_with(front) && answer.body.ends_with(back)) << answer.body.substr(0, 80);
  return JsonObject::parse(answer.body.substr(front.size(), answer.body.size() - front.size() - back.size()),
                           name);
}

JsonObject item_of(const ViewSite& site, int i) {
  return value_of(site.answer(cat("data/item-", i, ".js")), cat("item-", i));
}

/// The item shows nothing but why.
void expect_problem(const ViewSite& site, int i, const std::string& why) {
  const JsonObject item = item_of(site, i);
  EXPECT_NE(item.text("problem").find(why), std::string::npos) << item.text("problem");
  EXPECT_FALSE(item.has("picture"));
  EXPECT_TRUE(item.objects("layers").empty());
}

/// A label layer's runs, laid out again.
std::vector<std::int32_t> pixels_of(const JsonObject& layer) {
  std::vector<std::int32_t> pixels;
  const auto runs = layer.integers("runs");
  for (std::size_t i = 0; i < runs.size(); i += 2)
    pixels.insert(pixels.end(), static_cast<std::size_t>(runs[i + 1]), static_cast<std::int32_t>(runs[i]));
  return pixels;
}

class View : public test::Fuse {
 protected:
  ViewOptions shown() const { return {.folder = root_ + "/out", .images = root_, .masks = root_ + "/masks"}; }
  void make_labels(LabelLayout layout = LabelLayout::kPng) {
    FuseOptions options = by_value();
    options.keep_consensus = true;
    run("out", options, 0, 1, layout);
  }
};

TEST_F(View, ItemsHavePictureMaskMapAndTruth) {
  make_labels();
  const ViewSite site(shown());
  EXPECT_EQ(site.items(), 4);
  const JsonObject item = item_of(site, 0);
  EXPECT_EQ(item.text("name"), "a.png");
  EXPECT_EQ(item.text("picture"), "data:image/png;base64," + base64(read_file(root_ + "/images/a.png")));
  EXPECT_EQ(item.integer("width"), 16);
  EXPECT_FALSE(item.has("problem"));
  const auto layers = item.objects("layers");
  ASSERT_EQ(layers.size(), 3u);
  EXPECT_EQ(layers[0].text("name"), "mask");
  EXPECT_EQ(pixels_of(layers[0]), truth(true, false).values<std::int32_t>());
  EXPECT_EQ(layers[1].text("name"), "consensus: red");
  EXPECT_EQ(layers[1].integer("label"), 1);
  EXPECT_TRUE(layers[1].flag("together"));
  std::vector<std::uint8_t> map;  // CAM is the red channel, scaled to its range
  for (const std::int32_t value : truth(true, false).values<std::int32_t>())
    map.push_back(value == 1 ? 255 : 0);
  EXPECT_EQ(layers[1].text("values"), base64(map));
  EXPECT_EQ(layers[2].text("name"), "true mask");
  EXPECT_EQ(item.objects("tables")[0].objects("rows")[0].texts("cells")[0], "one");
}

// Thirds of the votes are thirds, though none has all of them: a threshold of a half takes the second alone.
TEST_F(View, VotesAreShownAsTheyCount) {
  make_labels();
  write_label_png(root_ + "/out/consensus/a.png.1.png", Tensor::from<std::int32_t>({1, 3}, {0, 21845, 43690}),
                  {.format = LabelFormat::kGray16});
  const auto layers = item_of(ViewSite(shown()), 0).objects("layers");
  EXPECT_EQ(layers[1].text("values"), base64({0, 85, 170}));
}

TEST_F(View, MembersMapsThatWereKept) {
  FuseOptions options = by_value();
  options.keep_maps = parse_keep("u8:16");
  run("out", options);
  const auto layers = item_of(ViewSite(shown()), 0).objects("layers");
  ASSERT_EQ(layers.size(), 6u);  // mask, true mask, two networks times CAM and Grad-CAM
  EXPECT_EQ(layers[2].text("name"), "red: network 1 explainer 2");
  EXPECT_FALSE(layers[2].has("together"));
  std::vector<std::uint8_t> map;  // at the picture's size nothing is resized: the red channel
  for (const std::int32_t value : truth(true, false).values<std::int32_t>())
    map.push_back(value == 1 ? 255 : 0);
  EXPECT_EQ(layers[2].text("values"), base64(map));
}

TEST_F(View, TheFolderTellsItsClassesAndItsRule) {
  make_labels();
  write_file(root_ + "/out/stats.html", std::string("<h1>stats</h1>"));
  const ViewSite site(shown());
  const JsonObject about = value_of(site.answer("data/about.js"), "about");
  EXPECT_EQ(about.texts("classes"), (std::vector<std::string>{"background", "red", "green"}));
  EXPECT_EQ(about.texts("colours")[1], "#800000");  // VOC's first colour
  EXPECT_EQ(about.text("measure"), "value");
  EXPECT_EQ(about.number("threshold"), 0.5);
  EXPECT_EQ(about.integer("items"), 4);
  EXPECT_EQ(about.texts("reports"), std::vector<std::string>{"files/stats.html"});
  EXPECT_EQ(site.answer("files/stats.html").body, "<h1>stats</h1>");
  const auto rows = value_of(site.answer("data/list-0.js"), "list-0").objects("rows");
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].text("note"), "9.8 %");  // 25 of 256 pixels
  EXPECT_EQ(rows[3].text("note"), "no label");
}

// 25 of 256 pixels before, none after.
TEST_F(View, CorrectedLabelsShowWhatTheyCoverNow) {
  make_labels();
  write_label_png(root_ + "/corrected/labels/a.png", truth(false, false));
  import_labels(
      {.source = root_ + "/corrected", .format = "png-palette", .folder = root_ + "/out", .by = "Ada"});
  const ViewSite site(shown());
  EXPECT_EQ(value_of(site.answer("data/list-0.js"), "list-0").objects("rows")[0].text("note"), "0.0 %");
  const std::vector<JsonObject> facts = item_of(site, 0).objects("facts");
  ASSERT_EQ(facts.size(), 5u);
  EXPECT_EQ(facts[1].text("value"), "0.0 %");
  EXPECT_EQ(facts[3].text("name") + " " + facts[3].text("value"), "corrected by Ada");
}

TEST_F(View, LimitedToTheFirstPictures) {
  make_labels();
  ViewOptions options = shown();
  options.limit = 2;
  EXPECT_EQ(ViewSite(options).items(), 2);
  EXPECT_EQ(ViewSite(options).answer("data/item-2.js").status, 404);
}

// Without a background class of its own the data set's class c is the label value c + 1.
TEST_F(View, LabelValuesAboveTheClassesAreNamedRight) {
  without_background();
  run("out", keeping_all());
  const JsonObject item = item_of(ViewSite(shown()), 0);
  EXPECT_EQ(item.objects("layers")[1].text("name"), "consensus: red");
  EXPECT_EQ(item.objects("layers")[1].integer("label"), 1);
  EXPECT_EQ(item.objects("layers")[2].text("name"), "red: network 1 explainer 1");
  EXPECT_EQ(item.objects("tables")[0].objects("rows")[0].texts("cells")[1], "red");
}

TEST_F(View, PublishedLayout) {
  make_labels(LabelLayout::kPssl);
  const ViewSite site(shown());
  const JsonObject about = value_of(site.answer("data/about.js"), "about");
  EXPECT_EQ(about.integer("background"), 3);
  EXPECT_EQ(about.texts("classes").back(), "background");
  const auto mask =
      pixels_of(item_of(site, 1).objects("layers")[0]);  // b.png: green, rows and columns 9 to 14
  EXPECT_EQ(mask[10 * 16 + 10], 2);
  EXPECT_EQ(mask[0], 3);
}

TEST_F(View, PicturesThatAreGoneOrBrokenAreNamed) {
  make_labels();
  fs::remove(root_ + "/images/a.png");
  write_file(root_ + "/images/b.png", std::string("no picture"));
  const ViewSite site(shown());
  EXPECT_FALSE(item_of(site, 0).has("picture"));
  EXPECT_NE(item_of(site, 0).text("problem").find("a.png"), std::string::npos);
  EXPECT_EQ(item_of(site, 0).objects("layers").size(), 3u);
  EXPECT_FALSE(item_of(site, 1).has("picture"));
}

TEST_F(View, DamagedManifestsAreShownAsFarAsTheyGo) {
  make_labels();
  write_file(root_ + "/out/manifest.jsonl", "{nonsense\n" + text("out/manifest.jsonl") + "{\"id\": \"torn");
  const ViewSite site(shown());
  EXPECT_EQ(site.items(), 5);
  const auto rows = value_of(site.answer("data/list-0.js"), "list-0").objects("rows");
  EXPECT_EQ(rows[0].text("name"), "line 1");
  EXPECT_EQ(rows[1].text("name"), "a.png");
  EXPECT_EQ(item_of(site, 1).text("name"), "a.png");
  expect_problem(site, 0, "manifest.jsonl:1");
  site.write(root_ + "/site");
  EXPECT_EQ(text("site/data/item-0.js"), site.answer("data/item-0.js").body);
}

TEST_F(View, NothingOutsideTheFolderIsShown) {
  make_labels();
  write_file(root_ + "/secret.json", std::string("{}"));
  write_file(root_ + "/out/weights.safetensors", std::string("x"));
  fs::create_symlink("../secret.json", root_ + "/out/link.json");
  fs::create_symlink("../masks", root_ + "/out/masks");
  write_file(
      root_ + "/out/manifest.jsonl",
      std::string("{\"id\":\"a\",\"image\":\"images/a.png\",\"label\":\"../masks/a.png\",\"classes\":[1]}\n"
                  "{\"id\":\"a\",\"image\":\"images/a.png\",\"label\":\"masks/a.png\",\"classes\":[1]}\n"
                  "{\"id\":\"a\",\"image\":\"secret.json\",\"classes\":[1]}\n"));
  const ViewSite site(shown());
  EXPECT_EQ(site.answer("files/job.json").status, 200);
  for (const std::string path :
       {"files/../secret.json", "files/link.json", "files//etc/passwd", "files/", "files/masks/a.png",
        "files/weights.safetensors", "files/labels/a.png", "../secret.json", "job.json", "data/item-3.js",
        "data/item--1.js", "data/item-.js", "data/item-+1.js", "data/item-99999999999999999999.js",
        "data/list-1.js", "data/../files/job.json", "metrics.html", "index.html"})
    EXPECT_EQ(site.answer(path).status, 404) << path;
  expect_problem(site, 0, "is not in");
  expect_problem(site, 1, "is not in");
  EXPECT_FALSE(item_of(site, 2).has("picture"));
}

TEST_F(View, ThePageAllowsItsOwnScriptAndNothingElse) {
  make_labels();
  const ViewSite site(shown());
  const HttpAnswer page = site.answer("");
  const auto at = page.policy.find("script-src 'nonce-") + 18;
  const std::string nonce = page.policy.substr(at, page.policy.find('\'', at) - at);
  EXPECT_EQ(nonce.size(), 32u);
  EXPECT_TRUE(page.policy.starts_with("default-src 'none'; "));
  EXPECT_EQ(page.policy.find("unsafe"), std::string::npos);
  EXPECT_NE(page.body.find("<script nonce=\"" + nonce + "\">"), std::string::npos);
  EXPECT_NE(site.answer("").policy, page.policy);  // another one each time
  for (const char* outside :
       {"http:", "https:", "//www", "@import", "url(", "{title}", "{script}", "innerHTML", "eval("})
    EXPECT_EQ(page.body.find(outside), std::string::npos) << outside;
}

TEST_F(View, AnExportIsTheSameSiteAsFiles) {
  make_labels();
  write_file(root_ + "/out/report/index.html", std::string("<h1>report</h1>"));
  const ViewSite site(shown());
  site.write(root_ + "/site");
  for (const std::string path :
       {"data/about.js", "data/list-0.js", "data/item-0.js", "data/item-3.js", "files/report/index.html"})
    EXPECT_EQ(text("site/" + path), site.answer(path).body) << path;
  EXPECT_EQ(text("site/index.html"), view_page("out", "clearcut"));
  expect_error([&] { site.write(root_ + "/out/site"); }, "lies in the folder that is shown");
  std::int64_t written = 0;
  const auto stop_at_two = [&](std::int64_t items) { set_interrupted((written = items) == 2); };
  EXPECT_THROW(site.write(root_ + "/half", stop_at_two), Interrupted);
  set_interrupted(false);
  EXPECT_EQ(written, 2);
  EXPECT_FALSE(fs::exists(root_ + "/half/index.html"));  // it says that all is there
}

TEST_F(View, MapsOfExplain) {
  write_npz(root_ + "/maps/sub/a.npz", {{"net.cam", Tensor::from<float>({1, 3}, {-1, 0, 1})},
                                        {"net.ig", Tensor::from<float>({1, 3}, {2, 2, 2})}});
  const std::string line =
      "{\"id\":\"sub/"
      "a.png\",\"classifier\":\"net\",\"explainer\":\"cam\",\"target\":\"top1\",\"probability\":0.25,"
      "\"top1\":1,\"seed\":1,\"min\":-1.0,\"max\":1.0,\"empty\":false}\n";
  write_file(root_ + "/maps/index.jsonl", line + line);
  fs::create_directories(root_ + "/images/sub");
  fs::copy(root_ + "/images/a.png", root_ + "/images/sub/a.png");
  const ViewSite site({.folder = root_ + "/maps", .images = root_ + "/images"});
  EXPECT_EQ(site.items(), 1);
  const JsonObject item = item_of(site, 0);
  EXPECT_TRUE(item.has("picture"));
  EXPECT_EQ(item.objects("layers")[0].text("values"), base64({0, 128, 255}));
  EXPECT_EQ(item.objects("layers")[1].text("values"), base64({0, 0, 0}));
  EXPECT_EQ(item.objects("tables")[0].objects("rows").size(), 2u);
}

TEST_F(View, MasksOfPredict) {
  write_label_png(root_ + "/predicted/a.png", truth(true, false));
  write_png(root_ + "/predicted/a.overlay.png", squares(true, false));
  write_png(root_ + "/predicted/legend.png", squares(true, false));
  write_file(root_ + "/predicted/classes.txt",
             std::string("0 background 0 0 0\n1 red 255 0 0\n2 green 0 255 0\n"));
  const ViewSite site(
      {.folder = root_ + "/predicted", .images = root_ + "/images", .masks = root_ + "/masks"});
  EXPECT_EQ(site.items(), 1);
  const JsonObject item = item_of(site, 0);
  EXPECT_TRUE(item.has("picture"));
  EXPECT_EQ(pixels_of(item.objects("layers")[0]), truth(true, false).values<std::int32_t>());
  EXPECT_EQ(item.objects("layers")[1].text("name"), "true mask");
  EXPECT_EQ(value_of(site.answer("data/about.js"), "about").texts("colours")[1], "#ff0000");
}

TEST_F(View, CurvesOfARun) {
  write_file(root_ + "/run/metrics.jsonl",
             std::string(
                 "{\"kind\":\"train\",\"step\":1,\"loss\":2.5,\"rate\":0.1,\"items_per_second\":3}\n"
                 "{\"kind\":\"eval\",\"step\":1,\"metric\":\"miou\",\"score\":0.125,\"numbers\":{\"classes\":"
                 "[{\"name\":\"<cat>\",\"iou\":0.5,\"precision\":null,\"recall\":1}]}}\n"));
  const ViewSite site({.folder = root_ + "/run"});
  EXPECT_EQ(site.items(), 0);
  EXPECT_EQ(value_of(site.answer("data/about.js"), "about").texts("reports"),
            std::vector<std::string>{"metrics.html"});
  const std::string page = site.answer("metrics.html").body;
  for (const char* text : {"12.50", "&lt;cat&gt;", "50.0", "Mean loss"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
}

// Their index has the name of that of `explain`.
TEST_F(View, TarShardsAreNamedAsSuch) {
  const Dataset set = data();
  export_labels(set, {.folder = root_ + "/shards", .format = "png16", .shard_bytes = 20480});
  expect_error([&] { ViewSite({.folder = root_ + "/shards"}); },
               "holds tar shards of `label export`, and pictures are shown from folders of files");
}

TEST_F(View, AFolderMustBeThere) {
  expect_error([&] { ViewSite({.folder = root_ + "/nowhere"}); }, "there is no folder");
  expect_error([&] { ViewSite({.folder = root_ + "/images"}); }, "holds nothing to show");
}

}  // namespace
}  // namespace clearcut
