// Networks by name, with random initial weights.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/classifier.h"
#include "models/notes.h"
#include "models/segmenter.h"

namespace clearcut {

/// Which network to make. The same spec gives the same weights, bit for bit.
struct ModelSpec {
  std::string name;
  std::int64_t classes = 0;
  double width = 1;        // factor of all channel counts inside, rounded to multiples of 4
  int output_stride = 0;   // input side / side of the last feature map: 8, 16 or 32; 0: 32 for classifiers,
                           // 8 for segmentation. Smaller ones replace strides by dilation.
  bool auxiliary = true;   // segmentation: the auxiliary output, where the network has one
  bool recompute = false;  // run residual stages again in backward instead of keeping their insides
  std::uint64_t seed = 1;
  Device device = Device::kCpu;
  DType dtype = DType::kFloat32;

  // Classifiers only: names and identifiers of the classes ("class 17" if empty), and the input.
  std::vector<std::string> class_names = {}, class_ids = {};
  Preprocess preprocess = {.pixels = {}, .any_size = true};
};

/// Names: resnet18, resnet34, resnet50, resnet101, mobilenet_v2, squeezenet1_0, squeezenet1_1 (parameters as
/// in torchvision), resnet50_vd and hrnet_w18 (as in timm), mobilenet_v1 and, for pictures of 64 to 96
/// pixels, small_resnet, small_vgg, small_mobilenet. All end in global average pooling and a linear layer, or
/// in the means of one map per class (SqueezeNet): CAM works. Only resnets take output_stride and recompute.
/// Parameters are trainable; registry().require_grad(false) freezes them for explaining.
/// Throws Error for an unknown name, with the known ones, and for a spec out of range.
std::unique_ptr<Classifier> make_classifier(const ModelSpec& spec);
std::vector<std::string> classifier_names();

/// Names: pspnet_ and deeplabv3_ with resnet18, resnet34, resnet50, resnet50_vd or resnet101; fcn_ with
/// resnet18, resnet34, resnet50, resnet101 or hrnet_w18; ocrnet_hrnet_w18; and pspnet_small_resnet for
/// pictures of 64 to 96 pixels. The networks of the PSSL paper are pspnet_resnet50_vd, deeplabv3_resnet50_vd
/// and ocrnet_hrnet_w18. fcn_ on a ResNet is torchvision's, the others are PaddleSeg's. The trunk's
/// parameters start with "backbone.". HRNet has the output stride 4, which output_stride cannot change.
std::unique_ptr<Segmenter> make_segmenter(const ModelSpec& spec);
std::vector<std::string> segmenter_names();
/// What is known of a network before it is made.
struct NetworkFacts {
  bool segments = false;     // else it classifies
  std::int64_t classes = 0;  // for which its size is usually given: 1000, of segmenters 21
  std::int64_t side = 224;   // of the pictures that it is meant for, in pixels
  std::vector<Notes> notes;  // on the network; of a segmenter on its head, then on its trunk
};
std::optional<NetworkFacts> network_facts(const std::string& name);  // none if no network is called so

/// Length of logits() of the network: 2 with an auxiliary output, if it has one and spec.auxiliary wants it.
/// The other fields of the spec do not count. Throws Error for an unknown name.
std::size_t segmenter_outputs(const ModelSpec& spec);

}  // namespace clearcut
