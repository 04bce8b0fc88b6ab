// Labels that keep something of pseudo labels and lose the rest: controls that say what the explanations are
// worth.
#include <algorithm>
#include <map>

#include "data/baselines.h"
#include "data/jsonl.h"
#include "data/label_png.h"
#include "explain/fuse.h"
#include "explain/label_store.h"
#include "tensor/random.h"
#include "train/data_config.h"
#include "train/label_stages.h"

namespace clearcut {

namespace {

struct RelabelStage {
  DatasetConfig data;
  std::string labels;  // a folder of a label stage
  std::string how;
};

/// Label files of a folder by the id of their picture.
std::map<std::string, std::string> label_files(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const JsonObject& line : read_jsonl(folder + "/manifest.jsonl"))
    if (line.has("label")) files[line.text("id")] = folder + "/" + line.text("label");
  return files;
}

std::int64_t objects_in(const Tensor& labels) {
  const auto* v = labels.data<const std::int32_t>();
  return std::count_if(v, v + labels.numel(), [](std::int32_t x) { return x > 0 && x != 255; });
}

/// Share of pixels that are an object, over all labels.
double share_of_objects(const std::map<std::string, std::string>& files) {
  std::int64_t objects = 0, pixels = 0;
  for (const auto& entry : files) {
    const Tensor labels = read_label_png(entry.second).labels;
    objects += objects_in(labels);
    pixels += labels.numel();
  }
  return static_cast<double>(objects) / static_cast<double>(std::max<std::int64_t>(pixels, 1));
}

/// Nearest neighbour.
Tensor resized(const Tensor& label, const Shape& shape) {
  Tensor out = Tensor::zeros(shape, DType::kInt32);
  for (std::int64_t y = 0; y < shape[0]; ++y)
    for (std::int64_t x = 0; x < shape[1]; ++x)
      out.data<std::int32_t>()[y * shape[1] + x] =
          label.data<const std::int32_t>()[y * label.dim(0) / shape[0] * label.dim(1) +
                                           x * label.dim(1) / shape[1]];
  return out;
}

/// For each item with a label the item whose label it gets: the next one of its class, the last one the first
/// of it, in an order drawn from the seed. Only a class with one picture keeps its label.
std::map<std::string, std::string> partners(const Dataset& data,
                                            const std::map<std::string, std::string>& files,
                                            std::uint64_t seed) {
  std::map<std::vector<int>, std::vector<std::pair<double, std::string>>> classes;
  for (const Item& item : data.items)
    if (files.contains(item.name))
      classes[item.classes].emplace_back(RandomStream(seed, "relabel", item.id).uniform(0), item.name);
  std::map<std::string, std::string> partner;
  for (auto& [label, items] : classes) {
    std::ranges::sort(items);
    for (std::size_t i = 0; i < items.size(); ++i)
      partner[items[i].second] = items[(i + 1) % items.size()].second;
  }
  return partner;
}

void relabel(const RelabelStage& stage, StageContext& context) {
  const Dataset data = open_dataset(stage.data);
  const LabelPlan plan = plan_labels(data, LabelLayout::kPng);
  const std::map<std::string, std::string> files = label_files(stage.labels);
  const double share = share_of_objects(files);
  const auto partner = partners(data, files, context.seed);
  JsonObject job;
  job.set("relabel", stage.how).set("seed", context.seed).set("share", share);
  LabelStore store({.folder = context.folder,
                    .space = plan.space,
                    .class_names = plan.class_names,
                    .colours = plan.colours,
                    .wnids = plan.folders,
                    .job = job});
  store.begin(data.items, plan.shift);
  Progress progress(context.name, static_cast<std::int64_t>(data.items.size()), context.progress);
  for (const Item& item : data.items) {
    progress.advance();
    if (store.done(item)) continue;
    const auto file = files.find(item.name);
    const std::string image = image_path(data, item);
    if (file == files.end()) {
      store.skip(item, image, "no label in " + stage.labels);
      continue;
    }
    const Shape shape = read_label_png(file->second).labels.shape();
    const Tensor label = stage.how == "box"
                             ? centred_box(shape[0], shape[1], share, item.classes.at(0) + plan.shift)
                             : resized(read_label_png(files.at(partner.at(item.name))).labels, shape);
    store.write(item, image, label, JsonObject());
  }
  store.finish(data.items);
}

}  // namespace

StagePlan read_relabel_stage(const Config& config) {
  RelabelStage stage;
  stage.data = read_dataset_config(config.section("data"));
  stage.labels = config.text("labels");
  stage.how = config.choice("how", {"box", "shuffle"});
  return {.work = [stage](StageContext& context) { relabel(stage, context); }, .findings = label_findings};
}

}  // namespace clearcut
