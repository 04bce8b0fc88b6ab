#include "explain/fuse.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "explain/regions.h"
#include "tensor/cpu/isa.h"
#include "tensor/cuda_device.h"
#include "tensor/interrupt.h"
#include "tensor/parallel.h"

namespace clearcut {

namespace {

// What is known about one question once all members have answered.
struct Verdict {
  std::optional<Consensus> consensus;
  std::vector<double> weight;                        // [classifier]
  std::vector<std::vector<double>> scores;           // [classifier][explainer], second pass
  std::vector<std::vector<std::string>> empty_maps;  // [classifier]
};

// Nine decimals of a number are enough for a manifest, and shorter.
double rounded(double value) { return std::round(value * 1e9) / 1e9; }

// What the numbers were computed with: the same seed gives the same bits per instruction set.
std::string instruction_set(Ensemble& ensemble) {
  return ensemble.device() == Device::kCpu ? std::string(isa_table().name) : described(ensemble.device());
}

class Fuser {
 public:
  Fuser(const Dataset& data, Ensemble& ensemble, LabelStore& store, const LabelPlan& plan,
        const FuseOptions& options)
      : data_(data), ensemble_(ensemble), store_(store), plan_(plan), options_(options) {}

  void chunk(const std::vector<Item>& items, FuseCounts& counts) {
    std::vector<PictureTask> tasks = prepare(items, counts);
    questions_ = ensemble_.questions(tasks, ensemble_.options().fusion.wrong != Wrong::kKeep);
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
  void ask(const std::vector<PictureTask>& tasks);
  void finish(const PictureTask& task, std::size_t t);
  std::vector<ClassStrength> strengths(const PictureTask& task, std::size_t t, JsonObject& made);
  std::vector<JsonObject> members(std::size_t t) const;
  void keep(const PictureTask& task, int label, const Tensor& E) const;

  const Dataset& data_;
  Ensemble& ensemble_;
  LabelStore& store_;
  const LabelPlan& plan_;
  const FuseOptions& options_;
  std::vector<Question> questions_;
  std::vector<Verdict> verdicts_;
};

std::vector<PictureTask> Fuser::prepare(const std::vector<Item>& items, FuseCounts& counts) {
  std::vector<ReadPicture> pictures = read_pictures(items, options_.picture);
  std::vector<PictureTask> tasks(items.size());
  parallel_for(static_cast<std::int64_t>(items.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
      if (pictures[i].error.empty()) tasks[i] = ensemble_.prepare(items[i], pictures[i].picture);
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
  const Fusion fusion = ensemble_.options().fusion;
  verdicts_.clear();
  for (const Question& question : questions_) {
    const Tensor& picture = tasks[question.task].picture;
    Verdict verdict;
    verdict.consensus.emplace(picture.dim(0), picture.dim(1), options_.vote_at);
    verdict.weight = belief_weights(fusion.wrong, question.belief);
    verdict.empty_maps.resize(ensemble_.classifiers());
    verdict.scores.assign(ensemble_.classifiers(), std::vector<double>(ensemble_.explainers()));
    verdicts_.push_back(std::move(verdict));
  }
  ensemble_.answer(tasks, questions_, [&](const Answer& answer) {
    Verdict& verdict = verdicts_[answer.question];
    if (answer.empty)
      verdict.empty_maps[answer.classifier].push_back(
          ensemble_.options().explainers[answer.explainer].explainer);
    verdict.consensus->add(answer.share(fusion.variant), verdict.weight[answer.classifier]);
  });
  if (!options_.member_scores) return;
  ensemble_.answer(tasks, questions_, [&](const Answer& answer) {
    Verdict& verdict = verdicts_[answer.question];
    verdict.scores[answer.classifier][answer.explainer] =
        cosine(answer.share(fusion.variant), verdict.consensus->mean());
  });
}

void Fuser::keep(const PictureTask& task, int label, const Tensor& E) const {
  const Tensor value =
      strength(E, options_.rule.measure == Measure::kVotes ? Measure::kVotes : Measure::kValue);
  Tensor levels(value.shape(), DType::kInt32);
  const float* from = value.data<const float>();
  std::int32_t* to = levels.data<std::int32_t>();
  for (std::int64_t i = 0; i < value.numel(); ++i)
    to[i] = static_cast<std::int32_t>(std::lround(from[i] * 65535));
  write_label_png(consensus_path(store_.folder(), task.item, label), levels,
                  {.format = LabelFormat::kGray16});
}

std::vector<ClassStrength> Fuser::strengths(const PictureTask& task, std::size_t t, JsonObject& made) {
  std::vector<ClassStrength> classes;
  std::vector<double> agreement;
  std::vector<int> empty;
  for (std::size_t q = 0; q < questions_.size(); ++q) {
    if (questions_[q].task != t) continue;
    const int label = questions_[q].label;
    const Consensus& consensus = *verdicts_[q].consensus;
    agreement.push_back(rounded(consensus.agreement()));
    if (consensus.empty()) empty.push_back(label);
    Tensor E = options_.rule.measure == Measure::kVotes ? consensus.votes() : consensus.mean();
    if (options_.rule.snap) E = region_means(E, task.segments);
    if (options_.keep_consensus) keep(task, label, E);
    classes.push_back({.label = label + plan_.shift, .strength = strength(E, options_.rule.measure)});
  }
  check(empty.size() < classes.size() || classes.empty(), "label",
        "no member says anything about this picture: every map is constant");
  made.set("agreement", agreement).set("empty", empty);
  return refined(task.picture, std::move(classes), options_.rule, options_.refine);
}

std::vector<JsonObject> Fuser::members(std::size_t t) const {
  std::vector<JsonObject> members;
  for (std::size_t q = 0; q < questions_.size(); ++q) {
    if (questions_[q].task != t) continue;
    for (std::size_t k = 0; k < ensemble_.classifiers(); ++k) {
      const Belief& belief = questions_[q].belief[k];
      JsonObject member;
      member.set("classifier", ensemble_.classifier(k).name()).set("class", questions_[q].label);
      member.set("probability", rounded(belief.probability)).set("right", belief.right);
      member.set("weight", rounded(verdicts_[q].weight[k]));
      if (options_.member_scores) {
        std::vector<double> scores;
        for (const double score : verdicts_[q].scores[k]) scores.push_back(rounded(score));
        member.set("scores", scores);
      }
      member.set("empty_maps", verdicts_[q].empty_maps[k]);
      members.push_back(std::move(member));
    }
  }
  return members;
}

void Fuser::finish(const PictureTask& task, std::size_t t) {
  JsonObject made;
  std::vector<ClassStrength> classes = strengths(task, t, made);
  Tensor label;
  if (classes.empty())
    label = Tensor::full({task.height, task.width}, plan_.space.background, DType::kInt32);
  else
    label = resize_labels(make_label(classes, options_.rule, plan_.space), task.height, task.width);
  const LabelShares shares = label_shares(label, plan_.space);
  made.set("coverage", rounded(shares.foreground)).set("ignored", rounded(shares.ignored));
  made.set("members", members(t)).set("isa", instruction_set(ensemble_));
  store_.write(task.item, image_path(data_, task.item), label, made);
}

}  // namespace

FuseCounts fuse(const Dataset& data, Ensemble& ensemble, LabelStore& store, const LabelPlan& plan,
                std::int64_t shard, std::int64_t shards, const FuseOptions& options) {
  store.check_names(data.items);
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
  Fuser fuser(data, ensemble, store, plan, options);
  const auto total = static_cast<std::int64_t>(todo.size());
  for (std::int64_t first = 0; first < total; first += options.chunk) {
    stop_if_interrupted("label fuse");
    const std::int64_t last = std::min(total, first + options.chunk);
    fuser.chunk({todo.begin() + first, todo.begin() + last}, counts);
    if (options.progress)
      options.progress(last, total, counts.failed > 0 ? cat(counts.failed, " failed") : "");
    if (options.max_failures >= 0 && counts.failed > options.max_failures) break;
  }
  store.finish(data.items);
  return counts;
}

}  // namespace clearcut
