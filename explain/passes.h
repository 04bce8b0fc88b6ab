// Rows of network input run in batches that fit a byte budget: the engine below every explainer.
#pragma once

#include <functional>
#include <list>

#include "explain/explainer.h"
#include "models/classifier.h"

namespace clearcut {

/// A number of network inputs that exist only while they run.
struct InputRows {
  std::int64_t count = 0;
  Shape shape;  // of one row: [3, H, W]
  /// Writes row r into the slot [3, H, W], in host memory. Called for several rows at once, on several
  /// threads.
  std::function<void(std::int64_t r, const Tensor& slot)> fill;
  /// The slot lies on the classifier's device: nothing is copied. On cuda fill() gets one row after another.
  bool on_device = false;
};

/// The pictures as they are, one row each. The input must outlive the rows.
InputRows picture_rows(const ExplainInput& input);

/// Runs rows through a classifier. Rows come in order, in batches of as many as fit the budget: the
/// first batch is one row, its memory is measured. When memory runs out the batch is halved and tried again;
/// one row that does not fit is an Error. What a row computes does not depend on the batch it is in.
///
/// While a Passes lives, the classifier is in evaluation mode and its parameters need no gradients.
class Passes {
 public:
  Passes(Classifier& classifier, std::size_t budget_bytes);
  ~Passes();
  Passes(const Passes&) = delete;
  Passes& operator=(const Passes&) = delete;

  /// use(r, logits of row r [C]) for each row, in order. No tape is kept.
  void scores(const InputRows& rows, const std::function<void(std::int64_t r, const float* z)>& use);

  /// use(r, d target(r) / d row r) for each row, in order; the gradient [3, H, W] lies on the device.
  void gradients(const InputRows& rows, const std::function<const Target&(std::int64_t r)>& target,
                 const std::function<void(std::int64_t r, const Tensor& g)>& use);

  /// body(first row, batch [B, 3, H, W]) for consecutive batches. The body must not keep results of a batch
  /// before its last allocation: it is called again with half the rows after an Error from memory.
  void batches(const InputRows& rows, const std::function<void(std::int64_t first, const Tensor& x)>& body);

  /// A label map for each picture: those of the input, or superpixels of the pictures behind input.x, made
  /// once for all explainers that ask with these options.
  const std::vector<Tensor>& segments(const ExplainInput& input, const SuperpixelOptions& options);

  Classifier& classifier() const { return classifier_; }
  Device device() const;
  std::int64_t classes() const { return classes_; }

 private:
  Classifier& classifier_;
  std::size_t budget_;
  std::int64_t classes_;
  bool training_;
  struct Cut {
    Tensor x;
    SuperpixelOptions options;
    std::vector<Tensor> segments;
  };
  std::list<Cut> cuts_;
  std::vector<bool> needed_;  // which parameters needed gradients before
};

/// dL/dlogits for a batch of targets: float32 [B, C]; target(i) belongs to row i of z.
Tensor target_gradients(const Tensor& z, const std::function<const Target&(std::int64_t i)>& target);

}  // namespace clearcut
