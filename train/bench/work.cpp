#include "train/bench/work.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "autograd/cross_entropy.h"
#include "explain/explainer_table.h"
#include "models/card.h"
#include "nn/loss.h"
#include "nn/picture_by_picture.h"
#include "tensor/random.h"
#include "tensor/work.h"
#include "train/config.h"
#include "train/optimiser.h"

namespace clearcut {

namespace {

constexpr double kAuxiliary = 0.4;  // factor of a segmenter's second loss
constexpr double kRate = 1e-3;      // random labels are not learnt at a larger one without losing all digits

/// A classifier or a segmenter, with the size of its input.
struct Network {
  std::shared_ptr<Classifier> classifier;
  std::shared_ptr<Segmenter> segmenter;
  std::int64_t side = 224;

  Registry& registry() const { return classifier ? classifier->registry() : segmenter->registry(); }
  const std::string& name() const { return classifier ? classifier->name() : segmenter->name(); }
  std::int64_t classes() const { return classifier ? classifier->classes() : segmenter->classes(); }
};

bool is_one_of(const std::string& name, const std::vector<std::string>& names) {
  return std::ranges::find(names, name) != names.end();
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

ModelSpec spec_of(const BenchOptions& o, std::int64_t classes) {
  return {.name = o.model,
          .classes = o.classes > 0 ? o.classes : classes,
          .width = o.width_factor,
          .recompute = o.recompute,
          .seed = o.seed,
          .device = o.device};
}

Network load_network(const BenchOptions& o) {
  if (o.model.ends_with(".onnx") || read_model_card(o.model).kind == ModelCard::Kind::kClassifier) {
    Network net{.classifier = load_classifier(o.model, o.device), .segmenter = nullptr};
    net.side = net.classifier->preprocess().height;
    return net;
  }
  return {.classifier = nullptr, .segmenter = load_segmenter(o.model, o.device).model};
}

Network network_of(const BenchOptions& o) {
  const std::int64_t side = o.model.find("small_") == std::string::npos ? 224 : 64;
  if (is_one_of(o.model, classifier_names())) return {make_classifier(spec_of(o, 1000)), nullptr, side};
  if (is_one_of(o.model, segmenter_names())) return {nullptr, make_segmenter(spec_of(o, 21)), side};
  if (!std::filesystem::exists(o.model))
    throw ConfigError(cat("bench: MODEL must be the name of a network (", joined(classifier_names()), "; ",
                          joined(segmenter_names()), "), a file NAME.onnx or a checkpoint; got '", o.model,
                          "'"));
  return load_network(o);
}

Tensor random_input(const BenchOptions& o, const Shape& shape) {
  Tensor x(shape);
  RandomStream(o.seed, "bench input").fill_normal(x, 0, 1);
  return x.to(o.device);
}

Tensor random_labels(const BenchOptions& o, const Shape& shape, std::int64_t classes) {
  Tensor labels(shape, DType::kInt32);
  const RandomStream random(o.seed, "bench labels");
  for (std::int64_t i = 0; i < labels.numel(); ++i)
    labels.data<std::int32_t>()[i] = static_cast<std::int32_t>(random.below(i, classes));
  return labels.to(o.device);
}

void forward(const Network& net, const Var& x) {
  if (net.classifier)
    net.classifier->logits(x);
  else
    net.segmenter->logits(x);
}

Tensor predict(const Network& net, const Tensor& x) {
  return picture_by_picture(net.registry(), x, [&](std::int64_t, const Tensor& part) {
    const NoGrad no_tape;
    return (net.classifier ? net.classifier->logits(Var(part)) : net.segmenter->main_logits(Var(part)))
        .value();
  });
}

/// What all kinds of work share. The arithmetic is counted on one picture, in evaluation mode; for training
/// with a tape, so that no folded or prepared weights are made, whose memory a training step never takes.
Workload workload(const char* work, const BenchOptions& o, const Network& net, std::int64_t batch) {
  Workload w{.work = work, .model = net.name()};
  w.batch = w.items = o.batch > 0 ? o.batch : batch;
  w.height = o.height > 0 ? o.height : net.side;
  w.width = o.width > 0 ? o.width : w.height;
  w.parameters = net.registry().parameter_count();
  net.registry().require_grad(w.work == "train");
  net.registry().mode.training = false;
  const WorkMeter meter;
  const Tensor x = random_input(o, {1, 3, w.height, w.width});
  if (w.work == "train")
    forward(net, Var(x));
  else
    predict(net, x);
  w.forward_multiply_adds = w.batch * meter.multiply_adds();
  w.operations = 2.0 * static_cast<double>(w.forward_multiply_adds);
  return w;
}

Var batch_of(const BenchOptions& o, const Workload& w) {
  return Var(random_input(o, {w.batch, 3, w.height, w.width}));
}

/// The loss of one batch with the labels of the work.
std::function<Var(const Var& x)> loss_of(const BenchOptions& o, const Network& net, const Workload& w) {
  const std::int64_t classes = net.classes();
  if (net.classifier)
    return [net, labels = random_labels(o, {w.batch}, classes)](const Var& x) {
      return cross_entropy(net.classifier->logits(x), labels);
    };
  SegmentationLossOptions loss;
  loss.coefficients.assign(net.segmenter->outputs(), kAuxiliary);
  loss.coefficients[0] = 1;
  loss.cross_entropy.class_weights.assign(static_cast<std::size_t>(classes), 1);
  loss.cross_entropy.class_weights[0] = 0.5;
  Tensor weights({w.batch, w.height, w.width});
  RandomStream(o.seed, "bench weights").fill_uniform(weights, 0.5, 1);
  loss.cross_entropy.pixel_weights = weights.to(o.device);
  return [net, loss, labels = random_labels(o, weights.shape(), classes)](const Var& x) {
    return segmentation_loss(net.segmenter->logits(x), labels, loss).total;
  };
}

/// int32 [height, width]: 7 x 7 boxes, numbered by rows.
Tensor grid_segments(std::int64_t height, std::int64_t width) {
  constexpr std::int64_t kBoxes = 7;
  Tensor segments({height, width}, DType::kInt32);
  for (std::int64_t i = 0; i < height; ++i)
    for (std::int64_t j = 0; j < width; ++j)
      segments.data<std::int32_t>()[i * width + j] =
          static_cast<std::int32_t>(i * kBoxes / height * kBoxes + j * kBoxes / width);
  return segments;
}

}  // namespace

Workload bench_training(const BenchOptions& o) {
  const Network net = network_of(o);
  Workload w = workload("train", o, net, 8);
  w.operations *= 3;
  Registry& registry = net.registry();
  registry.mode.training = true;
  registry.require_grad(true);
  const auto sgd = std::make_shared<Sgd>(registry, SgdOptions{});
  w.run = [net, sgd, x = batch_of(o, w), loss = loss_of(o, net, w)] {
    net.registry().zero_grad();
    loss(x).backward();
    sgd->step(kRate);
    ++net.registry().mode.step;
  };
  return w;
}

Workload bench_prediction(const BenchOptions& o) {
  const Network net = network_of(o);
  Workload w = workload("predict", o, net, 1);
  w.run = [net, x = batch_of(o, w).value()] { predict(net, x); };
  return w;
}

Workload bench_explanation(const BenchOptions& o) {
  const Network net = network_of(o);
  if (!net.classifier)
    throw ConfigError(cat("bench: explanations are of classifiers; ", net.name(), " is a segmenter"));
  const ExplainOptions explainer = parse_explainer(o.explainer);
  BenchOptions one = o;
  one.batch = 1;
  Workload w = workload("explain", one, net, 1);
  const ExplainerWork cost = explainer_row(explainer.explainer).work(explainer);
  w.detail = describe(explainer);
  w.items = cost.samples;
  w.item = cost.samples > 1 ? "sample" : "picture";
  w.operations *= cost.passes;
  net.registry().require_grad(false);
  const ExplainInput input{.x = batch_of(one, w).value(),
                           .targets = {{.classes = {0}}},
                           .items = {1},
                           .segments = {grid_segments(w.height, w.width)},
                           .seed = o.seed,
                           .budget_bytes = o.budget_bytes};
  w.run = [net, input, explainer] { explain(*net.classifier, input, explainer); };
  return w;
}

}  // namespace clearcut
