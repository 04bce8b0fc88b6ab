// Walks through the real networks, where their files are at hand.
#include <gtest/gtest.h>

#include <cmath>

#include "data/picture.h"
#include "explain/explainer.h"
#include "models/classifier.h"
#include "tests/real_data.h"

namespace clearcut {
namespace {

TEST(RealWalks, EveryMapIsFiniteAndSaysSomething) {
  const std::string photo = test::real_data("voc-animals/images/2007_000063.jpg");
  for (const char* name : {"mobilenet_v2", "squeezenet_1.1"}) {
    const std::string path = test::real_data(cat("classifiers/", name, ".onnx"));
    if (path.empty() || photo.empty()) GTEST_SKIP() << test::no_real_data("classifiers, voc-animals");
    const auto net = load_classifier(path);
    ExplainInput input{.x = to_batch(net->preprocess(), {read_picture(photo)}),
                       .targets = {{.classes = {207}, .probability = false}},
                       .items = {1}};
    std::vector<ExplainOptions> all;
    for (const char* text :
         {"guided", "deconvnet", "guided_gradcam", "deeplift", "lrp", "lrp:preset=captum",
          "lrp:preset=interpretdl", "lrp:rule=gamma", "excitation", "contrastive", "fullgrad",
          "simple_fullgrad", "smooth_fullgrad:samples=1", "linear", "conductance:steps=2", "layerig:steps=2"})
      all.push_back(parse_explainer(text));
    const Explanations result = explain_all(*net, input, all);
    for (std::size_t e = 0; e < all.size(); ++e) {
      EXPECT_FALSE(result.by_explainer[e].empty[0]) << name << " " << describe(all[e]);
      for (const float v : result.by_explainer[e].maps.values<float>())
        ASSERT_TRUE(std::isfinite(v)) << name << " " << describe(all[e]);
    }
  }
}

}  // namespace
}  // namespace clearcut
