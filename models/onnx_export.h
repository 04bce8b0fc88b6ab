// Networks of ours as ONNX graphs.
#pragma once

#include "models/classifier.h"
#include "models/inspect.h"
#include "models/onnx_proto.h"
#include "models/segmenter.h"
#include "tensor/window.h"

namespace clearcut::onnx {

constexpr std::int64_t kExportOpset = 13;

/// The network as a graph of standard operators, opset 13, from its one input "input" [N, 3, H, W]
/// (normalised as Classifier::logits and Segmenter::logits take it) to its one output "logits":
///
///   classifiers  [N, classes]
///   segmenters   [N, classes, H, W]: the main output, brought to the size of the input as prediction does,
///                bilinearly with half-pixel centres; its argmax over the classes is the label map
///
/// Written down is what a forward pass in evaluation does. Batch norms stay nodes of their own
/// (BatchNormalization), so every parameter and running statistic is an initializer under its name here.
/// Values are called like the module that puts them out ("layer4.2"), or else like what they were made of.
///
/// N is open. So are H and W, and `size` is not looked at, unless the network pools adaptively to more than
/// 1x1 (PSPNet): its bins depend on the size, which then is `size`. Nothing that is open stands in the graph
/// as a number: the pass is run for two batches and two sizes, and Error is thrown if the graphs differ.
///
/// Throws Error that names the operator for one that has no form in ONNX here (onnx_export_ops.cpp), if
/// `size` is needed and 0, and for networks that are not float32 on the CPU.
Model export_classifier(Classifier& model, Size2 size = 0);
Model export_segmenter(Segmenter& model, Size2 size = 0);

}  // namespace clearcut::onnx
