// clearcut label sweep: thresholds chosen on one list of pictures, applied unchanged to another.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <functional>
#include <iomanip>
#include <iostream>

#include "apps/explain_options.h"
#include "data/baselines.h"
#include "explain/member_scores.h"
#include "tensor/file.h"
#include "train/config.h"

namespace clearcut::apps {

namespace {

struct SweepWords {
  ExplainWords explain;
  DataWords data;
  std::string maps, choose, apply, out, thresholds = "0:1:0.01", measures = "rank,value,max";
  std::string subsets = "members,explainers,all", rule, fusions;
  bool snap = false;
  double vote_at = 0.5;
  int bootstrap = 1000;
};

// One row of the result.
struct Row {
  std::string name;
  JsonObject json;
  double miou = 0;
};

// Where the maps of a row come from.
struct Origin {
  std::string name;
  std::vector<std::string> classifiers, explainers;
  std::string consensus;
};

std::string fused_by(const JsonObject& row) {
  const std::string fusion = row.text("consensus");
  return fusion != "none" ? fusion : row.flag("superpixels") ? "superpixels" : "pixels";
}

class SweepJob {
 public:
  SweepJob(const SweepWords& words, const CommonOptions& common) : w_(words), common_(common) {
    options_.thresholds = from_option("--thresholds", [&] { return parse_thresholds(w_.thresholds); });
    for (const std::string& text : split_words(w_.fusions))
      options_.fusions.push_back(from_option("--fusions", [&] { return parse_fusion(text); }));
    if (options_.fusions.empty())
      options_.fusions = {{variant_from_name(w_.explain.consensus), wrong_from_name(w_.explain.wrong)}};
    options_.measures.clear();
    for (const std::string& name : split_words(w_.measures))
      options_.measures.push_back(from_option("--measures", [&] { return measure_from_name(name); }));
    options_.snap = w_.snap;
    if (!w_.rule.empty()) {
      rule_ = from_option("--rule", [&] { return parse_rule(w_.rule); });
      if (rule_.bg != rule_.fg)
        throw ConfigError("--rule: a rule with an ignore band cannot be swept; got " + w_.rule);
      options_.snap = options_.snap || rule_.snap;
    }
    options_.vote_at = w_.vote_at;
    options_.picture = picture_options(w_.explain);
  }

  int run() {
    apply_ = open_data(w_.data, w_.apply);
    choose_ = w_.choose.empty() ? apply_ : open_data(w_.data, w_.choose);
    for (Dataset* data : {&apply_, &choose_})
      if (common_.limit > 0 && static_cast<std::size_t>(common_.limit) < data->items.size())
        data->items.resize(static_cast<std::size_t>(common_.limit));
    from_ = !w_.rule.empty()
                ? "none"
                : cat(w_.choose.empty() ? "the scored pictures" : w_.choose, ":", choose_.items.size());
    score_.background = apply_.background;
    if (!w_.maps.empty()) {
      kept();
    } else {
      explained();
    }
    return failures_.empty() ? kDone : kSomeFailed;
  }

 private:
  using Pass = std::function<MemberScores(const Dataset&, const std::vector<Choice>&)>;

  void explained() {
    std::vector<int> needed = classes_in(apply_);
    for (const int label : classes_in(choose_)) needed.push_back(label);
    EnsembleOptions ensemble_words = ensemble_options(w_.explain, common_);
    ensemble_words.segment = options_.snap;
    for (const Fusion& fusion : options_.fusions)
      ensemble_words.segment = ensemble_words.segment || needs_superpixels(fusion.variant);
    Ensemble ensemble(load_classifiers(w_.explain.models, device_of(common_)), ensemble_words,
                      apply_.class_names, needed);
    const std::vector<Subset> subsets = make_subsets(ensemble, split_words(w_.subsets));
    std::vector<Origin> origins;
    for (const Subset& subset : subsets) origins.push_back(origin_of(ensemble, subset));
    score(origins, [&](const Dataset& data, const std::vector<Choice>& choices) {
      return score_members(data, ensemble, subsets, options_, choices);
    });
  }

  // Maps that an earlier `label fuse` kept.
  void kept() {
    const JsonObject job = JsonObject::read(w_.maps + "/job.json");
    Origin origin{.name = "kept", .classifiers = {}, .explainers = {}, .consensus = job.text("consensus")};
    for (const JsonObject& one : job.objects("classifiers")) origin.classifiers.push_back(one.text("name"));
    for (const std::string& text : job.texts("explainers"))
      origin.explainers.push_back(parse_explainer(text).explainer);
    score({origin}, [&](const Dataset& data, const std::vector<Choice>& choices) {
      return score_kept(data, w_.maps, options_, choices);
    });
  }

  void score(const std::vector<Origin>& origins, const Pass& pass) {
    const std::vector<Choice> choices = choose(origins, pass);
    const MemberScores scored = watched("label sweep: score", apply_, choices, pass);
    for (std::size_t s = 0; s < origins.size(); ++s) add_row(origins[s], scored.subsets[s], choices[s]);
    add_baselines(scored);
    write(scored);
  }

