// Runs a training job: opens the data, builds the model, hands over weights, trains, writes the results.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iostream>

#include "data/json.h"
#include "data/sampler.h"
#include "models/onnx_classifier.h"
#include "models/onnx_encode.h"
#include "models/onnx_head.h"
#include "tensor/file.h"
#include "tensor/memory.h"
#include "train/class_weights.h"
#include "train/data_parallel.h"
#include "train/job.h"
#include "train/log.h"
#include "train/tasks.h"

namespace clearcut {

namespace {

using Task = TrainJob::Task;

Dataset open_train(const TrainJob& job) {
  Dataset data = open_dataset(job.train);
  if (job.single_label) std::erase_if(data.items, [](const Item& item) { return item.classes.size() != 1; });
  check(!data.items.empty(), "train", "no picture of ", data.root, " has exactly one image label");
  check(job.task != Task::kClassification || data.class_names.size() >= 2, "train",
        "a classifier tells classes apart and needs at least two; ", data.root, " has ",
        data.class_names.size(), "; add a folder of pictures of other things");
  check(job.task == Task::kClassification || data.masks != MaskFormat::kNone, "train", "the data set ",
        data.root, " has no masks; segmentation needs them (format list, voc, pssl or labels)");
  return data;
}

std::optional<Dataset> open_val(const TrainJob& job, const Dataset& train) {
  if (!job.val) return std::nullopt;
  Dataset val = open_dataset(*job.val);
  check(val.class_names == train.class_names, "train", "validation data ", val.root, " have ",
        val.class_names.size(), " classes, training data ", train.class_names.size(),
        "; names and order must be the same, give both the same class file");
  return val;
}

/// Opens the data sets and fills in what depends on them.
PreparedJob open_data(const TrainJob& asked, const TrainRun& run) {
  PreparedJob ready;
  ready.job = asked;
  ready.train = open_train(asked);
  ready.val = open_val(asked, ready.train);
  TrainJob& job = ready.job;
  const auto classes = static_cast<std::int64_t>(ready.train.class_names.size());
  check(job.model.classes == 0 || job.model.classes == classes, "train", "model.classes is ",
        job.model.classes, ", the data set ", ready.train.root, " has ", classes, " classes");
  job.model.classes = classes;
  job.model.class_names = job.model.class_ids = ready.train.class_names;
  job.model.seed = job.seed;
  job.model.device = run.device;
  job.evaluation.score.background = ready.train.background;
  job.evaluation.seed = job.seed;
  return ready;
}

std::unique_ptr<Loader> make_loader(const TrainJob& job, const Dataset& data, const TrainRanks& ranks) {
  const LoaderOptions options = {.batch = job.batch,
                                 .threads = job.threads,
                                 .seed = job.seed,
                                 .shuffle = job.shuffle,
                                 .balanced = job.balanced,
                                 .drop_last = job.drop_last,
                                 .masks = job.task != Task::kClassification,
                                 .on_failure = job.on_failure,
                                 .picture = {.apply_exif = job.apply_exif},
                                 .rank = ranks.lane ? ranks.lane->rank() : 0,
                                 .ranks = ranks.lane ? ranks.lane->ranks() : 1};
  return std::make_unique<Loader>(
      data, read_augmentation(job.config.section("augment"), data.ignore, data.background), job.normalize,
      options);
}

LoopOptions loop_options(const TrainJob& job, const Loader& loader, const TrainRun& run) {
  LoopOptions o = job.loop;
  o.work_dir = run.work_dir;
  o.progress = run.progress;
  o.resume = run.resume;
  o.checkpoint = run.checkpoint;
  o.config = job.config.effective();
  o.steps =
      job.steps > 0
          ? job.steps
          : std::max<std::int64_t>(
                1, std::llround(job.epochs * static_cast<double>(loader.batches_per_epoch()) / o.accumulate));
  o.schedule.steps = o.steps;
  o.steps = std::max<std::int64_t>(1, std::llround(run.until * static_cast<double>(o.steps)));
  if (job.rate_batch > 0) {
    const double factor = static_cast<double>(job.batch * o.accumulate) / job.rate_batch;
    o.schedule.rate *= factor;
    o.schedule.end *= factor;
    o.schedule.warmup_start *= factor;
  }
  return o;
}

ModelCard card_of(const TrainJob& job, const Dataset& data) {
  ModelCard card{.kind = ModelCard::Kind::kClassifier, .spec = job.model};
  card.spec.name = std::filesystem::path(job.model.name).filename().string();
  if (job.task == Task::kClassification) return card;
  card.kind = ModelCard::Kind::kSegmenter;
  card.colours = data.colours;
  card.background = data.background;
  card.resize_short = job.evaluation.predict.resize_short;
  if (card.resize_short > 0) card.spec.preprocess.height = card.spec.preprocess.width = card.resize_short;
  return card;
}

/// One line; result.json has the whole list.
void print_hand_over(const TrainJob& job, const HandOver& result) {
  constexpr std::size_t kNames = 4;
  std::cerr << "init: " << result.report.loaded.size() << " tensors from " << job.init.from << ", "
            << result.reinitialised.size() << " freshly initialised";
  for (std::size_t i = 0; i < result.reinitialised.size() && i < kNames; ++i)
    std::cerr << (i == 0 ? ": " : "; ") << result.reinitialised[i];
  std::cerr << (result.reinitialised.size() > kNames ? "; ...\n" : "\n");
}

void write_result(const std::string& work_dir, const TrainSummary& s) {
  JsonObject json;
  json.set("steps", s.loop.steps)
      .set("loss", s.loop.loss)
      .set("metric", s.metric)
      .set("score", s.loop.score)
      .set("best", s.loop.best)
      .set("best_step", s.loop.best_step)
      .set("stopped_early", s.loop.stopped_early)
      .set("loaded", static_cast<std::int64_t>(s.loaded))
      .set("reinitialised", s.reinitialised)
      .set("failed", static_cast<std::int64_t>(s.failures.size()))
      .set("seconds", s.seconds)
      .set("peak_bytes", static_cast<std::int64_t>(s.peak_bytes));
  json.write(work_dir + "/result.json");
}

// Pictures must reach a trained network as it knows them.
void check_input(const TrainJob& job, const onnx::Model& model) {
  const auto wanted = onnx_preprocess(job.model.name, model);
  if (!wanted) return;
  const Preprocess& given = job.model.preprocess;
  check(!wanted->pixels.bgr, "train", job.model.name, " takes BGR; training gives RGB");
  const auto close = [](double a, double b) { return std::abs(a - b) <= 1e-3 * std::max(std::abs(b), 1e-3); };
  const auto& a = given.pixels;
  const auto& b = wanted->pixels;
  check(std::ranges::equal(a.mean, b.mean, close) && std::ranges::equal(a.scale, b.scale, close), "train",
        job.model.name, " was trained with normalise: {mean: [", b.mean[0] / 255, ", ", b.mean[1] / 255, ", ",
        b.mean[2] / 255, "], deviation: [", 1 / (255 * b.scale[0]), ", ", 1 / (255 * b.scale[1]), ", ",
        1 / (255 * b.scale[2]), "]}; the configuration says otherwise");
  check(wanted->any_size || (given.height == wanted->height && given.width == wanted->width), "train",
        job.model.name, " takes pictures of ", wanted->height, " x ", wanted->width,
        " only, the configuration makes them ", given.height, " x ", given.width);
}

// The classifier, and the bytes of its graph if it comes from an ONNX file.
std::string make_network(PreparedJob& ready) {
  const ModelSpec& spec = ready.job.model;
  if (!is_onnx(spec.name)) {
    ready.classifier = make_classifier(spec);
    return "";
  }
  onnx::Model model = onnx::read_model(spec.name);
  check_input(ready.job, model);
  onnx::replace_head(model, spec.classes, spec.seed);
  model.metadata.clear();  // it described the network as it was
  std::string graph = onnx::encode_model(model);
  ready.classifier = make_onnx_classifier(model, spec);
  return graph;
}

std::unique_ptr<TrainTask> make_task(PreparedJob& ready) {
  const TrainJob& job = ready.job;
  const Dataset& data = ready.train;
  const ModelCard card = card_of(job, data);
  if (job.task == Task::kClassification) {
    const std::string graph = make_network(ready);
    return std::make_unique<ClassifyTask>(*ready.classifier, card, ready.val, job.framing,
                                          PictureOptions{.apply_exif = job.apply_exif}, graph);
  }
  const SegmentationLossOptions loss = {
      .coefficients = job.coefficients,
      .cross_entropy = {.ignore_index = data.ignore,
                        .class_weights =
                            parse_class_weights(job.class_weights, data.class_names, data.background),
                        .focal_gamma = job.focal_gamma,
                        .hard = job.hard_pixels},
      .terms = job.loss_terms};
  ready.segmenter = make_segmenter(job.model);
  return std::make_unique<SegmentTask>(*ready.segmenter, card, loss, ready.val, job.evaluation);
}

/// The step that several ranks make together, and the networks that it needs beside the first.
struct SharedStep {
  std::vector<PreparedJob> others;
  std::unique_ptr<DataParallel> parallel;
};

SharedStep share_step(const PreparedJob& ready, const TrainRanks& ranks) {
  SharedStep step;
  if (!ranks.lane || (ranks.lane->ranks() == 1 && !ranks.by_picture)) return step;
  if (!ranks.by_picture) {
    step.parallel = parallel_in_buckets(*ready.task, *ranks.sums, ready.job.mean);
    return step;
  }
  std::vector<TrainTask*> tasks;
  for (std::int64_t i = 1; i < ready.job.batch / ranks.lane->ranks(); ++i) {
    PreparedJob& other = step.others.emplace_back();
    other.job = ready.job;
    other.train = ready.train;
    other.train.items.clear();
    other.task = make_task(other);
    tasks.push_back(other.task.get());
  }
  step.parallel = parallel_by_picture(*ready.task, tasks, *ranks.sums);
  return step;
}

void check_shared(const TrainJob& job, const TrainRanks& ranks) {
  if (!ranks.lane) return;
  if (job.batch % ranks.lane->ranks() != 0)
    throw ConfigError(cat("train.batch: ", job.batch, " pictures cannot be shared equally by ",
                          ranks.lane->ranks(), " ranks; it counts the pictures of all of them"));
  if (ranks.lane->ranks() > 1 && (!job.drop_last || job.on_failure == OnFailure::kSkip))
    throw ConfigError(
        "train: several ranks need full batches: set train.drop_last: true and data.on_failure: "
        "throw; `clearcut data check` finds pictures that cannot be read");
  const auto& terms = job.loss_terms;
  const bool regions = terms.dice + terms.lovasz + terms.boundary > 0 || job.hard_pixels;
  if (regions && (ranks.by_picture || (ranks.lane->ranks() > 1 && job.mean == OneOfRanks::Mean::kGlobal)))
    throw ConfigError(
        cat("loss: dice, lovasz, boundary and hard look at whole batches, and no rank has one; ",
            ranks.by_picture ? "leave them out with --reduce exact"
                             : "normalise: rank takes each rank's part by itself"));
  if (ranks.by_picture && job.mean == OneOfRanks::Mean::kRank)
    throw ConfigError(
        "loss.normalise: rank depends on which rank has which picture, so --reduce exact needs "
        "normalise: global");
  if (ranks.by_picture && !job.drop_last)
    throw ConfigError("train.drop_last: must be true with --reduce exact: all batches have one size");
}

}  // namespace

PreparedJob prepare_job(const TrainJob& asked, const TrainRun& run) {
  if (asked.products != CudaProducts::kFloat32) {
    if (run.device != Device::kCuda)
      throw ConfigError(cat("train.products: tensor cores need --device cuda; got ", run.device));
    set_cuda_products(asked.products);
  }
  PreparedJob ready = open_data(asked, run);
  const TrainJob& job = ready.job;
  ready.task = make_task(ready);
  ready.task->registry().mode.freeze_batch_norm = job.freeze_batch_norm;
  if (job.balanced) take_classes_from_masks(ready.train);
  ready.loader = make_loader(job, ready.train, run.ranks);
  if (!job.init.from.empty())
    ready.init = hand_over(ready.task->registry(), job.init.from, job.init.parts, job.init.prefix);
  return ready;
}

namespace {

void write_start(const PreparedJob& ready, const TrainRun& run) {
  const TrainJob& job = ready.job;
  std::filesystem::create_directories(run.work_dir);
  if (!run.resume)
    std::filesystem::remove(run.work_dir + "/result.json");  // of the run that this one replaces
  write_file(run.work_dir + "/config.effective.yaml", job.config.effective());
  environment(run.device, job.seed).write(run.work_dir + "/env.json");
  if (!job.init.from.empty()) print_hand_over(job, ready.init);
}

void write_end(const PreparedJob& ready, const TrainRun& run, TrainSummary& summary) {
  const auto* segment = dynamic_cast<const SegmentTask*>(ready.task.get());
  if (segment != nullptr && segment->last())
    for (const Failure& failure : segment->last()->failures) summary.failures.push_back(failure);
  const bool nothing_done = summary.loop.before == summary.loop.steps && std::isnan(summary.loop.score);
  if (const std::string before = run.work_dir + "/result.json";
      nothing_done && std::filesystem::exists(before))
    if (JsonObject::read(before).integer("steps") == summary.loop.steps) return;
  if (const auto scores = read_metrics(run.work_dir, "eval"); nothing_done && !scores.empty())
    summary.loop.score = scores.back().number("score");  // killed just before it could be written
  write_failures(run.work_dir + "/failures.jsonl", summary.failures);
  write_result(run.work_dir, summary);
}

// The steps that earlier processes of a resumed run recorded.
double seconds_of_steps_before(const TrainRun& run, std::int64_t steps) {
  double seconds = 0;
  if (steps > 0)
    for (const JsonObject& record : read_metrics(run.work_dir, "train"))
      if (record.integer("step") <= steps) seconds += record.number("seconds");
  return seconds;
}

// Written before the checkpoint that calls the evaluation done: a run that is killed between the two makes
// both again.
void write_evaluations(PreparedJob& ready, const TrainRun& run) {
  if (auto* segment = dynamic_cast<SegmentTask*>(ready.task.get()))
    segment->evaluated = [&](const Evaluation& e) {
      write_evaluation(run.work_dir, e, ready.train.class_names, ready.job.evaluation.score);
    };
}

}  // namespace

TrainSummary train(const TrainJob& asked, const TrainRun& run) {
  const auto start = std::chrono::steady_clock::now();
  reset_memory_peak();
  const bool first = !run.ranks.lane || run.ranks.lane->rank() == 0;
  PreparedJob ready;
  all_or_none(run.ranks.lane ? *run.ranks.lane : *lane_of_one(), [&] {
    check_shared(asked, run.ranks);
    ready = prepare_job(asked, run);
    if (first) write_start(ready, run);
  });
  const TrainJob& job = ready.job;
  TrainSummary summary = {.metric = job.task == Task::kClassification ? "top1" : "miou",
                          .loaded = ready.init.report.loaded.size(),
                          .reinitialised = ready.init.reinitialised};
  write_evaluations(ready, run);
  const SharedStep shared = share_step(ready, run.ranks);
  LoopOptions options = loop_options(job, *ready.loader, run);
  options.ranks = {run.ranks.lane, shared.parallel.get()};
  summary.loop = run_loop(*ready.task, *ready.loader, options);
  summary.failures = ready.loader->failures();
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() +
                    seconds_of_steps_before(run, summary.loop.before);
  summary.peak_bytes = memory_stats().peak;
  if (first) write_end(ready, run, summary);
  return summary;
}

}  // namespace clearcut
