#include "explain/superpixels.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "explain/lab.h"
#include "explain/passes.h"
#include "explain/regions.h"
#include "tensor/parallel.h"
#include "tests/errors.h"
#include "tests/explain/golden_file.h"
#include "tests/explain/golden_nets.h"
#include "tests/explain/small_net.h"

namespace clearcut {
namespace {

// What scikit-image 0.19.3 makes of three pictures.
Tensor golden(const std::string& name) { return test::explain_golden("superpixels", name); }

struct Case {
  std::string name;
  Tensor (*labels)(const Tensor& picture);
};
const Case kCases[] = {
    {"slic", [](const Tensor& p) { return superpixels(p, parse_superpixels("slic/segments=40")); }},
    {"slic_smooth",
     [](const Tensor& p) {
       return superpixels(p, parse_superpixels("slic/segments=25/compactness=20/sigma=1.5"));
     }},
    {"quickshift", [](const Tensor& p) { return quickshift(p, {}, golden("noise")); }},
    {"quickshift_lime",
     [](const Tensor& p) {
       return quickshift(p, {.ratio = 0.2, .kernel_size = 4, .max_dist = 200, .sigma = 0}, golden("noise"));
     }},
    {"felzenszwalb", [](const Tensor& p) { return superpixels(p, parse_superpixels("felzenszwalb")); }},
    {"felzenszwalb_large", [](const Tensor& p) {
       return superpixels(p, parse_superpixels("felzenszwalb/scale=300/sigma=0.5/min_size=50"));
     }}};

// Share of neighbouring pixels of which both maps say the same: one region, or two.
double agreement(const Tensor& a, const Tensor& b) {
  const std::int32_t *p = a.data<const std::int32_t>(), *q = b.data<const std::int32_t>();
  const std::int64_t W = a.dim(1), n = a.numel();
  double same = 0, pairs = 0;
  for (std::int64_t i = 0; i < n; ++i)
    for (const auto& [inside, j] : {std::pair{i % W + 1 < W, i + 1}, std::pair{i + W < n, i + W}}) {
      if (!inside) continue;
      same += (p[i] == p[j]) == (q[i] == q[j]);
      ++pairs;
    }
  return same / pairs;
}

TEST(Superpixels, LabIsScikitImages) {
  for (const std::string name : {"rough", "flat"}) {
    const auto got = picture_to_lab(golden(name), false).values<double>();
    const auto expected = golden(name + ".lab").values<double>();
    // Powers and cube roots of two libraries: the last bits of numbers near 100.
    for (std::size_t i = 0; i < expected.size(); ++i)
      ASSERT_NEAR(got[i], expected[i], 1e-11) << name << " " << i;
  }
}

TEST(Superpixels, RoughPictureGivesScikitImagesLabels) {
  for (const Case& c : kCases)
    EXPECT_EQ(c.labels(golden("rough")).values<std::int32_t>(),
              golden("rough." + c.name).values<std::int32_t>())
        << c.name;
  EXPECT_EQ(slic(golden("strip"), {.segments = 9}).values<std::int32_t>(),
            golden("strip.slic").values<std::int32_t>());
}

// Where many distances, costs or densities are equal, last bits and the order of an unstable sort decide in
// scikit-image: regions differ in places, their borders hardly.
TEST(Superpixels, FlatPictureGivesScikitImagesBorders) {
  for (const Case& c : kCases)
    EXPECT_GE(agreement(c.labels(golden("flat")), golden("flat." + c.name)), 0.99) << c.name;
}

// Other noise than scikit-image's: on a picture without flat areas it decides little.
TEST(Superpixels, QuickshiftsOwnNoiseDecidesLittle) {
  EXPECT_GE(agreement(quickshift(golden("rough")), golden("rough.quickshift")), 0.99);
  EXPECT_EQ(quickshift(golden("flat")).values<std::int32_t>(),
            quickshift(golden("flat")).values<std::int32_t>());
}

TEST(Superpixels, SameLabelsForAnyNumberOfThreads) {
  for (const Case& c : kCases) {
    set_threads(1);
    const auto one = c.labels(golden("rough")).values<std::int32_t>();
    set_threads(4);
    EXPECT_EQ(c.labels(golden("rough")).values<std::int32_t>(), one) << c.name;
    set_threads(0);
  }
}

TEST(Superpixels, EveryLabelOccurs) {
  for (const Case& c : kCases) {
    const Tensor labels = c.labels(golden("flat"));
    const auto values = labels.values<std::int32_t>();
    EXPECT_EQ(std::set<std::int32_t>(values.begin(), values.end()).size(),
              static_cast<std::size_t>(region_count(labels)))
        << c.name;
  }
}

TEST(Superpixels, ExplainersOfOneCallShareThem) {
  test::TestNet net(2, [](test::TestNet&, const Var& x) { return x; });
  ExplainInput input{.x = test::random_tensor({2, 3, 24, 32}, "x")};
  Passes passes(net, std::size_t{1} << 20);
  const SuperpixelOptions quick = parse_superpixels("quickshift"), plain;
  const std::vector<Tensor>& segments = passes.segments(input, quick);
  ASSERT_EQ(segments.size(), 2U);
  for (std::int64_t k = 0; k < 2; ++k)
    EXPECT_EQ(segments[static_cast<std::size_t>(k)].values<std::int32_t>(),
              quickshift(to_picture(net.preprocess(), input.x[k])).values<std::int32_t>());
  EXPECT_NE(&passes.segments(input, plain), &segments);
  EXPECT_EQ(&passes.segments(input, quick), &segments);
  const ExplainInput other{.x = test::random_tensor({2, 3, 24, 32}, "other")};
  EXPECT_NE(&passes.segments(other, quick), &segments);
  input.segments = {segments[1], segments[0]};
  EXPECT_EQ(&passes.segments(input, quick), &input.segments);
}

TEST(Superpixels, SidesOfOnePixel) {
  for (const char* method : {"slic", "quickshift", "felzenszwalb"})
    for (const Shape& shape : {Shape({1, 1, 3}), Shape({1, 9, 3}), Shape({7, 1, 3})}) {
      const Tensor labels = superpixels(Tensor::zeros(shape, DType::kUInt8), parse_superpixels(method));
      EXPECT_EQ(labels.shape(), Shape({shape[0], shape[1]})) << method;
      EXPECT_GE(region_count(labels), 1) << method;
    }
}

TEST(Superpixels, NamesRoundTrip) {
  for (const char* text : {"slic/segments=50/compactness=10/iterations=10/sigma=0",
                           "quickshift/ratio=0.2/kernel_size=4/max_dist=200/sigma=0",
                           "felzenszwalb/scale=100/sigma=0.8/min_size=20"})
    EXPECT_EQ(describe(parse_superpixels(text)), text);
  EXPECT_EQ(describe(parse_superpixels("slic/segments=50")),
            "slic/segments=50/compactness=10/iterations=10/sigma=0");
}

// The methods are those that the error lists.
TEST(Superpixels, EveryMethodHasAGoldenOfScikitImage) {
  std::string known;
  try {
    parse_superpixels("?");
  } catch (const Error& error) {
    known = error.what();
  }
  known = known.substr(0, known.find("; got"));
  known = known.substr(known.find("there are ") + 10);
  const auto arrays = test::golden_arrays("superpixels");
  std::istringstream names(known);
  std::string name;
  for (; std::getline(names, name, ','); names >> std::ws)
    EXPECT_TRUE(arrays.count("rough." + name)) << name << " has none";
  EXPECT_EQ(name, "felzenszwalb") << known;
}

TEST(Superpixels, WrongWordsAreRefused) {
  expect_error([] { parse_superpixels("seeds"); }, "there are slic, quickshift, felzenszwalb; got 'seeds'");
  expect_error([] { parse_superpixels("quickshift/scale=3"); },
               "quickshift has the settings ratio, kernel_size");
  expect_error([] { parse_superpixels("slic/segments=many"); },
               "segments must be a whole number; got 'many'");
  expect_error([] { parse_superpixels("slic/segments=0"); }, "segments and iterations must be >= 1");
  expect_error([] { parse_superpixels("quickshift/kernel_size=0.5"); }, "kernel_size must be >= 1");
  expect_error([] { parse_superpixels("felzenszwalb/scale=-1"); }, "must be >= 0");
}

}  // namespace
}  // namespace clearcut
