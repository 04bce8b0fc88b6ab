#include "explain/classifier_ranks.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>

#include "tensor/error.h"

namespace clearcut {

namespace {

// Sums of one classifier.
struct Sums {
  double right = 0, probability = 0, scored = 0;
  std::vector<double> scores;
  std::int64_t questions = 0;

  void add(const JsonObject& member) {
    right += member.flag("right");
    probability += member.number("probability");
    ++questions;
    if (!member.has("scores")) return;
    const std::vector<double> one = member.numbers("scores");
    scores.resize(std::max(scores.size(), one.size()));
    for (std::size_t x = 0; x < one.size(); ++x) scores[x] += one[x];
    ++scored;
  }

  ClassifierRank rank(const std::string& name) const {
    const auto n = static_cast<double>(questions);
    ClassifierRank rank{.name = name, .accuracy = right / n, .probability = probability / n};
    rank.questions = questions;
    rank.score = scored > 0 ? 0 : std::nan("");
    for (const double sum : scores) {
      rank.by_explainer.push_back(sum / scored);
      rank.score += sum / scored / static_cast<double>(scores.size());
    }
    return rank;
  }
};

}  // namespace

std::vector<ClassifierRank> rank_classifiers(const std::string& folder) {
  const std::string path = folder + "/manifest.jsonl";
  std::ifstream file(path);
  check(file.good(), "classifiers", "cannot read ", path);
  std::map<std::string, Sums> sums;
  std::string text;
  for (int number = 1; std::getline(file, text); ++number) {
    const JsonObject line = JsonObject::parse(text, cat(path, ":", number));
    if (!line.has("label") || !line.object("made").has("members")) continue;
    for (const JsonObject& member : line.object("made").objects("members"))
      sums[member.text("classifier")].add(member);
  }
  std::vector<ClassifierRank> ranks;
  for (const auto& [name, one] : sums) ranks.push_back(one.rank(name));
  std::stable_sort(ranks.begin(), ranks.end(), [](const ClassifierRank& a, const ClassifierRank& b) {
    const bool scored = !std::isnan(a.score) && !std::isnan(b.score);
    return scored ? a.score > b.score : a.accuracy > b.accuracy;
  });
  return ranks;
}

void write_classifier_ranks(const std::string& folder, const std::vector<ClassifierRank>& ranks) {
  std::vector<JsonObject> lines;
  for (const ClassifierRank& rank : ranks) {
    JsonObject line;
    line.set("name", rank.name).set("accuracy", rank.accuracy).set("probability", rank.probability);
    line.set("score", rank.score).set("by_explainer", rank.by_explainer).set("questions", rank.questions);
    lines.push_back(std::move(line));
  }
  JsonObject().set("classifiers", lines).write(folder + "/classifiers.json");
}

std::vector<double> read_accuracies(const std::string& path, const std::vector<std::string>& names) {
  std::map<std::string, double> known;
  for (const JsonObject& line : JsonObject::read(path).objects("classifiers"))
    known[line.text("name")] = line.number("accuracy");
  std::vector<double> accuracies;
  for (const std::string& name : names) {
    const auto at = known.find(name);
    check(at != known.end() && at->second >= 0, "accuracy", path, " has no accuracy >= 0 for '", name, "'");
    accuracies.push_back(at->second);
  }
  return accuracies;
}

}  // namespace clearcut
