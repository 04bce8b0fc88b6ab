#include "explain/fuse.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "explain/classifier_ranks.h"
#include "explain/regions.h"
#include "tensor/interrupt.h"
#include "tensor/parallel.h"

namespace clearcut {

namespace {

// What is known about one question beside its consensus, once all members have answered.
struct Verdict {
  std::vector<double> weight;                        // [classifier]
  std::vector<std::vector<double>> scores;           // [classifier][explainer], second pass
  std::vector<std::vector<std::string>> empty_maps;  // [classifier]
};

// Nine decimals of a number are enough for a manifest, and shorter.
double rounded(double value) { return std::round(value * 1e9) / 1e9; }

class Fuser {
 public:
  Fuser(const Dataset& data, Members& members, LabelStore& store, const LabelPlan& plan,
        const FuseOptions& options)
      : data_(data), asked_(members), store_(store), plan_(plan), options_(options) {
    if (options.keep_maps) kept_.emplace(members);
  }

  void chunk(const std::vector<Item>& items, FuseCounts& counts) {
    std::vector<PictureTask> tasks = prepare(items, counts);
    if (options_.keep_maps) keep_maps(asked_, tasks, *options_.keep_maps);
    ask(tasks);
    std::vector<std::string> errors(tasks.size());
    parallel_for(static_cast<std::int64_t>(tasks.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto t = static_cast<std::size_t>(begin); t < static_cast<std::size_t>(end); ++t) try {
          finish(tasks[t], t);
        } catch (const Error& error) {
          errors[t] = error.what();
        }
    });
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      if (!errors[t].empty()) store_.fail(tasks[t].item, "label", errors[t]);
      ++(errors[t].empty() ? counts.made : counts.failed);
    }
  }

 private:
  std::vector<PictureTask> prepare(const std::vector<Item>& items, FuseCounts& counts);
  Members& members() { return kept_ ? static_cast<Members&>(*kept_) : asked_; }
  void ask(const std::vector<PictureTask>& tasks);
  void finish(const PictureTask& task, std::size_t t);
  std::vector<ClassStrength> strengths(const PictureTask& task, std::size_t t, JsonObject& made);
  std::vector<JsonObject> describe_members(std::size_t t);
  std::string write_weights(const PictureTask& task, std::size_t t, const Tensor& label) const;
  void keep(const PictureTask& task, int value, const Tensor& E) const;

  const Dataset& data_;
  Members& asked_;
  std::optional<KeptMembers> kept_;  // the same, from maps in tasks
  LabelStore& store_;
  const LabelPlan& plan_;
  const FuseOptions& options_;
  std::vector<Question> questions_;
  std::vector<Consensus> consensus_;  // [question]
  std::vector<Verdict> verdicts_;     // [question]
};

std::vector<PictureTask> Fuser::prepare(const std::vector<Item>& items, FuseCounts& counts) {
  std::vector<ReadPicture> pictures = read_pictures(items, options_.picture);
  std::vector<PictureTask> tasks(items.size());
  parallel_for(static_cast<std::int64_t>(items.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) try {
        if (pictures[i].error.empty()) tasks[i] = asked_.prepare(items[i], pictures[i].picture);
      } catch (const Error& error) {
        pictures[i].error = error.what();
      }
  });
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (pictures[i].error.empty()) continue;
    store_.fail(items[i], "read", pictures[i].error);
    ++counts.failed;
  }
  std::erase_if(tasks, [](const PictureTask& task) { return !task.picture.defined(); });
  return tasks;
}

void Fuser::ask(const std::vector<PictureTask>& tasks) {
  const EnsembleOptions& options = members().options();
  questions_ = members().questions(tasks, needs_beliefs(options.fusion));
  verdicts_.assign(questions_.size(), {});
  for (Verdict& verdict : verdicts_) {
    verdict.empty_maps.resize(members().classifiers());
    verdict.scores.assign(members().classifiers(), std::vector<double>(members().explainers()));
  }
  consensus_ = consensus_of(members(), tasks, questions_, options_.vote_at, [&](const Answer& a) {
    if (a.empty)
      verdicts_[a.question].empty_maps[a.classifier].push_back(options.explainers[a.explainer].explainer);
  });
  for (std::size_t q = 0; q < questions_.size(); ++q)
    verdicts_[q].weight = classifier_weights(options.fusion, questions_[q].belief, members().accuracy());
  if (!options_.member_scores) return;
  std::vector<Tensor> E;
  for (const Consensus& consensus : consensus_) E.push_back(consensus.mean());
  members().answer(tasks, questions_, [&](const Answer& a) {
    verdicts_[a.question].scores[a.classifier][a.explainer] =
        cosine(a.share(options.fusion.variant), E[a.question]);
  });
}

void Fuser::keep(const PictureTask& task, int value, const Tensor& E) const {
  const Tensor scaled =
      strength(E, options_.rule.measure == Measure::kVotes ? Measure::kVotes : Measure::kValue);
  Tensor levels(scaled.shape(), DType::kInt32);
  const float* from = scaled.data<const float>();
  std::int32_t* to = levels.data<std::int32_t>();
  for (std::int64_t i = 0; i < scaled.numel(); ++i)
    to[i] = static_cast<std::int32_t>(std::lround(from[i] * 65535));
  store_.put(consensus_path(".", task.item, value), [&](const std::string& path) {
    write_label_png(path, levels, {.format = LabelFormat::kGray16});
  });
}

