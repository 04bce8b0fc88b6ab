// GrabCut: an object is cut out by two palettes of colours and the borders of the picture.
#pragma once

#include "tensor/tensor.h"

namespace clearcut {

/// What is known of a pixel beforehand; the numbers are OpenCV's.
enum class Hint : std::int32_t { kBackground = 0, kObject = 1, kMaybeBackground = 2, kMaybeObject = 3 };

struct GrabCutOptions {
  int iterations = 5;
  int components = 5;  // of each palette
  double gamma = 50;   // weight of borders against colours
};

/// Takes turns in fitting two mixtures of Gaussians in RGB, one to the object and one to the background, and
/// in cutting the pixels into both at the least cost:
///
///   sum over i of -log sum over k of w_k N(z_i; mu_k, Sigma_k)                    (of its side's mixture)
///     + gamma sum over 8-neighbours (i, j) on two sides of exp(-beta |z_i - z_j|^2) / |i - j|,
///   1 / beta = 2 mean of |z_i - z_j|^2 over the pairs
///
/// kBackground and kObject stay as they are. To begin with, each side's colours are split along their longest
/// axis until there are enough components (Orchard & Bouman 1991): no random numbers.
///
/// picture  uint8 [H, W, 3] RGB; hints int32 [H, W] of Hint
/// returns  uint8 [H, W], 1 on the object. If the hints leave one side empty, they are the answer.
///
/// Throws Error if sizes differ or a hint is unknown. One thread; cost of an iteration: `components`
/// exponentials per pixel and side, and a MinCut of 4 edges per pixel.
/// Source: Rother, Kolmogorov & Blake, "GrabCut", SIGGRAPH 2004; the cost sums the mixture, as in OpenCV,
/// where the paper takes its best component.
Tensor grab_cut(const Tensor& picture, const Tensor& hints, const GrabCutOptions& options = {});

}  // namespace clearcut
