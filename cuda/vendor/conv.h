// Convolutions through cuDNN 9: what the hand-written ones are measured against.
#pragma once

#include "tensor/cpu/conv/kernel.h"

namespace clearcut::cuda {

/// One convolution on the GPU, in one direction: y of x and w, dx (in x) of y and w, or dw (in w) of x and y;
/// the one of the three that the direction computes is overwritten. Products as cuda_products() says: float32
/// exactly, tf32, or float16; cuDNN takes no float32 tensors into bfloat16 products.
struct VendorConv {
  conv::Direction direction;
  Nchw<float> x, w, y;
  ConvOptions options;
};

/// By cuDNN's graph back end: an operation graph, an engine of its heuristics, an execution plan, which are
/// kept for the next call of the same shapes. Deterministic engines only. Throws Error if there is none, or
/// no cuDNN.
void vendor_convolve(const VendorConv& call);

/// By cuDNN's legacy calls, which pad both sides of an axis alike: others are refused.
void vendor_convolve_legacy(const VendorConv& call);
bool legacy_can(const ConvOptions& options);
/// The shape of y by cuDNN's own count, from legacy descriptors. Needs the library, but no GPU.
Shape cudnn_output_shape(const VendorConv& call);

/// What a plan or an algorithm depends on, for tables of them.
std::vector<std::int64_t> key_of(const VendorConv& call);

}  // namespace clearcut::cuda
