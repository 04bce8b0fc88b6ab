// Explainers: which pixels of a picture speak for a class, by the word of a classifier.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "explain/least_squares.h"
#include "explain/superpixels.h"
#include "tensor/tensor.h"

namespace clearcut {

class Classifier;

/// What is explained: one class, or a group of classes that counts as one (the ImageNet dogs for "dog").
/// With logits z and p = softmax(z) the score s is
///   probability:  the sum of p over the group           (InterpretDL's choice, the default)
///   otherwise:    log-sum-exp of z over the group       (for one class: its logit)
struct Target {
  std::vector<int> classes;
  bool probability = true;
};

/// x' of Integrated Gradients, in the normalised space of the classifier.
enum class PathStart : std::uint8_t {
  kZero,  ///< 0: the mean colour that the normalisation subtracts
  kBlur,  ///< the picture under an 11 x 11 Gaussian of deviation 5 pixels (the start of RISE's insertion)
  kMean,  ///< the mean colour of the picture
};

/// Points a_i and weights of the path integral of Integrated Gradients.
enum class PathRule : std::uint8_t {
  kGauss,     ///< Gauss-Legendre (Captum's default): exact for polynomials up to degree 2 steps - 1
  kMidpoint,  ///< a_i = (i + 1/2) / steps
  kEnds,      ///< a_i = i / (steps - 1), both ends, weight 1 / steps (InterpretDL)
};

/// What a superpixel shows while LIME has switched it off.
enum class Off : std::uint8_t { kMeanColour, kZero };

/// What a pixel gets of the windows that cover it.
enum class Overlap : std::uint8_t {
  kMean,  ///< Captum
  kSum,   ///< InterpretDL
};

/// How near versions of a picture count to LIME; see explain/perturbation.h.
enum class Nearness : std::uint8_t {
  kBits,     ///< by the pieces that show (InterpretDL, the lime package)
  kPicture,  ///< by the angle between the pictures (Captum)
};

/// From a signed value per channel, G [3, H, W], to one value per pixel. LIME's coefficients count as one
/// channel.
enum class Reduction : std::uint8_t {
  kAbs,       ///< sum over c of |G_c|         (CS-abs; default of gradients)
  kSquare,    ///< 1/3 sum over c of G_c^2     (CS-sq)
  kPositive,  ///< max(0, sum over c of G_c)   (default of LIME: evidence for the class only)
  kSigned,    ///< sum over c of G_c           (keeps completeness: the map sums to s(x) - s(x'))
};

/// How relevance is shared out below an operator with weights; see explain/walk_relevance.h.
enum class RelevanceRule : std::uint8_t { kEpsilon, kGamma, kAlphaBeta, kApart, kPositive };

/// One explainer and its settings. Those of other explainers are not looked at.
struct ExplainOptions {
  // a row of explain/explainer_table.h
  std::string explainer = "gradcam";
  int samples = 0;       // noisy copies (0: 50; gradshap: 5, as InterpretDL); lime: pictures (0: 1000)
  double noise = 0.1;    // of noisy copies: deviation / (max x - min x) of the picture
  double deviation = 0;  // smoothgrad and its kin: of the noise itself, in place of `noise`; 0: not given
  int steps = 50;        // ig, conductance, layerig
  PathStart baseline = PathStart::kZero;  // ig, gradshap
  PathRule path = PathRule::kGauss;
  Off off = Off::kMeanColour;
  SuperpixelOptions superpixels = {};  // lime and its kin, where the input brings no segments
  // CAM family but for cam: taps, joined by + (mean of their maps); empty: the classifier's feature_path()
  std::string layer = "";
  std::string scales = "";  // CAM family: sizes of the picture to average over, "0.5+1+1.5+2"; empty: 1
  bool flip = false;        // CAM family: average over the picture and its mirror image
  int rivals = 3;           // finercam: classes that the target is compared with
  double alpha = 1;         // finercam: how much of a rival's logit counts
  RelevanceRule relevance = RelevanceRule::kAlphaBeta;  // lrp
  double epsilon = 1e-9;                                // lrp: kept away from sums that are divided by
  double gamma = 0.25;                                  // lrp: how much more positive weights count
  bool bounds = true;                                   // lrp: z^B where a layer reads the picture
  bool relu = true;                                     // CAM family and layers: negative values become 0
  std::string reduction = "";  // the others: abs, square, positive, signed; empty: the default
  std::string score = "";      // where gradients or scores are used: probability, logit; empty: the target's

