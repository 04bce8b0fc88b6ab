// Many classifiers times many explainers on many pictures, one member's map at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "explain/consensus.h"
#include "explain/explainer.h"
#include "models/classifier.h"

namespace clearcut {

struct EnsembleOptions {
  std::vector<ExplainOptions> explainers;
  Fusion fusion = {};
  Framing framing = Framing::kWhole;   // kWhole or kShortSide: a label needs the whole picture
  std::string groups = {};             // file for class_targets(); empty: by name
  SuperpixelOptions superpixels = {};  // of fusions and snapping, on the picture itself; those of a LIME win
  bool segment = false;                // superpixels even if no member needs them
  std::int64_t working_side = 512;  // maps and superpixels live on the picture shrunk to this longest side;
                                    // 0: on the picture itself
  std::uint64_t seed = 1;
  std::size_t budget_bytes = std::size_t{1} << 30;
};

/// A picture on its way through the ensemble.
struct PictureTask {
  Item item;
  std::int64_t height = 0, width = 0;  // of the picture in the file
  Tensor picture;                      // uint8 [h, w, 3] at working size
  Tensor segments;                     // int32 [h, w]; undefined if nobody needs them
};
/// One label of one picture: what is explained.
struct Question {
  std::size_t task = 0;
  int label = 0;               // class of the data set
  std::vector<Belief> belief;  // per classifier
};
/// What one member answers to one question.
struct Answer {
  std::size_t question = 0, classifier = 0, explainer = 0;
  MemberMap member;    // at working size
  bool empty = false;  // its map says nothing

  Tensor share(Variant variant) const;  // of a consensus: member_share(), or zeros if empty
};

/// Classifiers and explainers; a member is one of each.
class Ensemble {
 public:
  /// class_names: of the data set; `needed` lists the classes that occur. Throws Error if a classifier has
  /// nothing for one of them, if two classifiers have one name, two LIMEs different superpixels, or if there
  /// is no member.
  Ensemble(std::vector<std::unique_ptr<Classifier>> classifiers, EnsembleOptions options,
           const std::vector<std::string>& class_names, const std::vector<int>& needed);

  std::size_t classifiers() const { return classifiers_.size(); }
  std::size_t explainers() const { return options_.explainers.size(); }
  std::size_t members() const { return classifiers() * explainers(); }
  const Classifier& classifier(std::size_t k) const { return *classifiers_[k]; }
  Device device() { return classifiers_[0]->registry().device(); }
  const EnsembleOptions& options() const { return options_; }

  /// Shrinks a decoded picture to working size and cuts it into superpixels where needed.
  PictureTask prepare(const Item& item, const Tensor& picture) const;
  /// With `beliefs` all classifiers are asked what they think, one forward pass each: weights other than
  /// Wrong::kKeep need that first. Otherwise answer() fills in the beliefs.
  std::vector<Question> questions(const std::vector<PictureTask>& tasks, bool beliefs);
  /// use(answer) for every member and question: members in order, the questions of one member on several
  /// threads. The same bits each time, so a second call serves as a second pass.
  void answer(const std::vector<PictureTask>& tasks, std::vector<Question>& questions,
              const std::function<void(const Answer&)>& use);

 private:
  struct Batch;
  std::vector<Batch> batches(const std::vector<PictureTask>& tasks, const std::vector<Question>& questions,
                             std::size_t classifier) const;
  void believe(std::size_t classifier, const Explanations& said, const Batch& batch,
               const std::vector<PictureTask>& tasks, std::vector<Question>& questions) const;
  MemberMap member_of(const Explanation& said, std::size_t row, const PictureTask& task,
                      std::size_t classifier, std::size_t explainer) const;

  std::vector<std::unique_ptr<Classifier>> classifiers_;
  EnsembleOptions options_;
  std::vector<std::vector<std::vector<int>>> targets_;  // [classifier][class of the data set]
  bool segment_;
};

}  // namespace clearcut
