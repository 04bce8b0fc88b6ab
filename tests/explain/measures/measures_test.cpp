// Measures where the right number follows from the network or from a drawing of a few pixels.
#include <gtest/gtest.h>

#include <cmath>

#include "explain/measures/fidelity.h"
#include "explain/measures/localisation.h"
#include "explain/measures/measure_table.h"
#include "explain/measures/patch.h"
#include "explain/measures/randomisation.h"
#include "explain/measures/removal.h"
#include "explain/measures/similarity.h"
#include "tests/errors.h"
#include "tests/explain/small_net.h"

namespace clearcut {
namespace {

using test::LinearNet;
using test::random_tensor;
using test::SmallNet;

Tensor row(const std::vector<float>& values) {
  return Tensor::from<float>({1, static_cast<std::int64_t>(values.size())}, values);
}

Frame plain_frame(const Tensor& x) {
  const Box whole{0, 0, static_cast<double>(x.dim(2)), static_cast<double>(x.dim(3))};
  return {whole, x.dim(2), x.dim(3), x.dim(2), x.dim(3)};
}

ExplainInput one_picture(const Tensor& x, const Target& target) {
  ExplainInput input{.x = x};
  input.targets = {target};
  input.items = {7};
  return input;
}

/// A network, a picture and an explainer's own map of it.
struct OnTrial {
  OnTrial(Classifier& net, const Tensor& x, const Target& target, const std::string& text,
          Evidence evidence = {})
      : explainer(parse_explainer(text)),
        said(explain_all(net, one_picture(x, target), {explainer}).by_explainer[0]),
        subject(net, one_picture(x, target), plain_frame(x), std::move(evidence)),
        trial(subject, explainer, said) {}
  Verdict operator()(const std::string& measure) { return parse_measure(measure).judge(trial); }

