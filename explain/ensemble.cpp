#include "explain/ensemble.h"

#include <algorithm>
#include <map>
#include <set>

#include "explain/class_targets.h"
#include "explain/classifier_ranks.h"
#include "explain/explainer_table.h"
#include "explain/methods.h"
#include "explain/regions.h"
#include "tensor/cpu/isa.h"
#include "tensor/cuda_device.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace clearcut {

/// Questions whose inputs have one size, ready for one classifier.
struct Ensemble::Batch {
  ExplainInput input;
  std::vector<std::size_t> questions;
};

namespace {

bool on_superpixels(const ExplainOptions& o) {
  const std::vector<Setting>& settings = explainer_row(o.explainer).settings;
  return o.grid == 0 && std::any_of(settings.begin(), settings.end(),
                                    [](const Setting& s) { return s.name == "superpixels"; });
}

// Superpixels that LIME and its kin ask for become those of the ensemble; who asks for none in particular
// takes the ensemble's. True if there are such explainers.
bool share_superpixels(EnsembleOptions& options) {
  bool found = false, given = false;
  for (const ExplainOptions& o : options.explainers) {
    if (!on_superpixels(o)) continue;
    found = true;
    if (o.superpixels == SuperpixelOptions{}) continue;
    check(!given || o.superpixels == options.superpixels, "ensemble",
          "all explainers of an ensemble share one set of superpixels; their settings differ");
    options.superpixels = o.superpixels;
    given = true;
  }
  for (ExplainOptions& o : options.explainers)
    if (on_superpixels(o)) o.superpixels = options.superpixels;
  return found;
}

}  // namespace

void Members::set_up(std::vector<std::string> names, EnsembleOptions options) {
  names_ = std::move(names);
  options_ = std::move(options);
  check(members() > 0, "ensemble", "needs at least one classifier and one explainer; got ", classifiers(),
        " and ", explainers());
  std::set<std::string> once;
  for (const std::string& name : names_)
    check(once.insert(name).second, "ensemble", "two classifiers are called '", name,
          "'; each may stand in an ensemble once");
  segment_ = share_superpixels(options_) || options_.segment || needs_superpixels(options_.fusion.variant);
  if (!options_.accuracy.empty()) accuracy_ = read_accuracies(options_.accuracy, names_);
  check_fusion(options_.fusion);
}

void Members::check_fusion(const Fusion& fusion) const {
  check(fusion.weights != MemberWeights::kAccuracy || !accuracy_.empty(), "ensemble", describe(fusion),
        ": weights by accuracy need a file that says how accurate each classifier is, as the "
        "classifiers.json that label fuse leaves; --accuracy names it");
}

Ensemble::Ensemble(ClassifierSet classifiers, EnsembleOptions options,
                   const std::vector<std::string>& class_names, const std::vector<int>& needed)
    : classifiers_(std::move(classifiers)) {
  check(options.framing != Framing::kCentreCrop, "ensemble",
        "labels need the whole picture: framing must be whole or short");
  std::vector<std::string> names;
  for (std::size_t k = 0; k < classifiers_.size(); ++k) {
    const auto net = classifiers_.get(k);
    names.push_back(net->name());
    preprocess_.push_back(net->preprocess());
    device_ = net->registry().device();
    targets_.push_back(class_targets(*net, class_names, options.groups));
    for (const int label : needed)
      check(!targets_.back()[static_cast<std::size_t>(label)].empty(), "ensemble", net->name(),
            " has no class for '", class_names[static_cast<std::size_t>(label)],
            "'; say which classes mean it with a groups file");
  }
  set_up(std::move(names), std::move(options));
}

std::string Ensemble::computed_with(const PictureTask&) const {
  return device_ == Device::kCpu ? std::string(isa_table().name) : described(device_);
}

