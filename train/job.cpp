#include "train/job.h"

#include <algorithm>

#include "models/onnx_classifier.h"
#include "train/class_weights.h"

namespace clearcut {

namespace {

constexpr double kLargest = 1e9;

TrainJob::Task read_task(const Config& config) {
  const std::string task = config.choice("task", {"classification", "pretrain", "segmentation"});
  return task == "classification" ? TrainJob::Task::kClassification
         : task == "pretrain"     ? TrainJob::Task::kPretrain
                                  : TrainJob::Task::kSegmentation;
}

void read_model(const Config& config, TrainJob& job) {
  const bool classifier = job.task == TrainJob::Task::kClassification;
  ModelSpec& m = job.model;
  const bool onnx = classifier && is_onnx(config.text("name"));
  m.name =
      onnx ? config.text("name") : config.choice("name", classifier ? classifier_names() : segmenter_names());
  m.classes = config.integer_or("classes", 0, {.low = 0, .high = 65535});
  if (onnx) return;
  m.width = config.number_or("width", 1, {.low = 0.01, .high = 16});
  m.output_stride = static_cast<int>(config.integer_or("output_stride", 0, {.low = 0, .high = 32}));
  if (!classifier) m.auxiliary = config.flag_or("auxiliary", true);
  m.recompute = config.flag_or("recompute", false);
}

void read_data(const Config& config, TrainJob& job) {
  if (!config.has("train")) config.fail("train", "must be given");
  job.train = read_dataset_config(config.section("train"));
  if (config.has("val")) job.val = read_dataset_config(config.section("val"));
  job.threads = static_cast<int>(config.integer_or("threads", 2, {.low = 0, .high = 256}));
  job.on_failure = config.choice_or("on_failure", {"throw", "skip"}, "throw") == "skip" ? OnFailure::kSkip
                                                                                        : OnFailure::kThrow;
  job.apply_exif = config.flag_or("exif", false);
  if (job.task == TrainJob::Task::kClassification) job.single_label = config.flag_or("single_label", false);
}

void read_init(const Config& config, TrainJob& job) {
  job.init.from = config.text_or("from", "");
  job.init.parts = config.texts_or("parts", {"*"});
  job.init.prefix = config.text_or("prefix", "");
}

void read_optimiser(const Config& config, TrainJob& job) {
  OptimiserOptions& o = job.loop.optimiser;
  const bool adamw = config.choice_or("rule", {"sgd", "adamw"}, "sgd") == "adamw";
  o.rule = adamw ? OptimiserOptions::Rule::kAdamW : OptimiserOptions::Rule::kSgd;
  if (adamw) {
    const auto betas =
        config.numbers_or("betas", {o.adamw.beta1, o.adamw.beta2}, {.low = 0, .high = 0.999999});
    if (betas.size() != 2) config.fail("betas", "must be two numbers: of the mean and of the mean square");
    o.adamw.beta1 = betas[0], o.adamw.beta2 = betas[1];
    o.adamw.epsilon = config.number_or("epsilon", o.adamw.epsilon, {.low = 0});
  } else {
    o.sgd.momentum = config.number_or("momentum", o.sgd.momentum, {.low = 0, .high = 1});
    o.sgd.nesterov = config.flag_or("nesterov", false);
  }
  ParameterGroups& groups = adamw ? o.adamw.groups : o.sgd.groups;
  groups.weight_decay = config.number_or("weight_decay", groups.weight_decay, {.low = 0});
  groups.no_decay = config.texts_or("no_decay", {});
  const Config rates = config.section("rates");
  for (const std::string& pattern : rates.keys())
    groups.rates.push_back({pattern, rates.number(pattern, {.low = 0})});
  job.rate_batch = config.number_or("rate_batch", 0, {.low = 0});
  job.loop.clip = config.number_or("clip", 0, {.low = 0});
  job.loop.schedule = read_schedule(config, 1);
}

void read_loop(const Config& config, TrainJob& job) {
  job.batch = config.integer_or("batch", job.batch, {.low = 1, .high = 1 << 20});
  job.loop.accumulate = static_cast<int>(config.integer_or("accumulate", 1, {.low = 1, .high = 1 << 20}));
  if (config.has("steps") == config.has("epochs"))
    config.fail("steps", "either steps or epochs must be given");
  if (config.has("steps")) job.steps = config.integer("steps", {.low = 1, .high = kLargest});
  if (config.has("epochs")) job.epochs = config.number("epochs", {.low = 1e-6, .high = kLargest});
  job.loop.log_every = config.integer_or("log_every", 10, {.low = 1});
  job.loop.eval_every = config.integer_or("eval_every", 0, {.low = 0});
  job.loop.save_every = config.integer_or("save_every", 500, {.low = 1});
  job.loop.keep = static_cast<int>(config.integer_or("keep", 2, {.low = 1, .high = 10'000}));
  job.loop.ema = config.number_or("ema", 0, {.low = 0, .high = 0.9999999});
  job.loop.early_stop = static_cast<int>(config.integer_or("early_stop", 0, {.low = 0, .high = 1 << 30}));
  if (job.loop.early_stop > 0 && (!job.val || job.loop.eval_every == 0))
    config.fail("early_stop", "counts evaluations: data.val and eval_every must be given");
  job.shuffle = config.flag_or("shuffle", true);
  job.balanced = config.flag_or("balanced", false);
  job.products =
      cuda_products_from_name(config.choice_or("products", {"float32", "tf32", "bfloat16"}, "float32"));
  job.drop_last = config.flag_or("drop_last", true);
  job.freeze_batch_norm = config.flag_or("freeze_batch_norm", false);
}

void read_loss(const Config& config, TrainJob& job) {
  const bool pretrain = job.task == TrainJob::Task::kPretrain;
  job.class_weights = config.text_or("class_weights", pretrain ? "default=1,background=0.1" : "default=1");
  const std::vector<double> usual =
      segmenter_outputs(job.model) == 2 ? std::vector<double>{1, 0.4} : std::vector<double>{1};
  job.coefficients = config.numbers_or("coefficients", usual, {.low = 0});
  if (job.coefficients.size() != usual.size())
    config.fail("coefficients", cat("must be one for each output of the network, here ", usual.size()));
  job.focal_gamma = config.number_or("focal_gamma", 0, {.low = 0, .high = 100});
  if (config.has("terms")) {
    const Config terms = config.section("terms");
    auto& t = job.loss_terms;
    t.cross_entropy = terms.number_or("cross_entropy", 0, {.low = 0});
    t.dice = terms.number_or("dice", 0, {.low = 0});
    t.lovasz = terms.number_or("lovasz", 0, {.low = 0});
    t.boundary = terms.number_or("boundary", 0, {.low = 0});
    if (t.cross_entropy + t.dice + t.lovasz + t.boundary == 0) config.fail("terms", "must not all be 0");
  }
  if (config.has("hard")) {
    const Config hard = config.section("hard");
    job.hard_pixels = ops::HardPixels{.threshold = hard.number_or("threshold", 0.7, {.low = 1e-6, .high = 1}),
                                      .min_kept = hard.integer_or("min_kept", 10'000, {.low = 0})};
  }
  if (config.choice_or("normalise", {"global", "rank"}, "global") == "rank")
    job.mean = OneOfRanks::Mean::kRank;
}

void read_evaluation(const Config& config, TrainJob& job) {
  if (job.task != TrainJob::Task::kClassification) {
    job.evaluation = read_evaluate_options(config);
    job.evaluation.picture.apply_exif = job.apply_exif;
    return;
  }
  const std::string framing = config.choice_or("framing", {"whole", "centre", "short"}, "whole");
  job.framing = framing == "whole"    ? Framing::kWhole
                : framing == "centre" ? Framing::kCentreCrop
                                      : Framing::kShortSide;
}

}  // namespace

TrainJob read_train_job(const Config& config) {
  TrainJob job;
  job.task = read_task(config);
  job.loop.name = config.text_or("name", "train");
  job.seed = static_cast<std::uint64_t>(config.integer_or("seed", 1, {.low = 0}));
  read_model(config.section("model"), job);
  read_init(config.section("init"), job);
  read_data(config.section("data"), job);
  job.normalize = read_normalize(config.section("normalise"));
  const Config augment = config.section("augment");
  read_augmentation(augment, job.train.spec.ignore);
  const SampleSize size = read_sample_size(augment);
  if (job.task == TrainJob::Task::kClassification) {
    if (size.height == 0)
      augment.fail("resize", "the input size must be fixed: give resize, crop or resized_crop");
    job.model.preprocess.height = size.height;
    job.model.preprocess.width = size.width;
  } else {
    read_loss(config.section("loss"), job);
  }
  job.model.preprocess.pixels = pixels_of(job.normalize);
  read_optimiser(config.section("optimiser"), job);
  read_loop(config.section("train"), job);
  read_evaluation(config.section("eval"), job);
  config.check_all_read();
  job.config = config;
  return job;
}

}  // namespace clearcut