  ExplainOptions explainer;
  Explanation said;
  Subject subject;
  Trial trial;
};

TEST(Removal, StagesByHand) {
  EXPECT_EQ(ordered_stages(row({1, 5, 3, 4, 2}), 2), (std::vector<std::int32_t>{2, 1, 2, 1, 2}));
  // Percentiles 75, 50, 25, 0 of 1 .. 5 are 4, 3, 2, 1: above them lie 5, then 4, 3, 2, and never 1.
  EXPECT_EQ(percentile_stages(row({1, 5, 3, 4, 2}), 4, false), (std::vector<std::int32_t>{5, 1, 3, 2, 4}));
  // Below 1, 2, 3, 4 lie nothing, then 1, 2, 3; 4 and 5 never.
  EXPECT_EQ(percentile_stages(row({1, 5, 3, 4, 2}), 4, true), (std::vector<std::int32_t>{2, 5, 4, 5, 3}));
  const Tensor segments = Tensor::from<std::int32_t>({1, 4}, {0, 1, 1, 2});
  EXPECT_EQ(superpixel_stages(segments, {1, -5, 2}, false), (std::vector<std::int32_t>{3, 1, 1, 2}));
  EXPECT_EQ(superpixel_stages(segments, {1, -5, 2}, true), (std::vector<std::int32_t>{1, 3, 3, 2}));
  EXPECT_EQ(trapezoid({1, 0.5, 0}), 0.5);
  EXPECT_EQ(trapezoid({1, 1, 0}), 0.75);
}

// Superpixels of a LIME go one by one: as many rows as superpixels, and one.
TEST(Removal, SuperpixelsOfLimeAreTheRowsOfTheLibrarysCurve) {
  SmallNet net;
  const Tensor x = random_tensor({1, 3, 16, 16}, "x");
  OnTrial lime(net, x, {.classes = {2}}, "lime:samples=40:segments=6");
  const std::size_t K = lime.said.coefficients[0].size();
  const Verdict morf = lime("morf"), lerf = lime("lerf"), in = lime("insertion_lib");
  ASSERT_EQ(morf.y.size(), K + 1);
  EXPECT_EQ(morf.y.front(), lerf.y.front());  // nothing is gone
  EXPECT_EQ(morf.y.back(), lerf.y.back());    // all is gone
  EXPECT_EQ(in.y.back(), morf.y.front());     // all is there
}

TEST(Removal, CellsOfAGridAreItsRegions) {
  SmallNet net;
  OnTrial lime(net, random_tensor({1, 3, 16, 16}, "x"), {.classes = {2}}, "lime:samples=40:grid=3");
  EXPECT_EQ(lime("morf").y.size(), 10U);  // nothing, then a cell of nine more each time
}

TEST(Infidelity, ByHand) {
  EXPECT_EQ(infidelity({1, 2}, {1, 4}, false), 2);  // (0 + 4) / 2
  EXPECT_EQ(infidelity({1, 2}, {2, 4}, true), 0);   // beta 2
  EXPECT_EQ(infidelity({0, 0}, {1, 3}, true), 5);   // nothing promised: (1 + 9) / 2
}

// InterpretDL's 25^2 + 21^2 + 13^2 squares of a 224 x 224 picture.
TEST(Infidelity, SquaresAreTheLibrarys) {
  const std::vector<Square> squares = infidelity_squares(224, 224);
  EXPECT_EQ(squares.size(), 1235U);
  EXPECT_EQ(squares[1].left, 8);
  EXPECT_EQ(squares[0].side, 32);
  EXPECT_EQ(squares[1234].side, 128);
}

// On z = <w, x> the signed gradient promises exactly what is lost.
TEST(Infidelity, IsZeroForALinearNet) {
  LinearNet net(random_tensor({2, 3 * 16 * 16}, "w"));
  const Tensor x = random_tensor({1, 3, 16, 16}, "x");
  OnTrial right(net, x, {.classes = {1}}, "saliency:score=logit:reduction=signed");
  // Losses near 1, each off by the rounding of logits near 30 in float32: squares below 1e-10.
  EXPECT_LT(right("infidelity_captum:noise=0.05").value, 1e-10);
  OnTrial wrong(net, x, {.classes = {0}}, "saliency:score=logit:reduction=signed");
  Trial other(wrong.subject, right.explainer, right.said);
  EXPECT_GT(parse_measure("infidelity_captum:noise=0.05").judge(other).value, 0.1);
}

TEST(Sensitivity, OfALinearNetIsZero) {
  LinearNet net(random_tensor({2, 3 * 16 * 16}, "w"));
  OnTrial linear(net, random_tensor({1, 3, 16, 16}, "x"), {.classes = {1}}, "saliency:score=logit");
  EXPECT_EQ(linear("sensitivity_max").value, 0);
  SmallNet bent;
  OnTrial curved(bent, random_tensor({1, 3, 16, 16}, "x"), {.classes = {1}}, "saliency");
  EXPECT_GT(curved("sensitivity_max").value, 1e-3);
}

// Integrated gradients add up to s(x) - s(x'), gradients do not.
TEST(Completeness, TellsIntegratedGradientsFromGradients) {
  SmallNet net;
  const Tensor x = random_tensor({1, 3, 16, 16}, "x");
  OnTrial whole(net, x, {.classes = {1}}, "ig:steps=100:baseline=blur:score=logit");
  EXPECT_LT(whole("completeness").value, 1e-2);  // 100 points on a path with kinks
  OnTrial part(net, x, {.classes = {1}}, "saliency:score=logit");
  EXPECT_GT(part("completeness").value, 0.1);
}

// LRP has no score=: its relevances add up to the logit, also where the target is a probability.
TEST(Completeness, ComparesWhatIsExplained) {
  SmallNet net;
  const Tensor x = random_tensor({1, 3, 16, 16}, "x");
  const auto difference = [&](const char* explainer) {
    OnTrial on(net, x, {.classes = {1}, .probability = true}, explainer);
    return on("completeness").parts[1].second;
  };
  const double logit = difference("saliency:score=logit");
  EXPECT_EQ(difference("lrp"), logit);
  EXPECT_NE(difference("saliency:score=probability"), logit);
}

// Coefficients of superpixels stand on each of their pixels: the map's sum says nothing.
TEST(Completeness, IsNotAskedOfSuperpixels) {
  SmallNet net;
  OnTrial pieces(net, random_tensor({1, 3, 16, 16}, "x"), {.classes = {1}}, "shapley:samples=4:grid=2");
  EXPECT_TRUE(std::isnan(pieces("completeness").value));
}

TEST(Randomisation, AMapThatSaysNothingIsNotJudged) {
  SmallNet net;
  OnTrial empty(net, random_tensor({1, 3, 16, 16}, "x"), {.classes = {1}}, "gradcam");
  EXPECT_FALSE(std::isnan(empty("class_randomisation").value));
  empty.said.empty[0] = true;
  EXPECT_TRUE(std::isnan(empty("class_randomisation").value));
}

TEST(Measures, NumbersOfThingsAreWhole) {
  EXPECT_THROW(parse_measure("deletion:steps=4.5"), Error);
  EXPECT_NO_THROW(parse_measure("deletion:steps=4"));
}

TEST(Localisation, AveragePrecisionByHand) {
  const Tensor inside = Tensor::from<std::uint8_t>({1, 5}, {1, 0, 1, 0, 255});
  // Falling: 8 in, 4 out, 2 in, 1 out: 1/2 * 1 + 1/2 * 2/3.
  EXPECT_NEAR(average_precision(row({8, 4, 2, 1, 99}), inside), 0.5 + 1.0 / 3, 1e-12);
  EXPECT_NEAR(average_precision(row({3, 3, 3, 3, 99}), inside), 0.5, 1e-12);  // one threshold
  EXPECT_TRUE(std::isnan(average_precision(row({1, 2}), Tensor::zeros({1, 2}, DType::kUInt8))));
}

TEST(Localisation, MaskIouByHand) {
  const Tensor inside = Tensor::from<std::uint8_t>({1, 5}, {1, 1, 0, 0, 255});
  // 10, 2, 2, 1 against 0.2 * 10: called are the first three. Object 2 of 3, background 1 of 2.
  EXPECT_NEAR(mask_iou(row({10, 2, 2, 1, 0}), inside, 0.2), (2.0 / 3 + 0.5) / 2, 1e-12);
  EXPECT_NEAR(mask_iou(row({10, 2, 2, 1, 99}), inside, 0.2), (2.0 / 3 + 0.5) / 2,
              1e-12);                                                     // 99 does not count
  EXPECT_NEAR(mask_iou(row({0, 0, 0, 0, 0}), inside, 0.2), 0.25, 1e-12);  // nothing is called: 0 and 2 of 4
}

TEST(Localisation, WithoutTheObjectThereIsNothingToSay) {
  SmallNet net;
  const Tensor x = random_tensor({1, 3, 16, 16}, "x");
  OnTrial nowhere(net, x, {.classes = {1}}, "gradcam", {.inside = Tensor::zeros({16, 16}, DType::kUInt8)});
  for (const char* measure :
       {"pointing", "energy_pointing", "pointgame", "roc_auc", "average_precision", "mask_iou"})
    EXPECT_TRUE(std::isnan(nowhere(measure).value)) << measure;
}

TEST(Similarity, ByHand) {
  EXPECT_NEAR(rank_correlation(row({1, 2, 3}), row({10, 40, 90})), 1, 1e-12);
  EXPECT_NEAR(rank_correlation(row({1, 2, 3}), row({9, 4, 1})), -1, 1e-12);
  EXPECT_EQ(rank_correlation(row({1, 2, 3}), row({5, 5, 5})), 0);
  const Tensor map = random_tensor({9, 8}, "map");
  EXPECT_NEAR(structural_similarity(map, map), 1, 1e-12);
  EXPECT_THROW(structural_similarity(row({1, 2}), row({1, 2})), Error);
}

// Weights drawn anew change the maps, and all of them come back.
TEST(Randomisation, RandomWeightsChangeTheMap) {
  SmallNet net;
  OnTrial saliency(net, random_tensor({1, 3, 16, 16}, "x"), {.classes = {1}}, "saliency");
  const Verdict found = saliency("model_randomisation:stages=2");
  ASSERT_EQ(found.y.size(), 3U);
  EXPECT_EQ(found.y[0], 1);
  EXPECT_LT(found.y[2], 0.9);
  const auto first = net.conv1.value().values<float>();
  {
    const RandomParameters drawn(net.registry(), {"conv1"}, 3);
    EXPECT_NE(net.conv1.value().values<float>(), first);
  }
  EXPECT_EQ(net.conv1.value().values<float>(), first);
}

TEST(Randomisation, ModulesComeFromTheTop) {
  SmallNet net;
  EXPECT_EQ(modules_from_the_top(net.registry()), (std::vector<std::string>{"fc", "conv2", "conv1"}));
}

// EigenCAM does not look at the class: its map stays whatever is asked, and the check says so.
TEST(Randomisation, MapsThatIgnoreTheClassAreFound) {
  SmallNet net;
  const Tensor x = random_tensor({1, 3, 16, 16}, "x");
  OnTrial blind(net, x, {.classes = {1}}, "eigencam");
  EXPECT_NEAR(blind("class_randomisation").value, 1, 1e-12);
  OnTrial seeing(net, x, {.classes = {1}}, "saliency");
  EXPECT_LT(seeing("class_randomisation").value, 0.99);
}

TEST(MeasureNames, RoundTripAndErrors) {
  EXPECT_EQ(describe(parse_measure("deletion:steps=28")), "deletion:steps=28");
  EXPECT_EQ(describe(parse_measure("sensitivity_max")), "sensitivity_max:samples=10:radius=0.02");
  EXPECT_EQ(describe(parse_measure("roc_auc")), "roc_auc");
  const auto refuses = [](const char* text, const char* error) {
    expect_error([&] { parse_measure(text); }, error);
  };
  refuses("roc_auc:steps=3", "measure: roc_auc has no settings; got 'steps'");
  refuses("deletion:step=3", "measure: deletion has the settings steps; got 'step'");
  refuses("deletion:steps=0", "measure: steps must be a number from 1 to 1e+06; got '0'");
  refuses("deletion:fast", "measure: settings read name=value; got 'fast' in 'deletion:fast'");
  refuses("deletions", "measure: there are deletion, insertion, ");
}

}  // namespace
}  // namespace clearcut