PictureTask Members::prepare(const Item& item, const Tensor& picture) const {
  PictureTask task{
      .item = item, .height = picture.dim(0), .width = picture.dim(1), .picture = picture, .segments = {}};
  const std::int64_t longest = std::max(task.height, task.width), side = options_.working_side;
  if (side > 0 && longest > side) {
    const auto shrunk = [&](std::int64_t n) {
      return std::max<std::int64_t>(1, (n * side + longest / 2) / longest);
    };
    task.picture = resize_picture(picture, shrunk(task.height), shrunk(task.width));
  }
  if (segment_) task.segments = superpixels(task.picture, options_.superpixels);
  return task;
}

// A classifier answers to few questions at a time: the maps of all its explainers wait together.
constexpr std::size_t kMostQuestions = 9;

std::vector<Ensemble::Batch> Ensemble::batches(const std::vector<PictureTask>& tasks,
                                               const std::vector<Question>& questions,
                                               std::size_t classifier) const {
  const Preprocess& rule = preprocess_[classifier];
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::size_t>> by_size;
  for (std::size_t q = 0; q < questions.size(); ++q) {
    const Tensor& picture = tasks[questions[q].task].picture;
    const Frame frame = frame_of(rule, picture.dim(0), picture.dim(1), options_.framing);
    by_size[{frame.input_height, frame.input_width}].push_back(q);
  }
  std::vector<Batch> result;
  for (const auto& [size, all] : by_size)
    for (std::size_t first = 0; first < all.size(); first += kMostQuestions) {
      const std::size_t last = std::min(all.size(), first + kMostQuestions);
      Batch& batch = result.emplace_back();
      for (std::size_t i = first; i < last; ++i) {
        const Question& question = questions[all[i]];
        const PictureTask& task = tasks[question.task];
        batch.questions.push_back(all[i]);
        batch.input.targets.push_back(
            {.classes = targets_[classifier][static_cast<std::size_t>(question.label)]});
        batch.input.items.push_back(task.item.id);
        if (task.segments.defined())
          batch.input.segments.push_back(resize_labels(task.segments, size.first, size.second));
      }
      batch.input.seed = hash_name(cat(options_.seed, "/", names_[classifier]));
      batch.input.budget_bytes = options_.budget_bytes;
    }
  return result;
}

Explanations Ensemble::explained(std::size_t classifier, Batch& batch, const std::vector<PictureTask>& tasks,
                                 const std::vector<Question>& questions,
                                 const std::vector<ExplainOptions>& explainers) {
  std::vector<Tensor> pictures;
  for (const std::size_t q : batch.questions) pictures.push_back(tasks[questions[q].task].picture);
  batch.input.x = to_batch(preprocess_[classifier], pictures, options_.framing);
  Explanations said = explain_all(*classifiers_.get(classifier), batch.input, explainers);
  batch.input.x = {};
  return said;
}

void Ensemble::believe(std::size_t classifier, const Explanations& said, const Batch& batch,
                       const std::vector<PictureTask>& tasks, std::vector<Question>& questions) const {
  for (std::size_t row = 0; row < batch.questions.size(); ++row) {
    Question& question = questions[batch.questions[row]];
    Belief& belief = question.belief[classifier];
    belief.probability = said.probability[row];
    for (const int label : tasks[question.task].item.classes) {
      const auto& target = targets_[classifier][static_cast<std::size_t>(label)];
      if (std::find(target.begin(), target.end(), said.top1[row]) != target.end()) belief.right = true;
    }
  }
}

std::vector<Question> Ensemble::questions(const std::vector<PictureTask>& tasks, bool beliefs) {
  std::vector<Question> questions;
  for (std::size_t t = 0; t < tasks.size(); ++t)
    for (const int label : tasks[t].item.classes)
      questions.push_back({.task = t, .label = label, .belief = std::vector<Belief>(classifiers())});
  if (!beliefs) return questions;
  for (std::size_t k = 0; k < classifiers(); ++k)
    for (Batch& batch : batches(tasks, questions, k))
      believe(k, explained(k, batch, tasks, questions, {}), batch, tasks, questions);
  return questions;
}

