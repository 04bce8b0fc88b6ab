// From a network in memory to the bytes of an ONNX file: the way back of onnx::parse_model.
#pragma once

#include <string>

#include "models/onnx_proto.h"
#include "nn/module.h"

namespace clearcut::onnx {

/// A ModelProto of everything in `model`; parse_model of the bytes gives the same model. Inputs and outputs
/// are float32. Initializers stand in the order of graph.initializer_order, their numbers as raw data of
/// their type. The same model gives the same bytes. Throws Error for attributes of kinds that are not read
/// (graphs), and where the file would have 2 GiB or more, which no reader of the format takes.
std::string encode_model(const Model& model);

/// `model` with the weights of a Net that was made of it, under the names that they have there. What made
/// one of them out of others is left out, as are initializers that no node reads any more; what was half
/// precision is float32.
Model with_weights(Model model, const StateDict& weights);

}  // namespace clearcut::onnx