  MemberScores watched(const char* name, const Dataset& data, const std::vector<Choice>& choices,
                       const Pass& pass) {
    Progress progress(name, static_cast<std::int64_t>(data.items.size()), progress_of(common_));
    options_.progress = [&](std::int64_t done, std::int64_t) { progress.update(done); };
    MemberScores result = pass(data, choices);
    failures_.insert(failures_.end(), result.failures.begin(), result.failures.end());
    return result;
  }

  std::vector<Choice> choose(const std::vector<Origin>& origins, const Pass& pass) {
    if (!w_.rule.empty()) {
      if (options_.fusions.size() != 1)
        throw ConfigError("--rule: with a rule there is nothing to choose, but --fusions names several");
      return std::vector<Choice>(
          origins.size(), {.fusion = options_.fusions[0], .measure = rule_.measure, .threshold = rule_.fg});
    }
    const MemberScores scored = watched("label sweep: choose", choose_, {}, pass);
    std::vector<Choice> choices;
    for (std::size_t s = 0; s < origins.size(); ++s) {
      choices.push_back(best_choice(scored.subsets[s], options_, score_));
      add_curves(origins[s].name, scored.subsets[s]);
    }
    return choices;
  }

  void add_curves(const std::string& name, const SubsetScores& scored) {
    const std::size_t M = options_.measures.size();
    for (std::size_t i = 0; i < scored.sweeps.size(); ++i)
      for (std::size_t t = 0; t < options_.thresholds.size(); ++t) {
        const SegmentationScores s = scores(scored.sweeps[i].at(t), score_);
        curves_ += cat(name, ",", describe(scored.fusions[i / M]), ",", name_of(options_.measures[i % M]),
                       ",", options_.thresholds[t], ",", s.miou, ",", s.precision, "\n");
      }
  }

  Origin origin_of(const Ensemble& ensemble, const Subset& subset) const {
    Origin origin{.name = subset.name, .classifiers = {}, .explainers = {}, .consensus = ""};
    if (subset.members.size() == 1) origin.consensus = "none";
    const auto remember = [](std::vector<std::string>& list, const std::string& name) {
      if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
    };
    for (const auto& [k, x] : subset.members) {
      remember(origin.classifiers, ensemble.classifier(k).name());
      remember(origin.explainers, ensemble.options().explainers[x].explainer);
    }
    return origin;
  }

  void add_row(const Origin& origin, const SubsetScores& scored, const Choice& choice) {
    Row row{.name = origin.name, .json = {}, .miou = 0};
    row.json.set("name", origin.name).set("classifiers", origin.classifiers);
    row.json.set("explainers", origin.explainers);
    row.json.set("consensus", origin.consensus.empty() ? describe(choice.fusion) : origin.consensus);
    row.json.set("superpixels", needs_superpixels(choice.fusion.variant));
    row.json.set("measure", name_of(choice.measure)).set("threshold", choice.threshold);
    finish_row(std::move(row), scored.pictures);
    rows_.back().json.set("pointing", scored.pointing).set("energy", scored.energy).set("f1", scored.f1);
    rows_.back().json.set("auc", scored.auc).set("agreement", scored.agreement);
  }

  void finish_row(Row row, const std::vector<ConfusionMatrix>& pictures) {
    ConfusionMatrix all(static_cast<int>(apply_.class_names.size()));
    for (const ConfusionMatrix& one : pictures) all.add(one);
    const SegmentationScores s = scores(all, score_);
    Interval interval{s.miou, s.miou, s.miou};
    if (w_.bootstrap > 0 && pictures.size() > 1)
      interval = bootstrap_miou(pictures, score_, {.samples = w_.bootstrap, .seed = common_.seed});
    row.miou = s.miou;
    row.json.set("threshold_from", from_).set("miou", s.miou).set("miou_low", interval.low);
    row.json.set("miou_high", interval.high).set("precision", s.precision).set("coverage", s.coverage);
    row.json.set("iou", s.iou);
    rows_.push_back(std::move(row));
    pictures_.push_back(pictures);
  }

  // Baselines on the pictures that the members were scored on.
  void add_baselines(const MemberScores& scored) {
    Dataset there = apply_;
    std::erase_if(there.items, [&](const Item& item) {
      return std::find(scored.scored.begin(), scored.scored.end(), item.name) == scored.scored.end();
    });
    if (there.items.empty()) return;
    Row nothing{.name = "all-background", .json = {}, .miou = 0};
    nothing.json.set("name", nothing.name).set("classifiers", std::vector<std::string>{});
    nothing.json.set("explainers", std::vector<std::string>{}).set("consensus", nothing.name);
    finish_row(nothing, background_baseline(there).pictures);
    const Baseline boxes = box_baseline(choose_, there);
    Row box{.name = "centred-box", .json = {}, .miou = 0};
    box.json.set("name", box.name).set("classifiers", std::vector<std::string>{});
    box.json.set("explainers", std::vector<std::string>{}).set("consensus", box.name);
    box.json.set("share", boxes.setting);
    finish_row(box, boxes.pictures);
  }