std::vector<ClassStrength> Fuser::strengths(const PictureTask& task, std::size_t t, JsonObject& made) {
  std::vector<ClassStrength> classes;
  std::vector<double> agreement;
  std::vector<int> empty;
  for (std::size_t q = 0; q < questions_.size(); ++q) {
    if (questions_[q].task != t) continue;
    const int value = questions_[q].label + plan_.shift;
    const Consensus& consensus = consensus_[q];
    agreement.push_back(rounded(consensus.agreement()));
    if (consensus.empty()) empty.push_back(value);
    Tensor E = options_.rule.measure == Measure::kVotes ? consensus.votes() : consensus.mean();
    if (options_.rule.snap) E = region_means(E, task.segments);
    if (options_.keep_consensus) keep(task, value, E);
    classes.push_back({.label = value, .strength = strength(E, options_.rule.measure)});
  }
  check(empty.size() < classes.size() || classes.empty(), "label",
        "no member says anything about this picture: every map is constant");
  made.set("agreement", agreement).set("empty", empty);
  return refined(task.picture, std::move(classes), options_.rule, options_.refine);
}

std::vector<JsonObject> Fuser::describe_members(std::size_t t) {
  std::vector<JsonObject> lines;
  for (std::size_t q = 0; q < questions_.size(); ++q) {
    if (questions_[q].task != t) continue;
    for (std::size_t k = 0; k < members().classifiers(); ++k) {
      const Belief& belief = questions_[q].belief[k];
      JsonObject member;
      member.set("classifier", members().classifier_name(k));
      member.set("class", questions_[q].label + plan_.shift);
      member.set("probability", rounded(belief.probability)).set("right", belief.right);
      member.set("weight", rounded(verdicts_[q].weight[k]));
      if (options_.member_scores) {
        std::vector<double> scores;
        for (const double score : verdicts_[q].scores[k]) scores.push_back(rounded(score));
        member.set("scores", scores);
      }
      member.set("empty_maps", verdicts_[q].empty_maps[k]);
      lines.push_back(std::move(member));
    }
  }
  return lines;
}

std::string Fuser::write_weights(const PictureTask& task, std::size_t t, const Tensor& label) const {
  std::vector<ClassStrength> votes;
  for (std::size_t q = 0; q < questions_.size(); ++q)
    if (questions_[q].task == t)
      votes.push_back({.label = questions_[q].label + plan_.shift, .strength = consensus_[q].votes()});
  const Tensor weights = pixel_weights(label, votes, plan_.space);
  Tensor steps(weights.shape(), DType::kInt32);
  const float* from = weights.data<const float>();
  std::int32_t* to = steps.data<std::int32_t>();
  for (std::int64_t i = 0; i < weights.numel(); ++i)
    to[i] = static_cast<std::int32_t>(std::lround(255 * from[i]));
  const std::string file = weights_path(task.item);
  store_.put(file, [&](const std::string& path) {
    write_label_png(path, resize_labels(steps, task.height, task.width), {.format = LabelFormat::kGray8});
  });
  return file;
}

void Fuser::finish(const PictureTask& task, std::size_t t) {
  JsonObject made;
  std::vector<ClassStrength> classes = strengths(task, t, made);
  const Tensor label = classes.empty() ? Tensor::full(Shape{task.picture.dim(0), task.picture.dim(1)},
                                                      plan_.space.background, DType::kInt32)
                                       : make_label(classes, options_.rule, plan_.space);
  const Tensor whole = resize_labels(label, task.height, task.width);
  const LabelShares shares = label_shares(whole, plan_.space);
  made.set("coverage", rounded(shares.foreground)).set("ignored", rounded(shares.ignored));
  made.set("members", describe_members(t));
  if (options_.pixel_weights) made.set("weights", write_weights(task, t, label));
  made.set("isa", members().computed_with(task));
  if (options_.keep_maps)
    store_.put(kept_path(".", task.item),
               [&](const std::string& path) { task.kept->renumbered(plan_.shift).write(path); });
  std::map<int, Tensor> levels;
  if (store_.layout() == LabelLayout::kPsslLevels)
    for (const ClassStrength& c : classes)
      levels[c.label] = resize_labels(pssl_levels(label, c), task.height, task.width);
  store_.write(task.item, image_path(data_, task.item), whole, made, levels);
}

}  // namespace

FuseCounts fuse(const Dataset& data, Members& members, LabelStore& store, const LabelPlan& plan,
                std::int64_t shard, std::int64_t shards, const FuseOptions& options) {
  store.begin(data.items, plan.shift);
  FuseCounts counts;
  std::vector<Item> todo;
  for (std::size_t i = 0; i < data.items.size(); ++i) {
    if (static_cast<std::int64_t>(i) % shards != shard) continue;
    const Item& item = data.items[i];
    if (store.done(item)) {
      ++counts.there;
    } else if (item.classes.empty() && options.unlabelled == Unlabelled::kSkip) {
      store.skip(item, image_path(data, item), "no image label");
      ++counts.skipped;
    } else {
      todo.push_back(item);
    }
  }
  Fuser fuser(data, members, store, plan, options);
  const auto total = static_cast<std::int64_t>(todo.size());
  for (std::int64_t first = 0; first < total; first += options.chunk) {
    stop_if_interrupted("label fuse");
    const std::int64_t last = std::min(total, first + options.chunk);
    fuser.chunk({todo.begin() + first, todo.begin() + last}, counts);
    if (options.progress)
      options.progress(last, total, counts.failed > 0 ? cat(counts.failed, " failed") : "");
    if (options.max_failures >= 0 && counts.failed > options.max_failures) break;
  }
  store.finish(data.items, [&] {  // all shards are there
    const std::string journal = journal_folder(store.folder());
    write_classifier_ranks(journal, rank_classifiers(store.folder()));
    std::filesystem::rename(journal + "/classifiers.json", store.folder() + "/classifiers.json");
  });
  return counts;
}

}  // namespace clearcut