Tensor Answer::share(Variant variant) const {
  return empty ? zeros_like(member.map) : member_share(variant, member);
}

MemberMap Ensemble::member_of(const Explanation& said, std::size_t row, const PictureTask& task,
                              std::size_t classifier, std::size_t explainer) const {
  const Frame frame =
      frame_of(preprocess_[classifier], task.picture.dim(0), task.picture.dim(1), options_.framing);
  const ExplainOptions& options = options_.explainers[explainer];
  const auto at = static_cast<std::int64_t>(row);
  MemberMap member{.map = {}, .square = {}, .segments = task.segments, .coefficients = {}};
  if (!said.coefficients.empty() && options.grid == 0 && task.segments.defined()) {
    // Painted on the picture's own superpixels: no blur at their edges.
    member.coefficients = said.coefficients[row];
    std::vector<float> value(member.coefficients.size());
    reduce_channels(member.coefficients.data(), 1, static_cast<std::int64_t>(value.size()),
                    reduction_of(options), value.data());
    std::vector<double> values(value.begin(), value.end());
    values.resize(static_cast<std::size_t>(region_count(task.segments)), 0);
    member.map = paint_regions(task.segments, values);
    return member;
  }
  member.map = map_to_picture(frame, said.maps[at]);
  // A reduction that the user chose holds for every variant.
  if (said.squares.defined() && options.reduction.empty())
    member.square = map_to_picture(frame, said.squares[at]);
  if (options.reduction == "square") member.square = member.map;
  return member;
}

void Ensemble::answer(const std::vector<PictureTask>& tasks, std::vector<Question>& questions,
                      const std::function<void(const Answer&)>& use) {
  for (std::size_t k = 0; k < classifiers(); ++k)
    for (Batch& batch : batches(tasks, questions, k)) {
      const Explanations said = explained(k, batch, tasks, questions, options_.explainers);
      believe(k, said, batch, tasks, questions);
      for (std::size_t x = 0; x < explainers(); ++x)
        parallel_for(
            static_cast<std::int64_t>(batch.questions.size()), 1, [&](std::int64_t begin, std::int64_t end) {
              for (auto row = static_cast<std::size_t>(begin); row < static_cast<std::size_t>(end); ++row) {
                const std::size_t q = batch.questions[row];
                const Explanation& by = said.by_explainer[x];
                use({.question = q,
                     .classifier = k,
                     .explainer = x,
                     .member = member_of(by, row, tasks[questions[q].task], k, x),
                     .empty = by.empty[row]});
              }
            });
    }
}

std::vector<Consensus> consensus_of(Members& members, const std::vector<PictureTask>& tasks,
                                    std::vector<Question>& questions, double vote_at,
                                    const std::function<void(const Answer&)>& see) {
  const Fusion fusion = members.options().fusion;
  std::vector<Consensus> none;
  for (const Question& question : questions) {
    const Tensor& picture = tasks[question.task].picture;
    none.emplace_back(picture.dim(0), picture.dim(1), vote_at);
  }
  const auto weight = [&](const Answer& a) {
    return classifier_weights(fusion, questions[a.question].belief, members.accuracy())[a.classifier];
  };
  std::vector<Consensus> all = none;
  members.answer(tasks, questions, [&](const Answer& a) {
    if (see) see(a);
    all[a.question].add(a.share(fusion.variant), weight(a));
  });
  if (fusion.weights != MemberWeights::kAgreement) return all;
  members.answer(tasks, questions, [&](const Answer& a) {
    const Tensor e = a.share(fusion.variant);
    none[a.question].add(e, weight(a) * all[a.question].agreement_of(e));
  });
  for (std::size_t q = 0; q < all.size(); ++q)
    if (!none[q].empty()) all[q] = std::move(none[q]);
  return all;
}

}  // namespace clearcut
