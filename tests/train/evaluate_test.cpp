#include "train/evaluate.h"

#include <gtest/gtest.h>

#include "data/drawn.h"
#include "tensor/file.h"
#include "tensor/npy.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/errors.h"
#include "tests/train/folder.h"
#include "train/class_weights.h"
#include "train/config.h"
#include "train/legend.h"

namespace clearcut {
namespace {

/// Logits = a fixed [3, 2] matrix times the mean of the two colour channels 0 and 1, per pixel of a grid of
/// half the size: a network whose answers can be worked out by hand.
class HandNet : public Segmenter {
 public:
  const std::string& name() const override { return name_; }
  std::int64_t classes() const override { return 2; }
  std::vector<Var> logits(const Var& x) const override { return {main_logits(x)}; }
  /// Class 0 scores -red, class 1 scores +red.
  Var main_logits(const Var& x) const override {
    const Tensor& in = x.value();
    const std::int64_t N = in.dim(0), P = in.dim(2) * in.dim(3);
    Tensor z({N, 2, in.dim(2), in.dim(3)});
    for (std::int64_t n = 0; n < N; ++n)
      for (std::int64_t p = 0; p < P; ++p) {
        const float red = in.data<const float>()[n * 3 * P + p];
        z.data<float>()[n * 2 * P + p] = -red;
        z.data<float>()[(n * 2 + 1) * P + p] = red;
      }
    return Var(z);
  }
  std::size_t outputs() const override { return 1; }
  Registry& registry() override { return registry_; }

