// Classifiers by number, few of them in memory at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/classifier.h"

namespace clearcut {

/// Weights of sixteen classifiers may take more memory than explaining a picture does. So only sets of up to
/// `most` keep them all; of a larger one a single classifier is there at a time, loaded when it is asked for,
/// in place of the one before.
class ClassifierSet {
 public:
  using Loader = std::function<std::unique_ptr<Classifier>()>;

  /// All stay in memory.
  ClassifierSet(std::vector<std::unique_ptr<Classifier>> loaded);
  explicit ClassifierSet(std::vector<Loader> loaders, std::size_t most = 2);

  std::size_t size() const { return loaders_.size(); }
  /// Cost: loading, if it is not there. What the caller still holds of another one stays in memory with it.
  std::shared_ptr<Classifier> get(std::size_t k);

 private:
  std::vector<Loader> loaders_;  // empty functions where all stay
  std::vector<std::shared_ptr<Classifier>> loaded_;
  std::size_t most_;
};

/// Of load_classifier().
ClassifierSet classifier_files(const std::vector<std::string>& paths, Device device);

}  // namespace clearcut
