#include "explain/measures/measure_run.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <set>

#include "explain/class_targets.h"
#include "explain/consensus.h"
#include "explain/score_parts.h"
#include "tensor/interrupt.h"
#include "tensor/random.h"

namespace clearcut {

namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

bool asks_for(const MeasureRunOptions& options, Needs needs) {
  return std::any_of(options.measures.begin(), options.measures.end(),
                     [&](const MeasureChoice& m) { return m.row->needs == needs; });
}

void check_asked(const MeasureRunOptions& options, std::size_t classifiers, std::size_t shuffled) {
  check(classifiers > 0 && !options.explainers.empty() && !options.measures.empty(), "measures",
        "needs at least one classifier, explainer and measure; got ", classifiers, ", ",
        options.explainers.size(), " and ", options.measures.size());
  check(shuffled == 0 || shuffled == classifiers, "measures",
        "each classifier needs its own network of shuffled labels; got ", shuffled, " for ", classifiers);
  std::set<std::string> seen;
  for (const ExplainOptions& o : options.explainers)
    check(seen.insert(describe(o)).second, "measures", describe(o), " is asked for twice");
  for (const MeasureChoice& m : options.measures)
    check(seen.insert("measure " + describe(m)).second, "measures", describe(m), " is asked for twice");
}

}  // namespace

MeasureRun::MeasureRun(std::vector<std::unique_ptr<Classifier>> classifiers,
                       std::vector<std::unique_ptr<Classifier>> shuffled, MeasureRunOptions options,
                       const std::vector<std::string>& class_names, const std::vector<int>& needed)
    : classifiers_(std::move(classifiers)),
      shuffled_(std::move(shuffled)),
      options_(std::move(options)),
      class_names_(class_names) {
  check_asked(options_, classifiers_.size(), shuffled_.size());
  std::set<std::string> names;
  for (const auto& net : classifiers_) {
    check(names.insert(net->name()).second, "measures", "two classifiers are called ", net->name());
    targets_.push_back(class_targets(*net, class_names, options_.groups));
    for (const int label : needed)
      check(!targets_.back()[static_cast<std::size_t>(label)].empty(), "measures", net->name(),
            " has no class for the label '", class_names[static_cast<std::size_t>(label)],
            "'; give a groups file that names some");
    patches_.emplace_back();
    if (options_.patch.empty()) continue;
    patches_.back() = class_targets(*net, {options_.patch})[0];
    check(!patches_.back().empty(), "measures", net->name(), " has no class '", options_.patch,
          "' of pictures with a patch");
  }
}

JsonObject MeasureRun::settings() const {
  std::vector<std::string> nets, explainers, measures;
  for (const auto& net : classifiers_) nets.push_back(net->name());
  for (const auto& net : shuffled_) nets.push_back("shuffled: " + net->name());
  for (const ExplainOptions& o : options_.explainers) explainers.push_back(describe(o));
  for (const MeasureChoice& m : options_.measures) measures.push_back(describe(m));
  JsonObject json;
  json.set("classifiers", nets).set("explainers", explainers).set("measures", measures);
  json.set("framing", options_.framing == Framing::kShortSide ? "short" : "whole");
  return json.set("groups", options_.groups).set("patch", options_.patch).set("seed", options_.seed);
}

// One classifier's view of a picture and label, with what every explainer says.
struct MeasureRun::Member {
  std::size_t classifier = 0;
  std::string label;
  ExplainInput input;
  Frame frame;
  std::vector<Explanations> said;  // one per explainer
  std::vector<double> seconds;
  std::vector<std::string> errors;  // "" where said is there
};

