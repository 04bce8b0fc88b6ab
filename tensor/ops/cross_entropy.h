// Weighted cross-entropy of class logits, also fused with the bilinear upsampling of the logits.
#pragma once

#include <optional>
#include <vector>

#include "tensor/ops/pixel_losses.h"
#include "tensor/ops/resize.h"
#include "tensor/views.h"

namespace clearcut::ops {

struct CrossEntropyOptions {
  std::optional<std::int64_t> ignore_index = {};  // pixels with this label do not count
  std::vector<double> class_weights = {};         // [C]; empty: all 1
  Tensor pixel_weights = {};            // shape of the labels, dtype of the logits; undefined: all 1
  double epsilon = 1e-8;                // per pixel, in the denominator
  double focal_gamma = 0;               // of the focal loss; 0: cross-entropy
  std::optional<HardPixels> hard = {};  // only these pixels count
};

/// What the backward pass needs: labels with -1 where a pixel does not count, its weight q, the log of its
/// sum of exponentials, and the denominator.
struct CrossEntropy {
  Tensor loss;  // a scalar
  Tensor labels, weights, log_sum_exp;
  double denominator = 0;
};

/// Weighted mean of the cross-entropy over P pixels:
///
///   L = sum over p of q_p * l_p / (sum over p of q_p + P * epsilon)
///   l_p = log(sum over k of exp(z[k, p])) - z[y_p, p],    q_p = m_p * class_weight[y_p] * pixel_weight_p
///
/// m_p = 0 where y_p is the ignore index, else 1. If no pixel counts, L = 0 (not NaN). With focal_gamma the
/// upper sum has q_p (1 - exp(-l_p))^gamma l_p instead; with `hard` q_p = 0 for all but hard pixels, which
/// are chosen by l_p alone and stand still in the gradient. Both: tensor/ops/pixel_losses.h.
///
/// logits  [N, C, H, W] with labels [N, H, W] or [N, C] with labels [N]; float32 or float64
/// labels  int32 or int64
///
/// Throws Error on other shapes, and if a label is neither in [0, C) nor the ignore index: the text names the
/// value and its position. Source: spec of the pseudo-label loss (PaddleSeg CrossEntropyLoss), where both
/// means run over all P pixels and 1e-8 is added to the lower one. Deviation: pixel weights also stand in the
/// denominator, so that equal ones change nothing.
CrossEntropy cross_entropy(const Tensor& logits, const Tensor& labels, const CrossEntropyOptions& options);
/// dz[k, p] = dloss * q_p * (softmax(z[:, p])_k - [k = y_p]) / denominator.
Tensor cross_entropy_backward(const Tensor& dloss, const Tensor& logits, const CrossEntropy& forward);

/// cross_entropy(resize_bilinear(logits, sides of labels, align_corners), labels, options), without the
/// upsampled logits ever being stored: 1001 classes at 256 x 256 would take 262 MB per picture.
///
/// logits  [N, C, h, w];  labels [N, H, W]
/// Memory: 12 bytes per label pixel (float32), and tiles.
CrossEntropy upsampled_cross_entropy(const Tensor& logits, const Tensor& labels, bool align_corners,
                                     const CrossEntropyOptions& options);
Tensor upsampled_cross_entropy_backward(const Tensor& dloss, const Tensor& logits, bool align_corners,
                                        const CrossEntropy& forward);

/// Labels as int32 with -1 where one is `ignore`, for logits or probabilities [N, C, ...]. Throws Error "op:
/// ..." that names the first label which is neither that nor in [0, C).
Tensor known_labels(const char* op, const Tensor& logits, const Tensor& labels,
                    std::optional<std::int64_t> ignore);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// Labels [N, H, W] with their weights; label -1: the pixel does not count.
template <class T>
struct LabelledPixels {
  const std::int32_t* labels;
  const T* weights;
};

/// Which labels count, and how much: what a kernel must know of CrossEntropyOptions.
template <class T>
struct LabelRule {
  std::int64_t classes;
  bool ignores = false;
  std::int64_t ignored = 0;          // this label does not count, if `ignores`
  const T* pixel_weights = nullptr;  // null: all 1
};
struct WeighedLabels {
  double weight_sum = 0;        // of all q_p
  std::int64_t first_bad = -1;  // the first pixel whose label is neither a class nor ignored, and that label
  std::int64_t bad_label = 0;
};
/// Writes labels as int32, -1 where one does not count, and the weights q_p. Behind a bad label nothing is
/// promised. class_weights may be empty: all 1.
template <class L, class T>
WeighedLabels weigh_labels(Reference, Flat<const L> labels, const LabelRule<T>& rule,
                           const std::vector<double>& class_weights, std::int32_t* known, T* weights);
template <class L, class T>
WeighedLabels weigh_labels(Cuda, Flat<const L> labels, const LabelRule<T>& rule,
                           const std::vector<double>& class_weights, std::int32_t* known, T* weights);

/// Writes log_sum_exp [N, H, W] of each pixel that counts and returns sum of q_p * l_p. z is [N, C, H, W].
template <class T>
double cross_entropy(Reference, Nchw<const T> z, LabelledPixels<T> pixels, Flat<T> log_sum_exp);
double cross_entropy(Cpu, Nchw<const float> z, LabelledPixels<float> pixels, Flat<float> log_sum_exp);
template <class T>
double cross_entropy(Cuda, Nchw<const T> z, LabelledPixels<T> pixels, Flat<T> log_sum_exp);

/// dz = scale * q_p * (softmax - [k = y_p]).
template <class T>
void cross_entropy_backward(Reference, Nchw<const T> z, LabelledPixels<T> pixels, Flat<const T> log_sum_exp,
                            double scale, Nchw<T> dz);
void cross_entropy_backward(Cpu, Nchw<const float> z, LabelledPixels<float> pixels,
                            Flat<const float> log_sum_exp, double scale, Nchw<float> dz);
template <class T>
void cross_entropy_backward(Cuda, Nchw<const T> z, LabelledPixels<T> pixels, Flat<const T> log_sum_exp,
                            double scale, Nchw<T> dz);

/// The same for logits z [N, C, h, w] that rows and cols interpolate to the pixels.
template <class T>
double upsampled_cross_entropy(Reference, Nchw<const T> z, const Taps& rows, const Taps& cols,
                               LabelledPixels<T> pixels, Flat<T> log_sum_exp);
double upsampled_cross_entropy(Cpu, Nchw<const float> z, const Taps& rows, const Taps& cols,
                               LabelledPixels<float> pixels, Flat<float> log_sum_exp);
template <class T>
double upsampled_cross_entropy(Cuda, Nchw<const T> z, const Taps& rows, const Taps& cols,
                               LabelledPixels<T> pixels, Flat<T> log_sum_exp);

template <class T>
void upsampled_cross_entropy_backward(Reference, Nchw<const T> z, const Taps& rows, const Taps& cols,
                                      LabelledPixels<T> pixels, Flat<const T> log_sum_exp, double scale,
                                      Nchw<T> dz);
void upsampled_cross_entropy_backward(Cpu, Nchw<const float> z, const Taps& rows, const Taps& cols,
                                      LabelledPixels<float> pixels, Flat<const float> log_sum_exp,
                                      double scale, Nchw<float> dz);
template <class T>
void upsampled_cross_entropy_backward(Cuda, Nchw<const T> z, const Taps& rows, const Taps& cols,
                                      LabelledPixels<T> pixels, Flat<const T> log_sum_exp, double scale,
                                      Nchw<T> dz);

}  // namespace clearcut::kernels
