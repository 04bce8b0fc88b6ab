#include "explain/member_scores.h"

#include <algorithm>
#include <map>

#include "explain/fuse.h"
#include "explain/regions.h"
#include "explain/score_checkpoint.h"
#include "explain/score_parts.h"
#include "tensor/interrupt.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace clearcut {

std::vector<Subset> make_subsets(const Members& ensemble, const std::vector<std::string>& which) {
  const std::size_t K = ensemble.classifiers(), X = ensemble.explainers();
  const auto explainer = [&](std::size_t x) { return ensemble.options().explainers[x].explainer; };
  std::vector<Subset> subsets;
  const auto add = [&](const std::string& name, const auto& wanted) {
    Subset subset{.name = name, .members = {}};
    for (std::size_t k = 0; k < K; ++k)
      for (std::size_t x = 0; x < X; ++x)
        if (wanted(k, x)) subset.members.emplace_back(k, x);
    const auto there = std::find_if(subsets.begin(), subsets.end(),
                                    [&](const Subset& s) { return s.members == subset.members; });
    if (there == subsets.end())
      subsets.push_back(std::move(subset));
    else if (name == "all/all" && subset.members.size() > 1)
      there->name = name;
  };
  for (const std::string& word : which) {
    if (word == "members") {
      for (std::size_t k = 0; k < K; ++k)
        for (std::size_t x = 0; x < X; ++x)
          add(ensemble.classifier_name(k) + "/" + explainer(x),
              [&](std::size_t a, std::size_t b) { return a == k && b == x; });
    } else if (word == "explainers") {
      for (std::size_t x = 0; x < X; ++x)
        add("all/" + explainer(x), [&](std::size_t, std::size_t b) { return b == x; });
    } else if (word == "classifiers") {
      for (std::size_t k = 0; k < K; ++k)
        add(ensemble.classifier_name(k) + "/all", [&](std::size_t a, std::size_t) { return a == k; });
    } else {
      check(word == "all", "sweep", "subsets are members, explainers, classifiers, all; got '", word, "'");
      add("all/all", [](std::size_t, std::size_t) { return true; });
    }
  }
  return subsets;
}

namespace {

class Scorer {
 public:
  Scorer(const Dataset& data, Members& ensemble, const std::vector<Subset>& subsets,
         const MemberScoreOptions& options, const std::vector<Choice>& choices)
      : data_(data),
        ensemble_(ensemble),
        subsets_(subsets),
        options_(options),
        choices_(choices),
        means_(subsets.size()),
        space_{.background = data.background, .ignore = data.ignore} {
    for (std::size_t s = 0; s < subsets.size(); ++s) {
      result_.subsets.push_back({.fusions = fusions_of(s), .sweeps = {}, .pictures = {}});
      result_.subsets.back().sweeps = new_sweeps(s, kScoreGroups);
      for (const Fusion& fusion : fusions(s)) {
        ensemble.check_fusion(fusion);
        ask_first_ = ask_first_ || needs_beliefs(fusion);
        ask_twice_ = ask_twice_ || by_agreement(fusion);
      }
    }
    users_.resize(ensemble.classifiers() * ensemble.explainers());
    for (std::size_t s = 0; s < subsets.size(); ++s)
      for (const auto& [k, x] : subsets[s].members) users_[k * ensemble.explainers() + x].push_back(s);
  }

  void chunk(const std::vector<Item>& items);
  MemberScores result();
  /// What an interrupted call counted: returns its number of pictures.
  std::int64_t go_on(const ScoreCheckpoint& from) { return from.read(result_, means_); }
  void keep(ScoreCheckpoint& in, std::int64_t done, bool now) const { in.write(result_, means_, done, now); }

 private:
  using Consensuses = std::vector<std::vector<std::vector<Consensus>>>;  // [question][subset][fusion]

  // What one picture adds to one subset.
  struct Share {
    std::vector<ThresholdSweep> sweeps;
    std::vector<std::pair<int, std::pair<Localisation, double>>> found;
  };

