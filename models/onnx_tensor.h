// TensorProto: the weights in an ONNX file.
#pragma once

#include <string>
#include <utility>

#include "models/onnx_external.h"
#include "models/onnx_wire.h"
#include "tensor/tensor.h"

namespace clearcut::onnx {

/// Name and numbers of one TensorProto; see parse_model() for the types and the errors.
std::pair<std::string, Tensor> parse_tensor(WireReader reader, ExternalFiles& files);

}  // namespace clearcut::onnx