  // The best row against every other one, on the same resampled pictures.
  void add_differences() {
    const auto best = std::max_element(rows_.begin(), rows_.end(),
                                       [](const Row& a, const Row& b) { return a.miou < b.miou; });
    const auto at = static_cast<std::size_t>(best - rows_.begin());
    for (std::size_t i = 0; i < rows_.size() && w_.bootstrap > 0; ++i) {
      if (pictures_[i].size() != pictures_[at].size() || pictures_[at].size() < 2) continue;
      const Interval d = bootstrap_miou_difference(pictures_[at], pictures_[i], score_,
                                                   {.samples = w_.bootstrap, .seed = common_.seed});
      rows_[i].json.set("below_best", d.estimate).set("below_best_low", d.low).set("below_best_high", d.high);
    }
  }

  void write(const MemberScores& scored) {
    add_differences();
    std::vector<JsonObject> rows;
    for (const Row& row : rows_) rows.push_back(row.json);
    JsonObject result;
    result.set("pictures", static_cast<std::int64_t>(scored.scored.size()))
        .set("classes", apply_.class_names);
    result.set("rows", rows).write(w_.out + "/sweep.json");
    if (!curves_.empty())
      write_file(w_.out + "/sweep.csv", "subset,fusion,measure,threshold,miou,precision\n" + curves_);
    write_failures(w_.out + "/failures.jsonl", failures_);
    std::cout << std::fixed << std::setprecision(2) << scored.scored.size() << " pictures scored, "
              << failures_.size() << " failed; thresholds from " << from_ << "\n";
    for (const Row& row : rows_) {
      std::cout << std::setw(36) << std::left << row.name << " mIoU " << 100 * row.miou << " ["
                << 100 * row.json.number("miou_low") << ", " << 100 * row.json.number("miou_high") << "]";
      if (row.json.has("measure"))
        std::cout << "  " << fused_by(row.json) << ", " << row.json.text("measure")
                  << " >= " << row.json.number("threshold");
      std::cout << "\n";
    }
  }

  const SweepWords& w_;
  const CommonOptions& common_;
  MemberScoreOptions options_;
  LabelRule rule_;  // of --rule
  ScoreOptions score_;
  Dataset apply_, choose_;
  std::string from_, curves_;
  std::vector<Row> rows_;
  std::vector<std::vector<ConfusionMatrix>> pictures_;
  std::vector<Failure> failures_;
};

}  // namespace

void add_label_sweep(CLI::App& label, Session& session) {
  auto* verb = label.add_subcommand(
      "sweep", "score members and ensembles against true masks; choose thresholds, apply them elsewhere");
  auto w = std::make_shared<SweepWords>();
  add_explain_words(*verb, w->explain);
  add_consensus_words(*verb, w->explain);
  add_data_words(*verb, w->data);
  verb->add_option("-o,--out", w->out, "folder for sweep.json, sweep.csv")->required();
  verb->add_option("--maps", w->maps,
                   "folder of `label fuse --keep-consensus`: score its maps, explain nothing")
      ->check(CLI::ExistingDirectory);
  verb->add_option("--choose", w->choose,
                   "file of item names: measures, thresholds and the box's size come from here")
      ->check(CLI::ExistingFile);
  verb->add_option("--apply", w->apply, "file of item names: these are scored (default: all)")
      ->check(CLI::ExistingFile);
  verb->add_option("--thresholds,--bg", w->thresholds, "LOW:HIGH:STEP")->capture_default_str();
  verb->add_option("--measures", w->measures, "rank, value, max, votes, separated by commas")
      ->capture_default_str();
  verb->add_option("--fusions", w->fusions,
                   "fusions to choose from, separated by commas: minmax,regions:downweight (default: "
                   "--consensus and --wrong)");
  verb->add_option("--rule", w->rule, "one rule for all, as in `label fuse`; nothing is chosen then");
  verb->add_option("--subsets", w->subsets, "members, explainers, classifiers, all")->capture_default_str();
  verb->add_flag("--snap", w->snap, "replace maps by their means on superpixels");
  verb->add_option("--vote-at", w->vote_at, "votes: bar of a member's min-max scaled map")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  verb->add_option("--bootstrap", w->bootstrap, "resamples for the 95 % intervals; 0: none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  add_common(*verb, session, kCompute | kMemory | kSeed | kProgress);
  verb->add_option("--limit", session.common.limit, "only the first N pictures of each list");
  on_run(*verb, session, [w, &session] {
    if (w->explain.models.empty() == w->maps.empty())
      throw ConfigError("label sweep: give either --model or --maps");
    return SweepJob(*w, session.common).run();
  });
}

}  // namespace clearcut::apps
