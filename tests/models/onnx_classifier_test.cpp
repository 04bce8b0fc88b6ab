// Real ONNX classifiers against reference outputs, measured accuracies and central differences.
#include "models/onnx_classifier.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "autograd/rearrange.h"
#include "autograd/reduce.h"
#include "data/picture.h"
#include "tensor/npy.h"
#include "tensor/random.h"
#include "tests/real_data.h"

namespace clearcut {
namespace {

using test::real_data;

// Percentages on the 100 sample photographs as OpenCV 4.6.0 measured them on the same files.
struct Net {
  const char* name;
  int top1, top5;
};
constexpr Net kNets[] = {{"mobilenet_v1_1.0", 87, 98}, {"mobilenet_v1_0.75", 77, 99},
                         {"mobilenet_v1_0.5", 71, 85}, {"mobilenet_v2", 79, 96},
                         {"squeezenet_1.1", 60, 83},   {"squeezenet_1.0", 60, 81}};

void PrintTo(const Net& net, std::ostream* out) { *out << net.name; }

std::string test_name(const testing::TestParamInfo<Net>& info) {
  std::string name = info.param.name;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

class RealClassifier : public testing::TestWithParam<Net> {
 protected:
  void SetUp() override {
    path_ = real_data(cat("classifiers/", GetParam().name, ".onnx"));
    if (path_.empty()) GTEST_SKIP() << test::no_real_data("classifiers");
    net_ = load_onnx_classifier(path_);
  }
  std::string path_;
  std::unique_ptr<Classifier> net_;
};

struct Reference {
  std::string picture;
  NamedTensors arrays;
};

// The lines FILE NET PHOTO ... of reference/list.txt for one network; none where files or photos are missing.
std::vector<Reference> references(const std::string& net) {
  std::vector<Reference> found;
  if (real_data("imagenet-samples").empty()) return found;
  std::ifstream lines(real_data("reference/list.txt"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string file, of, photo;
    words >> file >> of >> photo;
    if (of == net) found.push_back({real_data(photo), read_npz(real_data("reference/" + file))});
  }
  return found;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  const auto x = a.values<float>(), y = b.values<float>();
  EXPECT_EQ(x.size(), y.size());
  double worst = 0;
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i)
    worst = std::max(worst, std::abs(double{x[i]} - double{y[i]}));
  return worst;
}

// The references were computed in float64; float32 runtimes came within 3.3e-5 of them. 1e-4 leaves room for
// another order of float32 sums of up to 4,608 terms; logits reach 35.
TEST_P(RealClassifier, ReproducesReferenceLogits) {
  const auto all = references(GetParam().name);
  if (all.empty()) GTEST_SKIP() << test::no_real_data("reference, imagenet-samples");
  ASSERT_EQ(all.size(), 3u);
  const NoGrad no_grad;
  for (const Reference& r : all) {
    const Var y = net_->logits(Var(find_array(r.arrays, "input", r.picture)));
    EXPECT_LE(largest_difference(y.value(), find_array(r.arrays, "logits", r.picture)), 1e-4) << r.picture;
  }
}

// The inputs were cropped and resampled by other code; a rounding to 8 bits may fall on the other side.
TEST_P(RealClassifier, PreparesPicturesAsTheReference) {
  const auto all = references(GetParam().name);
  if (all.empty()) GTEST_SKIP() << test::no_real_data("reference, imagenet-samples");
  ASSERT_EQ(all.size(), 3u);
  const double level =
      *std::max_element(net_->preprocess().pixels.scale.begin(), net_->preprocess().pixels.scale.end());
  for (const Reference& r : all) {
    const Tensor x = to_batch(net_->preprocess(), {read_picture(r.picture)}, Framing::kCentreCrop);
    EXPECT_LE(largest_difference(x, find_array(r.arrays, "input", r.picture)), 1.001 * level) << r.picture;
  }
}

std::string rest_of(const std::string& path, const char* folder) {
  return (std::filesystem::path(path).parent_path() / folder).string();
}

// Position of `label` among the logits, 0 = largest.
int rank_of(const float* logits, std::int64_t classes, std::int64_t label) {
  return static_cast<int>(
      std::count_if(logits, logits + classes, [&](float v) { return v > logits[label]; }));
}

TEST_P(RealClassifier, ReachesItsMeasuredAccuracy) {
  const std::string list = real_data("imagenet-samples/list.txt");
  if (list.empty()) GTEST_SKIP() << test::no_real_data("imagenet-samples");
  std::ifstream lines(list);
  std::vector<Tensor> pictures;
  std::vector<std::int64_t> labels;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string file;
    std::int64_t label = 0;
    words >> file >> label;
    pictures.push_back(read_picture(rest_of(list, file.c_str())));
    labels.push_back(label);
  }
  ASSERT_EQ(pictures.size(), 100u);
  int top1 = 0, top5 = 0;
  const NoGrad no_grad;
  for (std::size_t i = 0; i < 100; i += 10) {
    const std::vector<Tensor> batch(pictures.begin() + static_cast<std::ptrdiff_t>(i),
                                    pictures.begin() + static_cast<std::ptrdiff_t>(i + 10));
    const Tensor y = net_->logits(Var(to_batch(net_->preprocess(), batch, Framing::kCentreCrop))).value();
    for (std::int64_t n = 0; n < 10; ++n) {
      const int rank = rank_of(y[n].data<const float>(), 1000, labels[i + static_cast<std::size_t>(n)]);
      top1 += rank < 1 ? 1 : 0;
      top5 += rank < 5 ? 1 : 0;
    }
  }
  EXPECT_EQ(top1, GetParam().top1);
  EXPECT_EQ(top5, GetParam().top5);
}

TEST_P(RealClassifier, KnowsItsClassesAndFeatures) {
  EXPECT_EQ(net_->name(), GetParam().name);
  EXPECT_EQ(net_->classes(), 1000);
  EXPECT_EQ(net_->class_ids()[0], "n01440764");
  EXPECT_EQ(net_->class_names()[999], "toilet tissue, toilet paper, bathroom tissue");
  const auto cam = net_->cam_weights();
  ASSERT_TRUE(cam.has_value());
  const Preprocess& rule = net_->preprocess();
  const Tap features(net_->registry(), net_->feature_path()), head(net_->registry(), cam->path);
  const NoGrad no_grad;
  Tensor x({1, 3, rule.height, rule.width});
  RandomStream(1, "cam").fill_normal(x, 0, 1);
  const Tensor logits = net_->logits(Var(x)).value();
  EXPECT_EQ(features.activation().rank(), 4);
  // logits = W mean(features) + b: differences between two inputs do not know b.
  const auto pooled = [&] { return mean(Var(head.activation()), {2, 3}).value(); };
  const Tensor a = pooled();
  const Tensor zero_logits = net_->logits(Var(Tensor::zeros(x.shape()))).value();
  const Tensor b = pooled();
  ASSERT_EQ(cam->weights.shape(), (Shape{1000, a.dim(1)}));
  for (std::int64_t c = 0; c < 1000; c += 37) {
    double difference = 0;
    for (std::int64_t k = 0; k < a.dim(1); ++k)
      difference += double{cam->weights[c].data<const float>()[k]} *
                    (double{a.data<const float>()[k]} - double{b.data<const float>()[k]});
    EXPECT_NEAR(difference, logits.data<const float>()[c] - zero_logits.data<const float>()[c], 1e-3);
  }
  // The maps of the padded 1x1 convolution are larger than the features by the margin on each side.
  EXPECT_EQ(head.activation().dim(2), features.activation().dim(2) + 2 * cam->margin);
}

INSTANTIATE_TEST_SUITE_P(Net, RealClassifier, testing::ValuesIn(kNets), test_name);

// d logit / d input along a random direction, in double.
TEST(OnnxClassifier, GradientToTheInputMatchesCentralDifferences) {
  const std::string path = real_data("classifiers/mobilenet_v1_0.5.onnx");
  if (path.empty()) GTEST_SKIP() << test::no_real_data("classifiers");
  const auto net = load_onnx_classifier(path);
  net->registry().to(DType::kFloat64);
  // A smaller picture than the network was made for: only the derivative matters here.
  Tensor x({1, 3, 64, 64}, DType::kFloat64), direction({1, 3, 64, 64}, DType::kFloat64);
  RandomStream(1, "x").fill_normal(x, 0, 0.5);
  RandomStream(1, "direction").fill_normal(direction, 0, 1);
  const auto logit = [&](const Var& v) { return slice(net->logits(v), 1, 207, 208); };
  const Var at(x.clone(), true);
  sum(logit(at)).backward();
  const auto gradient = at.grad().values<double>(), d = direction.values<double>(), base = x.values<double>();
  double expected = 0;
  for (std::size_t i = 0; i < d.size(); ++i) expected += gradient[i] * d[i];
  const auto moved = [&](double step) {
    std::vector<double> values = base;
    for (std::size_t i = 0; i < d.size(); ++i) values[i] += step * d[i];
    const NoGrad no_grad;
    return logit(Var(Tensor::from(x.shape(), values))).value().item();
  };
  // Kinks of Clip lie within the step for a few of 10^5 units; their share falls with the step.
  const double h = 1e-7;
  EXPECT_NEAR((moved(h) - moved(-h)) / (2 * h), expected, 1e-5 * std::max(1.0, std::abs(expected)));
}

}  // namespace
}  // namespace clearcut
