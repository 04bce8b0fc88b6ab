// A Classifier over an ONNX file and the JSON file beside it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "models/build.h"
#include "models/onnx_proto.h"

namespace clearcut {

struct OnnxOptions {
  Device device = Device::kCpu;
  /// For files that do not say it themselves. The input size is taken from the ONNX file where it says one.
  std::optional<Preprocess> preprocess = {};
};

/// Reads NAME.onnx. What it is besides a network stands in NAME.json beside it or, if there is none, in its
/// metadata, where `clearcut model export` puts a model card (models/card.h). NAME.json says:
///
///   channel_order      "RGB" or "BGR"
///   mean, scale        three numbers each: input = (pixel - mean) * scale, pixel 0..255, in channel_order
///   input_size         [height, width]; only needed where the ONNX file leaves them open
///   resize             "triangle" (the default), "cubic", "bilinear", "area" or "nearest": see data/resize.h
///   name               default: the file's name
///   crop               share of the shorter side that Framing::kCentreCrop keeps; default 0.875
///   last_feature_map   {"tensor": NAME}; default: what stands before the global pooling
///   classes            a text file beside it, one line per class: INDEX tab ID tab NAME. Default: those of
///                      the metadata; for 1,000 classes imagenet_classes.txt if it is there
///
/// If the graph ends in a Softmax, the logits before it are used. Throws Error that names the file for what
/// onnx::parse_model and onnx::Net refuse, and says what is missing if there is neither JSON, metadata nor
/// options.preprocess.
std::unique_ptr<Classifier> load_onnx_classifier(const std::string& path, const OnnxOptions& options = {});
/// The same of a file that was read already.
std::unique_ptr<Classifier> load_onnx_classifier(const std::string& path, const onnx::Model& model,
                                                 const OnnxOptions& options = {});

/// What the file or its JSON says of the input; none if they do not say it.
std::optional<Preprocess> onnx_preprocess(const std::string& path, const onnx::Model& model);

/// A network to train, with the names, the input, the device and the classes of `spec`, its parameters
/// trainable; batch norms stay in evaluation.
std::unique_ptr<Classifier> make_onnx_classifier(const onnx::Model& model, const ModelSpec& spec);
/// True for the name of an ONNX file, which stands in ModelSpec::name of networks that were read from one.
bool is_onnx(const std::string& name);

}  // namespace clearcut