  std::vector<ThresholdSweep> new_sweeps(std::size_t subset, std::size_t groups) const {
    const auto classes = static_cast<int>(data_.class_names.size());
    if (!choices_.empty()) return {ThresholdSweep(classes, space_, {choices_[subset].threshold}, groups)};
    return std::vector<ThresholdSweep>(fusions(subset).size() * options_.measures.size(),
                                       ThresholdSweep(classes, space_, options_.thresholds, groups));
  }
  std::vector<Fusion> fusions_of(std::size_t subset) const;
  const std::vector<Fusion>& fusions(std::size_t subset) const { return result_.subsets[subset].fusions; }
  bool alone(std::size_t subset) const { return subsets_[subset].members.size() == 1; }
  std::vector<Measure> measures(std::size_t subset) const {
    return choices_.empty() ? options_.measures : std::vector<Measure>{choices_[subset].measure};
  }
  void read(const std::vector<Item>& items);
  void ask();
  void listen(Consensuses& to, const Consensuses* first);
  static bool by_agreement(const Fusion& fusion) { return fusion.weights == MemberWeights::kAgreement; }
  Tensor finished(const Tensor& map, std::size_t task) const;
  Share share_of(std::size_t task, std::size_t subset) const;

  const Dataset& data_;
  Members& ensemble_;
  const std::vector<Subset>& subsets_;
  const MemberScoreOptions& options_;
  const std::vector<Choice>& choices_;
  MemberScores result_;
  std::vector<ClassMeans> means_;
  LabelSpace space_;
  bool ask_first_ = false;                       // some weights need beliefs
  bool ask_twice_ = false;                       // some need the consensus of the others
  std::vector<std::vector<std::size_t>> users_;  // subsets that each member is in
  std::vector<PictureTask> tasks_;
  std::vector<Tensor> truths_;
  std::vector<Question> questions_;
  Consensuses consensus_;
};

std::vector<Fusion> Scorer::fusions_of(std::size_t s) const {
  if (!choices_.empty()) return {choices_[s].fusion};
  std::vector<Fusion> fusions = options_.fusions;
  if (fusions.empty()) fusions = {ensemble_.options().fusion};
  if (!alone(s)) return fusions;
  std::vector<Fusion> kinds;
  for (const Fusion& fusion : fusions)
    if (std::none_of(kinds.begin(), kinds.end(), [&](const Fusion& k) {
          return needs_superpixels(k.variant) == needs_superpixels(fusion.variant);
        }))
      kinds.push_back({.variant = fusion.variant});
  return kinds;
}

void Scorer::read(const std::vector<Item>& items) {
  const std::vector<ReadPicture> pictures = read_pictures(items, options_.picture);
  tasks_.clear();
  truths_.clear();
  for (std::size_t i = 0; i < items.size(); ++i) try {
      check(pictures[i].error.empty(), "read", pictures[i].error);
      const Tensor& picture = pictures[i].picture;
      const Tensor truth = read_mask(data_, items[i]);
      check(truth.dim(0) == picture.dim(0) && truth.dim(1) == picture.dim(1), "sweep", items[i].mask,
            " has the size ", truth.shape(), " but its picture ", picture.shape());
      tasks_.push_back(ensemble_.prepare(items[i], picture));
      truths_.push_back(truth);
    } catch (const Error& error) {
      result_.failures.push_back({.id = items[i].name, .stage = "read", .error = error.what()});
    }
}

// With the consensus of a first time, only what counts by agreement is added up, by that.
void Scorer::listen(Consensuses& to, const Consensuses* first) {
  ensemble_.answer(tasks_, questions_, [&](const Answer& a) {
    std::map<Variant, Tensor> shares;
    for (const std::size_t s : users_[a.classifier * ensemble_.explainers() + a.explainer])
      for (std::size_t f = 0; f < fusions(s).size(); ++f) {
        const Fusion& fusion = fusions(s)[f];
        if (first != nullptr && !by_agreement(fusion)) continue;
        Tensor& share = shares[fusion.variant];
        if (!share.defined()) share = a.share(fusion.variant);
        double weight = alone(s) ? 1
                                 : classifier_weights(fusion, questions_[a.question].belief,
                                                      ensemble_.accuracy())[a.classifier];
        if (first != nullptr) weight *= (*first)[a.question][s][f].agreement_of(share);
        to[a.question][s][f].add(share, weight);
      }
  });
}

void Scorer::ask() {
  questions_ = ensemble_.questions(tasks_, ask_first_);
  Consensuses none;
  for (const Question& question : questions_) {
    const Tensor& picture = tasks_[question.task].picture;
    const Consensus empty(picture.dim(0), picture.dim(1), options_.vote_at);
    none.emplace_back();
    for (std::size_t s = 0; s < subsets_.size(); ++s) none.back().emplace_back(fusions(s).size(), empty);
  }
  consensus_ = none;
  listen(consensus_, nullptr);
  if (!ask_twice_) return;
  listen(none, &consensus_);
  for (std::size_t q = 0; q < none.size(); ++q)
    for (std::size_t s = 0; s < subsets_.size(); ++s)
      for (std::size_t f = 0; f < fusions(s).size(); ++f)
        if (!none[q][s][f].empty()) consensus_[q][s][f] = std::move(none[q][s][f]);
}

// A map at the size of the truth.
Tensor Scorer::finished(const Tensor& map, std::size_t t) const {
  return enlarged(options_.snap ? region_means(map, tasks_[t].segments) : map, truths_[t].dim(0),
                  truths_[t].dim(1));
}

Scorer::Share Scorer::share_of(std::size_t t, std::size_t s) const {
  Share share{.sweeps = new_sweeps(s, 1), .found = {}};
  const Tensor& truth = truths_[t];
  const std::vector<Measure> wanted = measures(s);
  std::vector<std::vector<ClassStrength>> classes(share.sweeps.size());  // [fusion][measure]
  for (std::size_t q = 0; q < questions_.size(); ++q) {
    if (questions_[q].task != t) continue;
    const int label = questions_[q].label;
    for (std::size_t f = 0; f < fusions(s).size(); ++f) {
      const Consensus& consensus = consensus_[q][s][f];
      const Tensor E = finished(consensus.mean(), t);
      for (std::size_t m = 0; m < wanted.size(); ++m) {
        const bool votes = wanted[m] == Measure::kVotes;
        classes[f * wanted.size() + m].push_back(
            {.label = label, .strength = strength(votes ? finished(consensus.votes(), t) : E, wanted[m])});
      }
      if (choices_.empty()) continue;
      const Tensor inside = object_of(truth, label, space_.ignore);
      share.found.push_back({label, {localise(E, inside), consensus.agreement()}});
    }
  }
  for (std::size_t i = 0; i < classes.size(); ++i) share.sweeps[i].add(classes[i], truth);
  return share;
}

void Scorer::chunk(const std::vector<Item>& items) {
  read(items);
  ask();
  const std::size_t S = subsets_.size();
  std::vector<std::optional<Share>> shares(tasks_.size() * S);
  std::vector<std::string> errors(tasks_.size());
  parallel_for(static_cast<std::int64_t>(tasks_.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto t = static_cast<std::size_t>(begin); t < static_cast<std::size_t>(end); ++t) try {
        for (std::size_t s = 0; s < S; ++s) shares[t * S + s] = share_of(t, s);
      } catch (const Error& error) {
        errors[t] = error.what();
      }
  });
  for (std::size_t t = 0; t < tasks_.size(); ++t) {
    if (!errors[t].empty()) {
      result_.failures.push_back({.id = tasks_[t].item.name, .stage = "score", .error = errors[t]});
      continue;
    }
    const std::size_t group = result_.scored.size() % kScoreGroups;
    result_.scored.push_back(tasks_[t].item.name);
    for (std::size_t s = 0; s < S; ++s) {
      const Share& share = *shares[t * S + s];
      for (std::size_t m = 0; m < share.sweeps.size(); ++m)
        result_.subsets[s].sweeps[m].add(share.sweeps[m], group);
      if (!choices_.empty()) result_.subsets[s].pictures.push_back(share.sweeps[0].at(0));
      for (const auto& [label, found] : share.found) means_[s].add(label, found.first, found.second);
    }
  }
}

