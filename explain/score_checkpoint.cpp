#include "explain/score_checkpoint.h"

#include <algorithm>
#include <filesystem>

#include "tensor/npy.h"

namespace clearcut {

namespace {

Tensor text_array(const std::string& text) {
  return Tensor::from<std::uint8_t>({static_cast<std::int64_t>(text.size())}, {text.begin(), text.end()});
}

Tensor number_array(const std::vector<std::int64_t>& numbers) {
  return Tensor::from<std::int64_t>({static_cast<std::int64_t>(numbers.size())}, numbers);
}

/// [truth][predicted] of all pictures, one after the other.
std::vector<std::int64_t> counts_of(const std::vector<ConfusionMatrix>& pictures) {
  std::vector<std::int64_t> counts;
  for (const ConfusionMatrix& picture : pictures)
    for (int truth = 0; truth < picture.classes(); ++truth)
      for (int predicted = 0; predicted <= picture.classes(); ++predicted)
        counts.push_back(picture.count(truth, predicted));
  return counts;
}

std::vector<ConfusionMatrix> pictures_of(const std::vector<std::int64_t>& counts, int classes) {
  std::vector<ConfusionMatrix> pictures;
  for (std::size_t at = 0; at < counts.size();) {
    pictures.emplace_back(classes);
    for (int truth = 0; truth < classes; ++truth)
      for (int predicted = 0; predicted <= classes; ++predicted)
        pictures.back().add_count(truth, predicted, counts[at++]);
  }
  return pictures;
}

Tensor means_array(const ClassMeans& means) {
  std::vector<double> numbers;
  for (const auto& [label, sums] : means.sums) {
    numbers.push_back(label);
    numbers.insert(numbers.end(), sums.begin(), sums.end());
  }
  return Tensor::from<double>({static_cast<std::int64_t>(numbers.size())}, numbers);
}

ClassMeans means_of(const std::vector<double>& numbers) {
  ClassMeans means;
  const std::size_t n = std::tuple_size_v<decltype(means.sums)::mapped_type>;
  for (std::size_t at = 0; at + n < numbers.size(); at += n + 1)
    std::copy_n(numbers.begin() + static_cast<std::ptrdiff_t>(at) + 1, n,
                means.sums[static_cast<int>(numbers[at])].begin());
  return means;
}

}  // namespace

void ScoreCheckpoint::write(const MemberScores& scores, const std::vector<ClassMeans>& means,
                            std::int64_t done, bool now) {
  const auto time = std::chrono::steady_clock::now();
  if (path_.empty() || done == 0 || (!now && time - written_ < std::chrono::seconds(20))) return;
  JsonObject about;
  std::vector<JsonObject> failures;
  for (const Failure& f : scores.failures)
    failures.push_back(JsonObject().set("id", f.id).set("stage", f.stage).set("error", f.error));
  about.set("key", key_).set("done", done).set("scored", scores.scored).set("failures", failures);
  NamedTensors arrays = {{"about", text_array(about.line())}};
  for (std::size_t s = 0; s < scores.subsets.size(); ++s) {
    const SubsetScores& subset = scores.subsets[s];
    for (std::size_t i = 0; i < subset.sweeps.size(); ++i)
      arrays.emplace_back(cat("sweep", s, ".", i), number_array(subset.sweeps[i].counts()));
    arrays.emplace_back(cat("pictures", s), number_array(counts_of(subset.pictures)));
    arrays.emplace_back(cat("means", s), means_array(means[s]));
  }
  write_npz(path_, arrays);
  written_ = std::chrono::steady_clock::now();
}

std::int64_t ScoreCheckpoint::read(MemberScores& scores, std::vector<ClassMeans>& means) const {
  if (path_.empty() || !std::filesystem::exists(path_)) return 0;
  const NamedTensors arrays = read_npz(path_);
  const auto text = find_array(arrays, "about", path_).values<std::uint8_t>();
  const JsonObject about = JsonObject::parse(std::string(text.begin(), text.end()), path_);
  if (about.text("key") != key_) return 0;
  scores.scored = about.texts("scored");
  for (const JsonObject& f : about.objects("failures"))
    scores.failures.push_back({f.text("id"), f.text("stage"), f.text("error")});
  for (std::size_t s = 0; s < scores.subsets.size(); ++s) {
    SubsetScores& subset = scores.subsets[s];
    for (std::size_t i = 0; i < subset.sweeps.size(); ++i)
      subset.sweeps[i].set_counts(find_array(arrays, cat("sweep", s, ".", i), path_).values<std::int64_t>());
    const auto pictures = find_array(arrays, cat("pictures", s), path_).values<std::int64_t>();
    const int classes = subset.sweeps[0].at(0).classes();
    const auto each = static_cast<std::size_t>(classes * (classes + 1));
    check(pictures.size() % each == 0, "sweep", path_, ": pictures", s, " has ", pictures.size(),
          " numbers, but a picture has ", each, "; delete the file to begin anew");
    subset.pictures = pictures_of(pictures, classes);
    means[s] = means_of(find_array(arrays, cat("means", s), path_).values<double>());
  }
  return about.integer("done");
}

}  // namespace clearcut
