// Small maps of all members, kept so that fusing can be done again without explaining.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/json.h"
#include "explain/ensemble.h"
#include "tensor/npy.h"

namespace clearcut {

enum class MapType : std::uint8_t { kU8, kF16 };

/// How a member's map is kept: brought to side x side over the whole picture (antialiased), stretched to
/// 0 .. 1 between its extremes, in 8-bit steps of 1/255 or as float16.
struct KeepOptions {
  MapType type = MapType::kU8;
  std::int64_t side = 56;
};
KeepOptions parse_keep(const std::string& text);  // "u8:56", "f16:112"
std::string describe(const KeepOptions& keep);

/// What all members said about the labels of one picture. With Q labels, K classifiers, X explainers and side
/// S, a file holds
///
///   labels       int32 [Q], values    maps  uint8 [Q, K, X, S, S], or [Q, K, X, S, 2 S]: bytes of float16
///   low, high    float32 [Q, K, X]    a value is low + v (high - low), v = byte / 255 or the float16
///   empty        uint8 [Q, K, X]      1: the map says nothing
///   probability  float64 [Q, K]       right  uint8 [Q, K]: what the classifier believes (Belief)
///   isa          uint8 [n]            text: instruction set or device that computed the maps
///
/// Squares and coefficients of superpixels are not kept: see KeptMembers.
class KeptPicture {
 public:
  KeptPicture(std::vector<int> labels, std::size_t classifiers, std::size_t explainers, KeepOptions keep,
              std::string isa);
  /// Throws Error that names the file if arrays are missing or do not fit together.
  static KeptPicture read(const std::string& path);
  void write(const std::string& path) const;

  const std::vector<int>& labels() const { return labels_; }
  /// The same with other numbers for the labels: files have label values, tasks have classes of the data set.
  KeptPicture renumbered(int shift) const;
  const std::string& isa() const { return isa_; }
  std::size_t classifiers() const { return classifiers_; }
  std::size_t explainers() const { return explainers_; }

  /// Different members and labels may be put from several threads.
  void put(std::size_t label, std::size_t classifier, std::size_t explainer, const Tensor& map, bool empty);
  void put(std::size_t label, std::size_t classifier, const Belief& belief);

  Tensor map(std::size_t label, std::size_t classifier, std::size_t explainer) const;  // float32 [S, S]
  bool empty(std::size_t label, std::size_t classifier, std::size_t explainer) const;
  Belief belief(std::size_t label, std::size_t classifier) const;

 private:
  std::size_t member(std::size_t label, std::size_t classifier, std::size_t explainer) const {
    return (label * classifiers_ + classifier) * explainers_ + explainer;
  }
  std::size_t map_bytes() const;
  void take(const NamedTensors& arrays, const std::string& path);

  std::vector<int> labels_;
  std::size_t classifiers_ = 0, explainers_ = 0;
  KeepOptions keep_;
  std::string isa_;
  std::vector<std::uint8_t> maps_, empty_, right_;
  std::vector<float> low_, high_;
  std::vector<double> probability_;
};

/// FOLDER/maps/<picture name>.npz
std::string kept_path(const std::string& folder, const Item& item);

/// Asks all members about all labels and puts the answers into tasks[i].kept. Throws Error for the variant
/// `square` if a member has squares of its own: reduction=square makes them the map.
void keep_maps(Members& members, std::vector<PictureTask>& tasks, const KeepOptions& keep);

/// Members whose maps were kept. What they say is what is kept: fusing again gives the bits of the run that
/// kept them. On superpixels their means over the small map take the place of LIME's coefficients.
class KeptMembers : public Members {
 public:
  /// Maps below `folder`, as `label fuse --keep-maps` leaves them with its job.json: classifiers and
  /// explainers come from there, everything else from the options. Without options.accuracy that of
  /// FOLDER/classifiers.json is used, if it is there. class_names: of the data set; throws Error if the
  /// folder has others (value_shift()).
  KeptMembers(std::string folder, EnsembleOptions options, const std::vector<std::string>& class_names);
  /// Maps that keep_maps() has just put into tasks.
  explicit KeptMembers(const Members& asked);

  /// The job that kept the maps; empty for maps in tasks.
  const JsonObject& job() const { return job_; }

  std::string computed_with(const PictureTask& task) const override;
  /// Also throws Error for the variant `square` if explainers of gradients were kept with another reduction.
  void check_fusion(const Fusion& fusion) const override;
  /// Throws Error if there is no file of this picture, or one of another ensemble.
  PictureTask prepare(const Item& item, const Tensor& picture) const override;
  std::vector<Question> questions(const std::vector<PictureTask>& tasks, bool beliefs) override;
  void answer(const std::vector<PictureTask>& tasks, std::vector<Question>& questions,
              const std::function<void(const Answer&)>& use) override;

 private:
  std::string folder_;
  JsonObject job_;
  int shift_ = 0;  // from classes of the data set to label values of the folder
};

}  // namespace clearcut
