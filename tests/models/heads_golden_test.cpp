// Segmentation networks and their heads against PyTorch. The numbers are from tests/golden/models/heads.py.
#include <gtest/gtest.h>

#include "models/deeplab.h"
#include "models/fcn.h"
#include "models/ocrnet.h"
#include "models/pspnet.h"
#include "models/resnet.h"
#include "models/scaled.h"
#include "nn/loss.h"
#include "tests/models/training_golden.h"

namespace clearcut {
namespace {

using test::exact;
using test::fast;
using test::Precision;
using test::Training;

/// Size of a network, and what it learns from.
struct Scale {
  double width;
  std::int64_t classes;
  Shape input, labels;
};
const Scale kNarrow{0.0625, 5, {2, 3, 48, 40}, {2, 48, 40}};
const Scale kNarrowHrNet{0.25, 5, {2, 3, 48, 40}, {2, 48, 40}};
const Scale kMaps{1, 5, {2, 20, 12, 10}, {2, 48, 40}};  // of a head alone
const Scale kFull{1, 21, {2, 3, 64, 64}, {2, 64, 64}};

// Class 4 counts a tenth, the auxiliary output 0.4.
Var loss_of(const std::vector<Var>& outputs, const Scale& s, Device device) {
  SegmentationLossOptions o{.coefficients = {1, 0.4}, .cross_entropy = {.ignore_index = 255}};
  o.coefficients.resize(outputs.size());
  o.cross_entropy.class_weights.assign(static_cast<std::size_t>(s.classes), 1);
  o.cross_entropy.class_weights[4] = 0.1;
  return segmentation_loss(outputs, test::drawn_labels(s.labels, device), o).total;
}

template <class Net>
Training training(const char* golden, Registry& registry, const Net& net, const Scale& s) {
  return {.golden = golden,
          .registry = registry,
          .logits = [&net](const Var& x) { return net.logits(x, false)[0]; },
          .loss =
              [&net, &s, &registry](const Var& x, Var* logits) {
                const std::vector<Var> outputs = net.logits(x, true);
                *logits = outputs[0];
                return loss_of(outputs, s, registry.device());
              },
          .input = s.input,
          .rate = 0.01};
}

// make(registry, scale) gives a pointer to a network without dropout: PyTorch draws other masks.
template <class Make>
void ten_steps(const char* golden, const Make& make, const Scale& s, const Precision& p) {
  Registry registry(1, p.device, p.dtype);
  const auto net = make(registry, s);
  expect_as_pytorch(training(golden, registry, *net, s), p);
}

template <class Make>
void full_width(const char* golden, const Make& make, double tolerance) {
  const Precision p = fast(tolerance, 1);
  Registry registry(1, p.device, p.dtype);
  const auto net = make(registry, kFull);
  expect_step_as_pytorch(training(golden, registry, *net, kFull), p);
}

ResNetOptions trunk(int depth, double width) { return {.depth = depth, .width = width, .output_stride = 8}; }

auto pspnet(int depth) {
  return [depth](Registry& r, const Scale& s) {
    auto net = std::make_unique<PspNet<ResNet>>(r.scope(), trunk(depth, s.width),
                                                PspNetOptions{.classes = s.classes});
    net->head.dropout.options.p = net->head.auxlayer->dropout.options.p = 0;
    return net;
  };
}

auto deeplab(int depth) {
  return [depth](Registry& r, const Scale& s) {
    ResNetOptions o = trunk(depth, s.width);
    o.grid = deeplab_grid(depth);
    auto net = std::make_unique<DeepLabV3<ResNet>>(
        r.scope(), o, DeepLabV3Options{.classes = s.classes, .channels = scaled(256, s.width)});
    net->head.aspp.dropout.options.p = 0;
    return net;
  };
}

auto fcn(int depth) {
  return [depth](Registry& r, const Scale& s) {
    ResNetOptions o = trunk(depth, s.width);
    o.lagging_dilation = true;
    auto net = std::make_unique<Fcn<ResNet>>(r.scope(), o, FcnOptions{.classes = s.classes});
    net->classifier.dropout.options.p = net->aux_classifier->dropout.options.p = 0;
    return net;
  };
}

auto ocrnet() {
  return [](Registry& r, const Scale& s) {
    auto net = std::make_unique<OcrNet>(
        r.scope(), HrNetOptions{.width = s.width},
        OcrOptions{.classes = s.classes, .mid = scaled(512, s.width), .key = scaled(256, s.width)});
    net->head.spatial_ocr.dropout.options.p = 0;
    return net;
  };
}

auto hrnet_fcn() {
  return [](Registry& r, const Scale& s) {
    return std::make_unique<HrNetFcn>(r.scope(), HrNetOptions{.width = s.width}, s.classes);
  };
}

// Heads alone, on a map.
struct OcrHeadAlone : OcrHead {
  using OcrHead::OcrHead;
  std::vector<Var> logits(const Var& map, bool /*with_auxiliary*/) const {
    const Var regions = aux_head(map);
    return {(*this)(map, regions), regions};
  }
};
struct PointwiseHeadAlone : PointwiseHead {
  using PointwiseHead::PointwiseHead;
  std::vector<Var> logits(const Var& map, bool /*with_auxiliary*/) const { return {(*this)(map)}; }
};

TEST(HeadGolden, PspNetOnResNet18) {
  ten_steps("pspnet_resnet18_narrow", pspnet(18), kNarrow, exact(10));
  ten_steps("pspnet_resnet18_narrow", pspnet(18), kNarrow, fast(1e-4, 1));
}

// Double, three steps: some channels of these narrow nets hardly vary over the few values of a batch, and
// their batch norms multiply rounding errors a thousandfold per step.
TEST(HeadGolden, PspNetOnResNet50) { ten_steps("pspnet_resnet50_narrow", pspnet(50), kNarrow, exact(3)); }

TEST(HeadGolden, DeepLabV3OnResNet18) {
  ten_steps("deeplabv3_resnet18_narrow", deeplab(18), kNarrow, exact(10));
  ten_steps("deeplabv3_resnet18_narrow", deeplab(18), kNarrow, fast(1e-4, 1));
}
TEST(HeadGolden, DeepLabV3OnResNet50) {
  ten_steps("deeplabv3_resnet50_narrow", deeplab(50), kNarrow, exact(3));
}

TEST(HeadGolden, FcnOnResNet18) { ten_steps("fcn_resnet18_narrow", fcn(18), kNarrow, exact(10)); }
TEST(HeadGolden, FcnOnResNet50) { ten_steps("fcn_resnet50_narrow", fcn(50), kNarrow, exact(3)); }

TEST(HeadGolden, OcrHeadAlone) {
  const auto make = [](Registry& r, const Scale& s) {
    auto head = std::make_unique<OcrHeadAlone>(r.scope(), s.input[1],
                                               OcrOptions{.classes = s.classes, .mid = 32, .key = 16});
    head->spatial_ocr.dropout.options.p = 0;
    return head;
  };
  ten_steps("ocr_head", make, kMaps, exact(10));
  ten_steps("ocr_head", make, kMaps, fast(1e-5, 10));
}

TEST(HeadGolden, PointwiseHeadAlone) {
  const auto make = [](Registry& r, const Scale& s) {
    return std::make_unique<PointwiseHeadAlone>(r.scope(), s.input[1], s.classes);
  };
  ten_steps("pointwise_head", make, kMaps, exact(10));
  ten_steps("pointwise_head", make, kMaps, fast(1e-5, 10));
}

TEST(HeadGolden, OcrNetOnHrNet) { ten_steps("ocrnet_hrnet_w18_narrow", ocrnet(), kNarrowHrNet, exact(3)); }

// Float32 through whole networks: 1e-7 per operation, a thousandfold behind some 60 batch norms of 128 values
// each.
TEST(HeadGolden, FullWidthPspNet) { full_width("pspnet_resnet50", pspnet(50), 1e-3); }
TEST(HeadGolden, FullWidthDeepLabV3) { full_width("deeplabv3_resnet50", deeplab(50), 1e-3); }
TEST(HeadGolden, FullWidthFcn) { full_width("fcn_resnet50", fcn(50), 1e-3); }
TEST(HeadGolden, FullWidthOcrNet) { full_width("ocrnet_hrnet_w18", ocrnet(), 1e-3); }
TEST(HeadGolden, FullWidthHrNetFcn) { full_width("fcn_hrnet_w18", hrnet_fcn(), 1e-3); }

}  // namespace
}  // namespace clearcut