  // explain/perturbation.h
  int grid = 0;                         // explainers of pieces: grid x grid cells; 0: superpixels
  int window = 32, stride = 16;         // occlusion: pixels
  Overlap overlap = Overlap::kMean;     // occlusion
  int cells = 7;                        // rise: cells of a mask per side
  double keep = 0.5;                    // rise: probability that a cell shows the picture
  Nearness nearness = Nearness::kBits;  // lime
  Penalty penalty = Penalty::kNone;     // lime
  double penalty_weight = 0;            // lime: "alpha"
  double settle = 0;                    // lime, kernelshap, glime: stop when weights move less; 0: never
  std::string prior = "";               // normlime, glime: file; see explain/global_prior.h
  int clusters = 32;                    // normlime: of pieces that look alike
  double pull = 1;                      // glime: weight of the prior
  bool softmax = true,
       corners = false;  // scorecam: over feature maps; how maps are brought to the picture's size
  double area = 0.1;     // extremal: of the mask
  int iterations = 800;  // extremal
};

/// All names that parse_explainer() takes: "cam, eigencam, ...".
std::string explainer_names();
/// Reads "smoothgrad:samples=10:noise=0.15". Grad-CAM and its kin get score=logit unless the text says
/// otherwise: the papers take the score before the softmax, and through the softmax all other classes of a
/// group speak too.
/// Throws Error that lists the known words.
ExplainOptions parse_explainer(const std::string& text);
/// The inverse, with every setting that the explainer looks at: the form kept in manifests.
std::string describe(const ExplainOptions& options);

/// A batch of pictures, one target each.
struct ExplainInput {
  Tensor x;                               // float32 [N, 3, H, W], normalised, in host memory
  std::vector<Target> targets = {};       // N
  std::vector<std::uint64_t> items = {};  // N picture ids: keys of the random numbers
  std::vector<Tensor> segments =
      {};  // lime and its kin: N label maps int32 [H, W], 0 .. K-1; empty: ExplainOptions::superpixels
  std::uint64_t seed = 1;
  std::size_t budget_bytes = std::size_t{1} << 30;  // of memory for one forward and backward pass
};

/// What one explainer says about the N pictures.
struct Explanation {
  /// float32 [N, h, w]: values over the whole input after the reduction, not normalised, in the explainer's
  /// own resolution: that of the input, for cam and gradcam that of the feature map.
  Tensor maps;
  /// Input gradients: 1/3 sum over c of G_c^2, float32 [N, h, w], whatever the reduction.
  Tensor squares = {};
  /// N flags: the map is constant or not finite, so it says nothing. It is all zeros then.
  std::vector<bool> empty = {};
  /// Explainers of pieces: per picture the value of each piece.
  std::vector<std::vector<double>> coefficients = {};
  /// lime, kernelshap, glime: per picture the weighted R^2 of the fit, and the versions that it was made of.
  std::vector<double> fit = {};
  std::vector<std::int64_t> samples = {};
};

/// What all explainers say, and what the classifier itself thinks.
struct Explanations {
  std::vector<Explanation> by_explainer;  // in the order of the options
  std::vector<double> probability;        // N: of the target, from the undisturbed picture
  std::vector<int> top1;                  // N: the class with the largest logit
};

/// Runs several explainers on a batch. One plain forward pass gives the probabilities, CAM and the
/// activations of Grad-CAM.
///
/// Each picture's bits depend on the picture, its target, its item id, the seed and the options only: not on
/// its neighbours, the budget or the number of threads. Inside, rows run in batches that fit budget_bytes
/// (measured on the first row); when memory runs out, the batch is halved and tried again.
///
/// CAM explains logits whatever the target says (a class map is linear in the logit, not in the
/// probability); for a group the class maps are weighted by softmax of the logits within the group, which is
/// the chain rule through log-sum-exp.
///
/// Parameters need no gradients; the mode is evaluation during the call and restored after it.
/// Throws Error if sizes disagree, a target class is out of range, or cam is asked of a network whose logits
/// are not linear in pooled features.
///
/// Cost in forward passes per picture: rules of the CAM family 0 without gradients, about 1 together with
/// them (backward to the feature map only), saliency 3, noisy copies 3 samples, ig 3 steps, lime its samples;
/// plus 1 shared.
/// Sources: Zhou 2015 (1512.04150), Selvaraju 2017 (1610.02391), Smilkov 2017 (1706.03825), Sundararajan
/// 2017 (1703.01365), Ribeiro 2016 (1602.04938); settings as in InterpretDL where they differ.
Explanations explain_all(Classifier& classifier, const ExplainInput& input,
                         const std::vector<ExplainOptions>& options);

/// One explainer, maps only: float32 [N, h, w].
Tensor explain(Classifier& classifier, const ExplainInput& input, const ExplainOptions& options);

}  // namespace clearcut
