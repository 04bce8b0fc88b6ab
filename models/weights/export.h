// From a network of ours to a file for others: safetensors or ONNX.
#pragma once

#include <string>

#include "models/card.h"
#include "tensor/window.h"

namespace clearcut {

struct ExportOptions {
  std::string program = {};  // what wrote the file: "clearcut 0.1.0"
  Size2 size = 0;            // of pictures, for ONNX files of networks that must know it; see onnx_export.h
  std::string graph = {};    // the ONNX file that the network was made of, if it was
};

/// Writes `path` as its ending says:
///
///   .safetensors   parameters and buffers under their names; load_classifier(), load_segmenter() and
///                  read_weights() take the file, bit for bit
///   .onnx          the graph of onnx::export_classifier or export_segmenter, or options.graph with the
///                  weights that the network has now; load_classifier() takes it, and any ONNX runtime
///
/// Both have the same metadata, texts by name:
///
///   format       "clearcut"
///   model        name of the architecture
///   producer     options.program
///   licence      card.licence, or "not stated"
///   sha256       of the numbers of all parameters and buffers in their order, little-endian
///   model_card   one line of JSON: everything that model.json of a checkpoint says (architecture and its
///                options, class names and ids, input size, resize rule, channel order, mean, scale, colours)
///
/// The card's class names are those of the model; its input size is that of the graph where that is fixed.
/// Throws Error for another ending, for what onnx::export_... refuse, and for safetensors of a network that
/// was read from an ONNX file: without its graph nobody could use them.
void export_model(Classifier& model, ModelCard card, const std::string& path, const ExportOptions& options);
void export_model(Segmenter& model, const ModelCard& card, const std::string& path,
                  const ExportOptions& options);

}  // namespace clearcut
