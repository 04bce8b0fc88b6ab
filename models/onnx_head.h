// The last nodes of a classifier: which value are the logits, and whether CAM applies.
#pragma once

#include <optional>
#include <string>

#include "models/classifier.h"
#include "models/onnx_proto.h"

namespace clearcut::onnx {

/// The value to explain: the graph's first output, or what stands before a Softmax or LogSoftmax that makes
/// it.
std::string logits_value(const Graph& graph);

/// Recognises, from the logits back: a Gemm, a MatMul with or without Add, or a 1x1 Conv on pooled features;
/// or pooled class maps themselves. Pooling is GlobalAveragePool or ReduceMean over height and width;
/// Flatten, Reshape, Squeeze, Dropout and Identity in between change nothing. Empty for any other end.
std::optional<CamWeights> find_cam(const Model& model, const std::string& logits);

/// The last feature map: before the pooling, and before the convolution that makes class maps if the pooled
/// values are the logits. "" if no global pooling is found.
std::string find_feature_map(const Model& model, const std::string& logits);

/// Gives the last layer, as find_cam knows it but with whatever before it, new weights for `classes` classes
/// if it has another number: U(-1 / sqrt(K), 1 / sqrt(K)) by `seed`, K numbers to a class, and zero biases.
/// Throws Error if the graph ends otherwise.
void replace_head(Model& model, std::int64_t classes, std::uint64_t seed);

}  // namespace clearcut::onnx
