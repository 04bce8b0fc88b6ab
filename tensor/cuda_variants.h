// The kernel laboratory of cuda: matrix products and convolutions by name, beside the default ones.
//
// A variant is one file: cuda/variants/gemm_NAME.cu defines `const Gemm gemm_NAME`, cuda/variants/
// conv2d_NAME.cu `const Convolution conv2d_NAME`, in the namespace clearcut::cuda::variants. The Makefile
// lists the files of that folder, so a new one appears in `clearcut check kernels`, in `clearcut bench
// kernels --variant`, in `make counters` and behind --kernels without another line. docs/kernels.md has the
// ladder.
#pragma once

#include <functional>

#include "tensor/cpu/conv/kernel.h"
#include "tensor/ops/matmul.h"

namespace clearcut::cuda {

using conv::Direction;

/// A product as kernels::matmul() has it, in floats on the device.
struct Product {
  kernels::Matrices<const float> a, b;
  kernels::Matrices<float> c;
};

/// One way to multiply matrices.
struct Gemm {
  std::string_view name;
  void (*multiply)(const Product& product);
  /// Whether it takes these strides and addresses, any sizes; null: it takes all.
  bool (*fits)(const Product& product) = nullptr;
  /// How far an operand is rounded before it is multiplied: 0x1p-11 of its value for tf32. 0: not at all.
  double rounding = 0;
};

/// One way to convolve. kernel.cost and kernel.prepare stay null: a variant runs only where it is asked for.
struct Convolution {
  conv::Kernel kernel;
  double rounding = 0;
  bool unfolded = false;  // a Gemm with the maps unfolded around it
  /// "conv2d_v1_naive"; around a Gemm "gemm_v1_naive".
  std::string file_name() const { return cat(unfolded ? "gemm_" : "conv2d_", kernel.name); }
};

/// All of them in the order of their names; "default" is what runs if nobody asks for another.
const std::vector<const Gemm*>& gemms();
/// Those of the files; behind them each Gemm without a namesake there, with the maps unfolded around it.
const std::vector<Convolution>& convolutions();

/// Throws Error that names those that there are unless a Gemm or a Convolution has this name.
void check_variant(std::string_view name);

/// The first of kernel_wishes() that fits, or null: the default.
const Gemm* preferred(const Product& product);
const conv::Kernel* preferred(const conv::Layer& layer, Direction direction);

/// Convolutions as products of a variant: for each picture and group the pixels that the taps read are laid
/// out as a matrix [C / groups * R * S, P * Q] in memory (unfolded), and the product's result is folded back.
bool unfolded_fits(const Gemm& gemm, const conv::Layer& layer, Direction direction);
void unfolded_forward(const Gemm& gemm, Nchw<const float> x, Nchw<const float> w, const ConvOptions& o,
                      const Finish<float>& finish, Nchw<float> y);
void unfolded_backward_input(const Gemm& gemm, Nchw<const float> dy, Nchw<const float> w,
                             const ConvOptions& o, Nchw<float> dx);
void unfolded_backward_weight(const Gemm& gemm, Nchw<const float> dy, Nchw<const float> x,
                              const ConvOptions& o, Nchw<float> dw);

/// Does on maps that hold plain sums what conv2d() does before it writes them.
void finish_maps(const Finish<float>& finish, Nchw<float> y);

/// Calls body() under several orders in which the emulator can run blocks and threads, once on a GPU. A right
/// kernel gives the same bits under all of them; a missing barrier does not.
void in_each_cuda_order(const std::function<void()>& body);

}  // namespace clearcut::cuda
