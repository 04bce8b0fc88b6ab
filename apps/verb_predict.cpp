#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>

#include "apps/predict_options.h"
#include "apps/verbs.h"
#include "train/config.h"
#include "train/predict.h"

namespace clearcut::apps {

namespace {

struct Options {
  std::string model;
  std::vector<std::string> inputs, save = {"mask", "overlay"};
  KeyValues keys = std::make_shared<std::vector<std::string>>();
  std::string exif = "ignore";
};

int run_predict(const CommonOptions& common, const Options& o) {
  TrainedSegmenter trained = load_segmenter(o.model, device_of(common));
  std::vector<std::string> pictures = find_pictures(o.inputs, common.work_dir);
  const Shard shard = shard_of(common);
  std::vector<std::string> mine;
  for (std::size_t i = 0; i < pictures.size(); ++i)
    if (shard.has(static_cast<std::int64_t>(i))) mine.push_back(pictures[i]);
  if (common.limit > 0 && common.limit < static_cast<std::int64_t>(mine.size()))
    mine.resize(static_cast<std::size_t>(common.limit));
  if (mine.empty()) throw ConfigError("predict: no picture (jpg, jpeg, png) was found");
  const Config keys = Config::parse("", "predict", *o.keys);
  const bool resized = keys.has("resize_short");
  PredictOptions options = read_predict_options(keys);
  if (!resized) options.resize_short = trained.card.resize_short;
  if (const std::size_t budget = memory_budget_of(common); budget > 0) options.memory = budget;
  const auto saves = [&](const char* what) { return std::ranges::count(o.save, what) > 0; };
  const auto failures = predict_files(trained, {.pictures = mine,
                                                .out = common.work_dir,
                                                .overlay = saves("overlay"),
                                                .probabilities = saves("prob"),
                                                .overwrite = common.overwrite,
                                                .apply_exif = o.exif == "apply",
                                                .max_failures = common.max_failures,
                                                .options = options,
                                                .progress = progress_of(common)});
  std::cout << mine.size() - failures.size() << " of " << mine.size()
            << " pictures are done: " << common.work_dir << "\n";
  return failures.empty() ? kDone : kSomeFailed;
}

}  // namespace

void add_predict(CLI::App& app, Session& session) {
  auto* verb = app.add_subcommand("predict", "label pictures with a trained segmentation network");
  auto o = std::make_shared<Options>();
  verb->add_option("-m,--model", o->model, "checkpoint or run folder")->required();
  verb->add_option("inputs", o->inputs, "pictures and folders of pictures")->required();
  verb->add_option("--save", o->save, "mask (always), overlay, prob")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"mask", "overlay", "prob"}))
      ->capture_default_str();
  add_predict_options(*verb, o->keys);
  verb->add_option("--exif", o->exif, "orientation written by cameras")
      ->check(CLI::IsMember({"ignore", "apply"}))
      ->capture_default_str();
  add_common(*verb, session, kWorkDir | kCompute | kMemory | kProgress | kBatch);
  verb->get_option("--work-dir")->required();
  on_run(*verb, session, [&session, o] { return run_predict(session.common, *o); });
}

}  // namespace clearcut::apps
