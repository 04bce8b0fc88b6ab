// A Classifier over an ONNX file and the JSON file beside it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "models/classifier.h"

namespace clearcut {

struct OnnxOptions {
  Device device = Device::kCpu;
  /// For files without JSON beside them. The input size is taken from the ONNX file where it says one.
  std::optional<Preprocess> preprocess = {};
};

/// Reads NAME.onnx. NAME.json beside it says what an ONNX file cannot:
///
///   channel_order      "RGB" or "BGR"
///   mean, scale        three numbers each: input = (pixel - mean) * scale, pixel 0..255, in channel_order
///   input_size         [height, width]; only needed where the ONNX file leaves them open
///   resize             "triangle" (the default), "cubic", "bilinear", "area" or "nearest": see data/resize.h
///   name               default: the file's name
///   crop               share of the shorter side that Framing::kCentreCrop keeps; default 0.875
///   last_feature_map   {"tensor": NAME}; default: what stands before the global pooling
///   classes            a text file beside it, one line per class: INDEX tab ID tab NAME. Default for 1,000
///                      classes: imagenet_classes.txt if it is there
///
/// If the graph ends in a Softmax, the logits before it are used. Throws Error that names the file for what
/// onnx::parse_model and onnx::Net refuse, and says what is missing if there is neither JSON nor
/// options.preprocess.
std::unique_ptr<Classifier> load_onnx_classifier(const std::string& path, const OnnxOptions& options = {});

}  // namespace clearcut