MemberScores Scorer::result() {
  for (std::size_t s = 0; s < subsets_.size(); ++s) result_.subsets[s].finding = means_[s].means();
  return std::move(result_);
}

/// A hash of all that decides about the sums.
std::string key_of(const Dataset& data, const Members& members, const std::vector<Subset>& subsets,
                   const MemberScoreOptions& options, const std::vector<Choice>& choices) {
  std::vector<std::string> names;  // in place of their files' hashes
  for (std::size_t k = 0; k < members.classifiers(); ++k) names.push_back(members.classifier_name(k));
  FuseOptions fuse;
  fuse.vote_at = options.vote_at;
  std::string text = describe_job(members, names, fuse).line() + "\n";
  text += cat(options.snap, " ", options.picture.apply_exif, " means of 7\n");  // as ClassMeans holds them
  for (const Item& item : data.items) {
    text += cat(item.name, " ", item.image, " ", item.mask);
    for (const int label : item.classes) text += cat(" ", label);
    text += "\n";
  }
  for (const Subset& subset : subsets) text += subset.name + "\n";
  for (const Fusion& fusion : options.fusions) text += describe(fusion) + "\n";
  for (const Measure measure : options.measures) text += name_of(measure) + "\n";
  for (const double threshold : options.thresholds) text += cat(threshold, "\n");
  for (const Choice& c : choices) text += cat(describe(c.fusion), name_of(c.measure), c.threshold, "\n");
  return cat(hash_name(text));
}

}  // namespace