 private:
  std::string name_ = "hand";
  Registry registry_;
};

Tensor red_right_half(std::int64_t height, std::int64_t width) {
  Tensor picture = Tensor::zeros({height, width, 3}, DType::kUInt8);
  for (std::int64_t p = 0; p < height * width; ++p)
    picture.data<std::uint8_t>()[p * 3] = p % width >= width / 2 ? 255 : 0;
  return picture;
}

TEST(Predict, LabelsHaveThePicturesSizeForAnyInputSize) {
  HandNet net;
  const Tensor picture = red_right_half(6, 10);
  for (const std::int64_t side : {0, 3, 12}) {
    const Tensor labels = predict_labels(net, picture, {}, {.resize_short = side});
    ASSERT_EQ(labels.shape(), (Shape{6, 10}));
    const auto v = labels.values<std::int32_t>();
    EXPECT_EQ(v[0], 0);
    EXPECT_EQ(v[9], 1);
  }
}

TEST(Predict, AverageOfMirroredLogitsOfAPointwiseNetChangesNothing) {
  HandNet net;
  const Tensor picture = red_right_half(4, 8);
  const Tensor plain = predict_logits(net, picture, {}),
               flipped = predict_logits(net, picture, {}, {.flip = true});
  EXPECT_EQ(plain.values<float>(), flipped.values<float>());
}

TEST(Predict, TheLowestClassWinsAmongEqualLogits) {
  const Tensor labels = argmax_classes(Tensor::from<float>({3, 1, 2}, {1, 0, 1, 2, 0, 2}));
  EXPECT_EQ(labels.values<std::int32_t>(), (std::vector<std::int32_t>{0, 1}));
}

TEST(Predict, PixelScaleAndNormalizeAreInverse) {
  const Normalize n = {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
  const Normalize back = normalize_of(pixels_of(n));
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_DOUBLE_EQ(back.mean[c], n.mean[c]);
    EXPECT_DOUBLE_EQ(back.deviation[c], n.deviation[c]);
  }
}

// Two pictures of two pixels. Truth 0 1 | 1 ignored, prediction 0 0 | 1 1: confusion [[1, 0], [1, 1]];
// IoU of 0: 1/2, of 1: 1/2; pixel accuracy 2/3.
TEST(Evaluate, FoldersAreComparedByName) {
  const test::Folder folder;
  const auto label = [](std::vector<std::int32_t> v) { return Tensor::from<std::int32_t>({1, 2}, v); };
  write_label_png(folder / "gt/a.png", label({0, 1}));
  write_label_png(folder / "gt/sub/b.png", label({1, 255}));
  write_label_png(folder / "pred/a.png", label({0, 0}));
  write_label_png(folder / "pred/sub/b.png", label({1, 1}));
  write_label_png(folder / "gt/missing.png", label({1, 1}));
  const FolderPair pair = {.predictions = folder / "pred", .truth = folder / "gt", .classes = 2};
  const Evaluation e = evaluate_folders(pair, {.bootstrap = 0});
  EXPECT_DOUBLE_EQ(e.scores.miou, 0.5);
  EXPECT_DOUBLE_EQ(e.scores.pixel_accuracy, 2.0 / 3);
  EXPECT_EQ(e.total.count(1, 0), 1);
  ASSERT_EQ(e.failures.size(), 1U);
  EXPECT_EQ(e.failures[0].id, "missing.png");
  write_evaluation(folder / "out", e, {"ground", "thing, red"}, {});
  EXPECT_EQ(read_text(folder / "out/eval.csv"),
            "class,iou,dice,boundary_iou,precision,recall\nground,0.5,0.666666667,0.5,0.5,1\n"
            "\"thing, red\",0.5,0.666666667,0.5,1,0.5\n");
  EXPECT_EQ(read_text(folder / "out/confusion.csv"),
            "truth,ground,\"thing, red\",undecided\nground,1,0,0\n\"thing, red\",1,1,0\n");
  EXPECT_EQ(JsonObject::read(folder / "out/eval.json").number("miou"), 0.5);
}

// One class of three is nowhere: the mean over two classes, or the released one with 1 for the third.
// Confusion [[2, 0], [1, 1]]: IoU 2/3 and 1/2, kappa ((3/4) - (1/2)) / (1 - 1/2) = 1/2.
TEST(Evaluate, TheReleasedPolicyStandsBesideTheDefault) {
  const test::Folder folder;
  write_label_png(folder / "gt/a.png", Tensor::from<std::int32_t>({1, 4}, {0, 0, 1, 1}));
  write_label_png(folder / "pred/a.png", Tensor::from<std::int32_t>({1, 4}, {0, 0, 0, 1}));
  const FolderPair pair = {.predictions = folder / "pred", .truth = folder / "gt", .classes = 3};
  const Evaluation e = evaluate_folders(pair, {.bootstrap = 20});
  const std::vector<std::string> names = {"ground", "<b>", "gone"};
  write_evaluation(folder / "out", e, names, {});
  const JsonObject json = JsonObject::read(folder / "out/eval.json");
  EXPECT_DOUBLE_EQ(json.number("miou"), (2.0 / 3 + 1.0 / 2) / 2);
  EXPECT_DOUBLE_EQ(json.number("released_miou"), (2.0 / 3 + 1.0 / 2 + 1) / 3);
  EXPECT_DOUBLE_EQ(json.number("kappa"), 0.5);
  EXPECT_DOUBLE_EQ(json.number("mean_dice"), (4.0 / 5 + 2.0 / 3) / 2);
  EXPECT_DOUBLE_EQ(json.object("intervals").object("kappa").number("low"), 0.5);  // one picture: no spread
  const std::string text = read_text(folder / "out/eval.txt");
  EXPECT_NE(text.find("mIoU 58.33 [58.33, 58.33]\n"), std::string::npos) << text;
  EXPECT_NE(text.find("mIoU as released (absent classes count 1) 72.22\n"), std::string::npos) << text;
  EXPECT_NE(text.find("2 of 3 classes in the means (absent: exclude), 1 pictures"), std::string::npos)
      << text;
  const std::string page = read_text(folder / "out/confusion.html");
  EXPECT_NE(page.find("&lt;b&gt; called ground: 1 pixels"), std::string::npos);
  EXPECT_EQ(page.find("undecided"), std::string::npos) << "no pixel is";
  // The row of class 1: half of its pixels are called ground.
  EXPECT_NE(page.find("fill-opacity='0.5'"), std::string::npos);
}

TEST(Evaluate, ThePageShowsTheFortyWorstClassesAndWhatIsUndecided) {
  const test::Folder folder;
  Tensor truth({1, 60}, DType::kInt32), prediction({1, 60}, DType::kInt32);
  for (int c = 0; c < 60; ++c) {  // classes 10 and up are called undecided, the others are right
    truth.data<std::int32_t>()[c] = c;
    prediction.data<std::int32_t>()[c] = c < 10 ? c : 255;
  }
  write_label_png(folder / "gt/a.png", truth);
  write_label_png(folder / "pred/a.png", prediction);
  const Evaluation e = evaluate_folders(
      {.predictions = folder / "pred", .truth = folder / "gt", .classes = 60}, {.bootstrap = 0});
  std::vector<std::string> names;
  for (int c = 0; c < 60; ++c) names.push_back(cat("class", c, "."));
  write_evaluation(folder / "out", e, names, {});
  const std::string page = read_text(folder / "out/confusion.html");
  EXPECT_NE(page.find("The 40 of 60 classes"), std::string::npos);
  EXPECT_NE(page.find("class10. called undecided: 1 pixels"), std::string::npos);
  EXPECT_EQ(page.find("class9."), std::string::npos);
  EXPECT_EQ(page.find("class50."), std::string::npos);  // of equals the first forty
}

// Counts go to pictures.npz and come back.
TEST(Evaluate, CountsOfPicturesAreKept) {
  const test::Folder folder;
  write_label_png(folder / "gt/a.png", Tensor::from<std::int32_t>({1, 3}, {0, 1, 1}));
  write_label_png(folder / "pred/a.png", Tensor::from<std::int32_t>({1, 3}, {0, 0, 1}));
  const FolderPair pair = {.predictions = folder / "pred", .truth = folder / "gt", .classes = 2};
  for (const double boundary : {0.02, 0.0}) {
    write_evaluation(folder / "out", evaluate_folders(pair, {.bootstrap = 0, .boundary = boundary}),
                     {"a", "b"}, {});
    const std::vector<Tally> back = read_picture_counts(folder / "out");
    ASSERT_EQ(back.size(), 1U);
    ASSERT_EQ(back[0].area.size(), 2U);
    EXPECT_EQ(back[0].area[1].hit, 1);
    EXPECT_EQ(back[0].area[1].truth, 2);
    EXPECT_EQ(back[0].area[0].predicted, 2);
    EXPECT_EQ(back[0].boundary.size(), boundary > 0 ? 2U : 0U);
  }
}

TEST(Evaluate, AMaskOfAnotherSizeIsAFailureOfThatPicture) {
  const test::Folder folder;
  write_label_png(folder / "gt/a.png", Tensor::zeros({1, 2}, DType::kInt32));
  write_label_png(folder / "gt/b.png", Tensor::zeros({1, 2}, DType::kInt32));
  write_label_png(folder / "pred/a.png", Tensor::zeros({2, 2}, DType::kInt32));
  write_label_png(folder / "pred/b.png", Tensor::zeros({1, 2}, DType::kInt32));
  const Evaluation e =
      evaluate_folders({.predictions = folder / "pred", .truth = folder / "gt", .classes = 1});
  ASSERT_EQ(e.failures.size(), 1U);
  EXPECT_NE(e.failures[0].error.find("the prediction has size [2, 2], the mask [1, 2]"), std::string::npos)
      << e.failures[0].error;
}

// Seven pictures on one thread and on three: the last group has one; 3.png is of another size.
TEST(Evaluate, PicturesComeInTheirOrderFromAnyThreads) {
  const test::Folder folder;
  write_file(folder / "classes.txt", std::string("0 ground\n1 red\n"));
  std::string list;
  for (int i = 0; i < 7; ++i) {
    Tensor picture({8, 9, 3}, DType::kUInt8);
    for (std::int64_t j = 0; j < picture.numel(); ++j)
      picture.data<std::uint8_t>()[j] = static_cast<std::uint8_t>(RandomStream(i, "pixels").below(j, 256));
    write_png(folder / cat(i, ".png"), picture);
    write_label_png(folder / cat(i, "_mask.png"), Tensor::full({8, i == 3 ? 7 : 9}, i % 2, DType::kInt32));
    list += cat(i, ".png ", i, "_mask.png\n");
  }
  write_file(folder / "train.txt", list);
  const Dataset data = open_dataset({.format = "list", .root = folder.path()});
  const auto evaluated = [&](int n) {
    HandNet net;
    set_threads(n);
    Evaluation e = evaluate(net, data, {}, {.bootstrap = 0});
    set_threads(0);
    return e;
  };
  const Evaluation one = evaluated(1), three = evaluated(3);
  EXPECT_EQ(one.names, (std::vector<std::string>{"0.png", "1.png", "2.png", "4.png", "5.png", "6.png"}));
  EXPECT_EQ(three.names, one.names);
  EXPECT_EQ(three.scores.miou, one.scores.miou);
  for (std::size_t i = 0; i < one.pictures.size(); ++i)
    EXPECT_EQ(three.pictures[i].area[1].hit, one.pictures[i].area[1].hit) << i;
  for (const Evaluation* e : {&one, &three}) {
    ASSERT_EQ(e->failures.size(), 1U);
    EXPECT_EQ(e->failures[0].id, "3.png");
  }
}

// A picture of Pillow's with orientation 6: its file lies on its side, the mask was made upright.
TEST(Evaluate, PicturesAreTurnedUprightWhereAsked) {
  const test::Folder folder;
  const auto file = find_array(read_npz("tests/golden/data/pictures.npz"), "file:exif6.jpg", "pictures.npz");
  write_file(folder / "a.jpg", file.values<std::uint8_t>());
  write_file(folder / "train.txt", std::string("a.jpg a.png\n"));
  write_file(folder / "classes.txt", std::string("0 ground\n1 red\n"));
  HandNet net;
  const Tensor upright = read_picture(folder / "a.jpg", {.apply_exif = true});
  ASSERT_NE(upright.dim(0), upright.dim(1));
  write_label_png(folder / "a.png", predict_labels(net, upright, {}));
  const Dataset data = open_dataset({.format = "list", .root = folder.path()});
  EXPECT_EQ(evaluate(net, data, {}, {.picture = {.apply_exif = true}, .bootstrap = 0}).scores.miou, 1);
  expect_error([&] { evaluate(net, data, {}); }, "no picture could be scored");
}

TEST(ClassWeights, ShorthandNamesDefaultBackgroundIndexAndName) {
  const std::vector<std::string> names = {"road", "sky", "car", "ground"};
  EXPECT_EQ(parse_class_weights("default=1,3=0.1", names, 3), (std::vector<double>{1, 1, 1, 0.1}));
  EXPECT_EQ(parse_class_weights("background=0.1, default=2", names, 3), (std::vector<double>{2, 2, 2, 0.1}));
  EXPECT_EQ(parse_class_weights("sky=0,sky=3", names, -1), (std::vector<double>{1, 3, 1, 1}));
  for (const char* bad : {"sky", "sky=x", "sky=-1", "4=1", "skies=1", "background=1"})
    EXPECT_THROW(parse_class_weights(bad, names, -1), ConfigError) << bad;
}

TEST(Legend, ShowsABoxOfEachColourAndWrapsRows) {
  const Rgb red = {200, 0, 0}, blue = {0, 0, 200};
  const Tensor wide = legend_picture({"cat", "dog"}, {red, blue}, 200);
  const Tensor narrow = legend_picture({"cat", "dog"}, {red, blue}, 50);
  EXPECT_EQ(wide.dim(0), 12);
  EXPECT_EQ(narrow.dim(0), 24);
  const auto v = wide.values<std::uint8_t>();
  const auto count = [&](Rgb c) {
    int n = 0;
    for (std::size_t i = 0; i < v.size(); i += 3)
      n += v[i] == c.r && v[i + 1] == c.g && v[i + 2] == c.b ? 1 : 0;
    return n;
  };
  EXPECT_EQ(count(red), 36);  // 6 x 6 inside the frame
  EXPECT_EQ(count(blue), 36);
  EXPECT_EQ(stack_pictures(wide, narrow).shape(), (Shape{36, 200, 3}));
}

}  // namespace
}  // namespace clearcut
