// Many classifiers times many explainers on many pictures, one member's map at a time: memory grows neither
// with the members nor with the pictures.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "explain/classifier_set.h"
#include "explain/consensus.h"
#include "explain/explainer.h"

namespace clearcut {

struct EnsembleOptions {
  std::vector<ExplainOptions> explainers;
  Fusion fusion = {};
  Framing framing = Framing::kWhole;   // kWhole or kShortSide: a label needs the whole picture
  std::string groups = {};             // file for class_targets(); empty: by name
  std::string accuracy = {};           // file for MemberWeights::kAccuracy, see explain/classifier_ranks.h
  SuperpixelOptions superpixels = {};  // of fusions and snapping, on the picture itself; those of a LIME win
  bool segment = false;                // superpixels even if no member needs them
  std::int64_t working_side = 512;  // maps and superpixels live on the picture shrunk to this longest side;
                                    // 0: on the picture itself
  std::uint64_t seed = 1;
  std::size_t budget_bytes = std::size_t{1} << 30;
};

class KeptPicture;  // explain/kept_maps.h

/// A picture on its way through the ensemble.
struct PictureTask {
  Item item;
  std::int64_t height = 0, width = 0;            // of the picture in the file
  Tensor picture;                                // uint8 [h, w, 3] at working size
  Tensor segments;                               // int32 [h, w]; undefined if nobody needs them
  std::shared_ptr<const KeptPicture> kept = {};  // maps of all members, where they are kept
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

/// Classifiers times explainers; a member is one of each. They explain pictures (Ensemble), or what they said
/// was kept (KeptMembers, explain/kept_maps.h).
class Members {
 public:
  virtual ~Members() = default;

  std::size_t classifiers() const { return names_.size(); }
  std::size_t explainers() const { return options_.explainers.size(); }
  std::size_t members() const { return classifiers() * explainers(); }
  const std::string& classifier_name(std::size_t k) const { return names_[k]; }
  const EnsembleOptions& options() const { return options_; }
  /// Of each classifier on image labels; empty without EnsembleOptions::accuracy.
  const std::vector<double>& accuracy() const { return accuracy_; }
  /// Instruction set or device that computed the maps of this picture.
  virtual std::string computed_with(const PictureTask& task) const = 0;

  /// Shrinks a decoded picture to working size and cuts it into superpixels where needed.
  virtual PictureTask prepare(const Item& item, const Tensor& picture) const;
  /// Throws Error if these members lack what the fusion is made of.
  virtual void check_fusion(const Fusion& fusion) const;
  /// With `beliefs` all classifiers are asked what they think, one forward pass each: weights other than
  /// Wrong::kKeep need that first. Otherwise answer() fills in the beliefs.
  virtual std::vector<Question> questions(const std::vector<PictureTask>& tasks, bool beliefs) = 0;
  /// use(answer) for every member and question: for each question the members in order, the questions on
  /// several threads. The same bits each time, so a second call serves as a second pass.
  virtual void answer(const std::vector<PictureTask>& tasks, std::vector<Question>& questions,
                      const std::function<void(const Answer&)>& use) = 0;

 protected:
  /// Throws Error if there is no member, or two classifiers have one name.
  void set_up(std::vector<std::string> names, EnsembleOptions options);

  std::vector<std::string> names_;  // of the classifiers
  EnsembleOptions options_;
  std::vector<double> accuracy_;
  bool segment_ = false;
};

/// The consensus on each question, as options().fusion says; see(answer) is called for every member as well.
/// Fusions by agreement take a second pass over the answers; where nobody agrees with anybody, members count
/// as in the first.
std::vector<Consensus> consensus_of(Members& members, const std::vector<PictureTask>& tasks,
                                    std::vector<Question>& questions, double vote_at,
                                    const std::function<void(const Answer&)>& see = {});

/// Members that explain.
class Ensemble : public Members {
 public:
  /// class_names: of the data set; `needed` lists the classes that occur. Throws Error if a classifier has
  /// nothing for one of them, if two classifiers have one name, two LIMEs different superpixels, or if there
  /// is no member.
  Ensemble(ClassifierSet classifiers, EnsembleOptions options, const std::vector<std::string>& class_names,
           const std::vector<int>& needed);

  std::shared_ptr<Classifier> classifier(std::size_t k) { return classifiers_.get(k); }
  std::string computed_with(const PictureTask& task) const override;
  std::vector<Question> questions(const std::vector<PictureTask>& tasks, bool beliefs) override;
  void answer(const std::vector<PictureTask>& tasks, std::vector<Question>& questions,
              const std::function<void(const Answer&)>& use) override;

 private:
  struct Batch;
  std::vector<Batch> batches(const std::vector<PictureTask>& tasks, const std::vector<Question>& questions,
                             std::size_t classifier) const;
  Explanations explained(std::size_t classifier, Batch& batch, const std::vector<PictureTask>& tasks,
                         const std::vector<Question>& questions,
                         const std::vector<ExplainOptions>& explainers);
  void believe(std::size_t classifier, const Explanations& said, const Batch& batch,
               const std::vector<PictureTask>& tasks, std::vector<Question>& questions) const;
  MemberMap member_of(const Explanation& said, std::size_t row, const PictureTask& task,
                      std::size_t classifier, std::size_t explainer) const;

  ClassifierSet classifiers_;
  std::vector<Preprocess> preprocess_;                  // [classifier]
  std::vector<std::vector<std::vector<int>>> targets_;  // [classifier][class of the data set]
  Device device_ = Device::kCpu;
};

}  // namespace clearcut
