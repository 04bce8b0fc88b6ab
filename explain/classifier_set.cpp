#include "explain/classifier_set.h"

#include "tensor/error.h"
#include "tensor/memory.h"

namespace clearcut {

ClassifierSet::ClassifierSet(std::vector<std::unique_ptr<Classifier>> loaded)
    : loaders_(loaded.size()), most_(loaded.size()) {
  for (auto& classifier : loaded) loaded_.push_back(std::move(classifier));
}

ClassifierSet::ClassifierSet(std::vector<Loader> loaders, std::size_t most)
    : loaders_(std::move(loaders)), loaded_(loaders_.size()), most_(most) {}

std::shared_ptr<Classifier> ClassifierSet::get(std::size_t k) {
  check(k < size(), "classifiers", "there are ", size(), "; got the number ", k);
  if (loaded_[k]) return loaded_[k];
  if (size() > most_) {
    for (auto& other : loaded_) other.reset();
    release_idle_memory();  // blocks of the sizes that the one before needed
  }
  loaded_[k] = loaders_[k]();
  return loaded_[k];
}

ClassifierSet classifier_files(const std::vector<std::string>& paths, Device device) {
  std::vector<ClassifierSet::Loader> loaders;
  for (const std::string& path : paths)
    loaders.emplace_back([path, device] { return load_classifier(path, device); });
  return ClassifierSet(std::move(loaders));
}

}  // namespace clearcut