MemberScores score_members(const Dataset& data, Members& ensemble, const std::vector<Subset>& subsets,
                           const MemberScoreOptions& options, const std::vector<Choice>& choices) {
  check(data.masks != MaskFormat::kNone && data.background >= 0, "sweep", "the data set ", data.root,
        " must have true masks (name their folder: masks) and a background class");
  check(choices.empty() || choices.size() == subsets.size(), "sweep", "there are ", subsets.size(),
        " subsets but ", choices.size(), " choices");
  Scorer scorer(data, ensemble, subsets, options, choices);
  ScoreCheckpoint checkpoint(options.checkpoint, key_of(data, ensemble, subsets, options, choices));
  const auto total = static_cast<std::int64_t>(data.items.size());
  for (std::int64_t done = scorer.go_on(checkpoint); done < total;) {
    if (interrupted()) scorer.keep(checkpoint, done, true);
    stop_if_interrupted("label sweep", "run the same command again");
    const std::int64_t last = std::min(total, done + options.chunk);
    scorer.chunk({data.items.begin() + done, data.items.begin() + last});
    done = last;
    scorer.keep(checkpoint, done, done == total);
    if (options.progress) options.progress(done, total);
  }
  return scorer.result();
}

Choice best_choice(const SubsetScores& scores_of, const MemberScoreOptions& options,
                   const ScoreOptions& score) {
  Choice choice;
  double top = -1;
  const std::size_t M = options.measures.size();
  for (std::size_t i = 0; i < scores_of.sweeps.size(); ++i) {
    const ThresholdSweep& sweep = scores_of.sweeps[i];
    const std::size_t at = sweep.best(score);
    const double miou = scores(sweep.at(at), score).miou;
    if (miou > top) {
      choice = {.fusion = scores_of.fusions[i / M],
                .measure = options.measures[i % M],
                .threshold = sweep.thresholds()[at]};
      top = miou;
    }
  }
  return choice;
}

}  // namespace clearcut
