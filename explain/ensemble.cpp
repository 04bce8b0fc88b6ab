#include "explain/ensemble.h"

#include <algorithm>
#include <map>
#include <set>

#include "explain/class_targets.h"
#include "explain/explainer_table.h"
#include "explain/methods.h"
#include "explain/regions.h"
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

Ensemble::Ensemble(std::vector<std::unique_ptr<Classifier>> classifiers, EnsembleOptions options,
                   const std::vector<std::string>& class_names, const std::vector<int>& needed)
    : classifiers_(std::move(classifiers)), options_(std::move(options)) {
  check(members() > 0, "ensemble", "needs at least one classifier and one explainer; got ",
        this->classifiers(), " and ", explainers());
  check(options_.framing != Framing::kCentreCrop, "ensemble",
        "labels need the whole picture: framing must be whole or short");
  segment_ = share_superpixels(options_) || options_.segment || needs_superpixels(options_.fusion.variant);
  std::set<std::string> names;
  for (const auto& classifier : classifiers_) {
    check(names.insert(classifier->name()).second, "ensemble", "two classifiers are called '",
          classifier->name(), "'; each may stand in an ensemble once");
    targets_.push_back(class_targets(*classifier, class_names, options_.groups));
    for (const int label : needed)
      check(!targets_.back()[static_cast<std::size_t>(label)].empty(), "ensemble", classifier->name(),
            " has no class for '", class_names[static_cast<std::size_t>(label)],
            "'; say which classes mean it with a groups file");
  }
}

PictureTask Ensemble::prepare(const Item& item, const Tensor& picture) const {
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

std::vector<Ensemble::Batch> Ensemble::batches(const std::vector<PictureTask>& tasks,
                                               const std::vector<Question>& questions,
                                               std::size_t classifier) const {
  const Classifier& net = *classifiers_[classifier];
  std::map<std::pair<std::int64_t, std::int64_t>, Batch> by_size;
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<Tensor>> pictures;
  for (std::size_t q = 0; q < questions.size(); ++q) {
    const PictureTask& task = tasks[questions[q].task];
    const Frame frame =
        frame_of(net.preprocess(), task.picture.dim(0), task.picture.dim(1), options_.framing);
    const auto size = std::pair(frame.input_height, frame.input_width);
    Batch& batch = by_size[size];
    batch.questions.push_back(q);
    batch.input.targets.push_back(
        {.classes = targets_[classifier][static_cast<std::size_t>(questions[q].label)]});
    batch.input.items.push_back(task.item.id);
    if (task.segments.defined())
      batch.input.segments.push_back(resize_labels(task.segments, size.first, size.second));
    pictures[size].push_back(task.picture);
  }
  std::vector<Batch> result;
  for (auto& [size, batch] : by_size) {
    batch.input.x = to_batch(net.preprocess(), pictures[size], options_.framing);
    batch.input.seed = hash_name(cat(options_.seed, "/", net.name()));
    batch.input.budget_bytes = options_.budget_bytes;
    result.push_back(std::move(batch));
  }
  return result;
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
    for (const Batch& batch : batches(tasks, questions, k))
      believe(k, explain_all(*classifiers_[k], batch.input, {}), batch, tasks, questions);
  return questions;
}

Tensor Answer::share(Variant variant) const {
  return empty ? zeros_like(member.map) : member_share(variant, member);
}

MemberMap Ensemble::member_of(const Explanation& said, std::size_t row, const PictureTask& task,
                              std::size_t classifier, std::size_t explainer) const {
  const Frame frame = frame_of(classifiers_[classifier]->preprocess(), task.picture.dim(0),
                               task.picture.dim(1), options_.framing);
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
    for (const Batch& batch : batches(tasks, questions, k)) {
      const Explanations said = explain_all(*classifiers_[k], batch.input, options_.explainers);
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

}  // namespace clearcut