MeasureRun::Member MeasureRun::explain_member(const Item& item, const Tensor& picture, int label,
                                              std::size_t k) const {
  Classifier& net = *classifiers_[k];
  Member member{.classifier = k,
                .label = class_names_[static_cast<std::size_t>(label)],
                .input = {.x = to_batch(net.preprocess(), {picture}, options_.framing)},
                .frame = frame_of(net.preprocess(), picture.dim(0), picture.dim(1), options_.framing),
                .said = {},
                .seconds = {},
                .errors = std::vector<std::string>(options_.explainers.size())};
  member.input.targets = {{.classes = targets_[k][static_cast<std::size_t>(label)]}};
  member.input.items = {item.id};
  member.input.seed = hash_name(cat(options_.seed, "/", net.name()));
  member.input.budget_bytes = options_.budget_bytes;
  for (std::size_t e = 0; e < options_.explainers.size(); ++e) {
    const auto start = std::chrono::steady_clock::now();
    try {
      member.said.push_back(explain_all(net, member.input, {options_.explainers[e]}));
    } catch (const Error& error) {
      if (!options_.skip_unfit || is_out_of_memory(error)) throw;
      member.errors[e] = error.what();
      member.said.emplace_back();
    }
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    member.seconds.push_back(time.count());
    stop_if_interrupted("explain-eval", "--resume goes on");
  }
  return member;
}

void MeasureRun::judge_member(const Member& member, const Evidence& evidence,
                              std::vector<Judgement>& found) const {
  Subject subject(*classifiers_[member.classifier], member.input, member.frame, evidence);
  for (std::size_t e = 0; e < options_.explainers.size(); ++e) {
    Judgement judgement{.label = member.label,
                        .classifier = classifiers_[member.classifier]->name(),
                        .explainer = describe(options_.explainers[e]),
                        .probability = kNothing,
                        .top1 = -1,
                        .seconds = kNothing,
                        .empty = false,
                        .verdicts = {},
                        .error = member.errors[e]};
    if (judgement.error.empty())
      judge_explanation(subject, e, member.said[e], judgement);
    else
      judgement.verdicts.assign(options_.measures.size(), {.value = kNothing});
    if (judgement.error.empty()) judgement.seconds = member.seconds[e];
    found.push_back(std::move(judgement));
  }
}

// Fills in what the measures say of one explanation.
void MeasureRun::judge_explanation(Subject& subject, std::size_t e, const Explanations& said,
                                   Judgement& judgement) const {
  Trial trial(subject, options_.explainers[e], said.by_explainer[0]);
  judgement.probability = said.probability[0];
  judgement.top1 = said.top1[0];
  judgement.empty = said.by_explainer[0].empty[0];
  for (const MeasureChoice& measure : options_.measures) {
    stop_if_interrupted("explain-eval", "--resume goes on");
    judgement.verdicts.push_back(can_judge(*measure.row, subject.evidence) ? measure.judge(trial)
                                                                           : Verdict{.value = kNothing});
  }
}

std::vector<Judgement> MeasureRun::judge(const Item& item, const Tensor& picture, const Tensor& truth,
                                         int ignore) {
  std::vector<Judgement> found;
  const bool consensus = asks_for(options_, Needs::kConsensus);
  for (const int label : item.classes) {
    std::vector<Member> members;
    Consensus mean(picture.dim(0), picture.dim(1));
    for (std::size_t k = 0; k < classifiers_.size(); ++k) {
      members.push_back(explain_member(item, picture, label, k));
      for (const Explanations& said : members.back().said) {
        if (!consensus || said.by_explainer.empty() || said.by_explainer[0].empty[0]) continue;
        const Tensor map = map_to_picture(members.back().frame, said.by_explainer[0].maps[0]);
        mean.add(
            member_share(Variant::kMinMax, {.map = map, .square = {}, .segments = {}, .coefficients = {}}),
            1);
      }
    }
    Evidence evidence;
    if (truth.defined()) evidence.inside = object_of(truth, label, ignore);
    if (consensus) evidence.consensus = mean.mean();
    for (const Member& member : members) {
      evidence.shuffled = shuffled_.empty() ? nullptr : shuffled_[member.classifier].get();
      if (!options_.patch.empty()) evidence.patch = Target{.classes = patches_[member.classifier]};
      judge_member(member, evidence, found);
    }
  }
  return found;
}

}  // namespace clearcut
