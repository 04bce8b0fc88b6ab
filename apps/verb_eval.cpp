#include <CLI/CLI.hpp>

#include <cstdio>
#include <iostream>

#include "apps/predict_options.h"
#include "apps/verbs.h"
#include "train/job.h"
#include "train/tasks.h"

namespace clearcut::apps {

namespace {

struct EvalOptions {
  std::string model, predictions, truth, classes;
  int ignore = 255, undecided = 255;
  KeyValues scores = std::make_shared<std::vector<std::string>>();  // keys of the section eval
  KeyValues views = std::make_shared<std::vector<std::string>>();   // those that say what the network sees
};

int finish(const std::string& folder, const std::vector<Failure>& failures) {
  write_failures(folder + "/failures.jsonl", failures);
  if (failures.empty()) return kDone;
  std::cerr << failures.size() << " pictures failed; see " << folder << "/failures.jsonl\n";
  return kSomeFailed;
}

int report(const Evaluation& e, const std::string& folder, const std::vector<std::string>& names,
           const ScoreOptions& score) {
  std::cout << to_text(e, names, score);
  write_evaluation(folder, e, names, score);
  return finish(folder, e.failures);
}

int evaluate_trained(const CommonOptions& common, const EvalOptions& o) {
  CommonOptions with_keys = common;
  for (const KeyValues& keys : {o.scores, o.views})
    for (const std::string& key : *keys) with_keys.set.push_back("eval." + key);
  const TrainJob job = read_train_job(training_config(with_keys));
  if (!job.val) throw ConfigError("eval: the configuration has no data.val");
  Dataset data = open_dataset(*job.val);
  if (common.limit > 0 && common.limit < static_cast<std::int64_t>(data.items.size()))
    data.items.resize(static_cast<std::size_t>(common.limit));
  const std::string folder = common.work_dir.empty() ? "." : common.work_dir;
  const std::string model = o.model.empty() ? folder : o.model;
  if (job.task == TrainJob::Task::kClassification) {
    const auto classifier = load_classifier(model, device_of(common));
    const Accuracy a =
        top1_accuracy(*classifier, data, job.framing, progress_of(common), {.apply_exif = job.apply_exif});
    std::printf("top-1 %.2f (%lld of %lld pictures)\n", 100 * a.top1(), static_cast<long long>(a.right),
                static_cast<long long>(a.pictures));
    JsonObject json;
    json.set("top1", a.top1()).set("right", a.right).set("pictures", a.pictures);
    json.write(folder + "/eval.json");
    return finish(folder, a.failures);
  }
  const TrainedSegmenter trained = load_segmenter(model, device_of(common));
  EvaluateOptions options = job.evaluation;
  options.progress = progress_of(common);
  if (const std::size_t budget = memory_budget_of(common); budget > 0) options.predict.memory = budget;
  options.score.background = data.background;
  const Evaluation e =
      evaluate(*trained.model, data, normalize_of(trained.card.spec.preprocess.pixels), options);
  return report(e, folder, data.class_names, options.score);
}

int compare_folders(const CommonOptions& common, const EvalOptions& o) {
  if (!o.views->empty())
    throw ConfigError(
        cat("eval: ", o.views->front(), " is for networks (-c); label files are compared as they are"));
  const ClassFile classes = read_class_file(o.classes);
  const std::string folder = common.work_dir.empty() ? "." : common.work_dir;
  // A class file may list the ignore value as a last "class".
  std::vector<std::string> names = classes.names;
  if (static_cast<int>(names.size()) == o.ignore + 1) names.pop_back();
  const Config keys = Config::parse("", "eval", *o.scores);
  EvaluateOptions options = read_evaluate_options(keys);
  options.progress = progress_of(common);
  const Evaluation e = evaluate_folders({.predictions = o.predictions,
                                         .truth = o.truth,
                                         .classes = static_cast<int>(names.size()),
                                         .ignore = o.ignore,
                                         .undecided = o.undecided},
                                        options);
  return report(e, folder, names, options.score);
}

}  // namespace

void add_eval(CLI::App& app, Session& session) {
  auto* verb = app.add_subcommand("eval", "score a trained model, or label files against true ones");
  auto options = std::make_shared<EvalOptions>();
  add_common(*verb, session, kWorkDir | kCompute | kMemory | kProgress);
  auto* config =
      verb->add_option("-c,--config", session.common.config, "configuration with data.val and eval");
  verb->add_option("--set", session.common.set, "set one key: --set a.b=c; may be repeated")
      ->type_size(1)
      ->allow_extra_args(false)
      ->needs(config);
  verb->add_option("--limit", session.common.limit, "only the first N pictures; 0: all")->needs(config);
  verb->add_option("-m,--model", options->model, "checkpoint or run folder; default: the work folder")
      ->needs(config);
  auto* predictions =
      verb->add_option("--pred", options->predictions, "folder of label PNGs")->excludes(config);
  auto* truth = verb->add_option("--gt", options->truth, "folder of true label PNGs")->needs(predictions);
  auto* classes =
      verb->add_option("--classes", options->classes, "class file: INDEX NAME [R G B]")->needs(predictions);
  predictions->needs(truth)->needs(classes);
  verb->add_option("--ignore", options->ignore, "label of pixels that do not count")->capture_default_str();
  verb->add_option("--undecided", options->undecided, "label of pixels that the prediction leaves open")
      ->capture_default_str();
  add_score_options(*verb, options->scores);
  add_predict_options(*verb, options->views);
  on_run(*verb, session, [&session, options] {
    if (!session.common.config.empty()) return evaluate_trained(session.common, *options);
    if (!options->predictions.empty()) return compare_folders(session.common, *options);
    throw ConfigError("eval: give -c CONFIG, or --pred DIR --gt DIR --classes FILE");
  });
}

}  // namespace clearcut::apps
