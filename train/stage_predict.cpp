#include "train/data_config.h"
#include "train/evaluate.h"
#include "train/predict.h"
#include "train/stages.h"

namespace clearcut {

StagePlan read_predict_stage(const Config& config) {
  PredictFiles job;
  const std::string model = config.text("model");
  const std::vector<std::string> inputs = config.texts("inputs");
  const std::int64_t limit = config.integer_or("limit", 0, {.low = 0});
  const bool resized = config.has("resize_short");
  job.options = read_predict_options(config);
  if (config.has("exif")) job.apply_exif = config.flag_or("exif", false);
  return {[=](StageContext& context) {
    PredictFiles mine = job;
    mine.pictures = find_pictures(inputs, context.folder);
    check(!mine.pictures.empty(), "predict", "no picture (jpg, jpeg, png) in ", inputs[0]);
    if (limit > 0 && limit < static_cast<std::int64_t>(mine.pictures.size()))
      mine.pictures.resize(static_cast<std::size_t>(limit));
    mine.out = context.folder;
    mine.progress = context.progress;
    TrainedSegmenter trained = load_segmenter(model, context.device);
    if (!resized) mine.options.resize_short = trained.card.resize_short;
    context.failures += predict_files(trained, mine).size();
  }};
}

StagePlan read_evaluate_stage(const Config& config) {
  const std::string model = config.text("model");
  const DatasetConfig source = read_dataset_config(config.section("data"));
  const bool resized = config.has("resize_short");
  const EvaluateOptions options = read_evaluate_options(config);
  return {[=](StageContext& context) {
    const Dataset data = open_dataset(source);
    const TrainedSegmenter trained = load_segmenter(model, context.device);
    EvaluateOptions mine = options;
    if (!resized) mine.predict.resize_short = trained.card.resize_short;
    mine.score.background = data.background;
    mine.seed = context.seed;
    mine.progress = context.progress;
    const Evaluation e =
        evaluate(*trained.model, data, normalize_of(trained.card.spec.preprocess.pixels), mine);
    write_evaluation(context.folder, e, data.class_names, mine.score);
    write_failures(context.folder + "/failures.jsonl", e.failures);
    context.failures += e.failures.size();
  }};
}

}  // namespace clearcut
