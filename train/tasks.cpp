#include "train/tasks.h"

#include "autograd/cross_entropy.h"
#include "nn/picture_by_picture.h"
#include "tensor/interrupt.h"

namespace clearcut {

namespace {

constexpr std::size_t kBatch = 16;  // pictures in one forward pass of the accuracy

std::int64_t argmax_row(const Tensor& logits, std::int64_t row) {
  const float* z = logits.data<const float>() + row * logits.dim(1);
  return std::max_element(z, z + logits.dim(1)) - z;
}

}  // namespace

Accuracy top1_accuracy(Classifier& model, const Dataset& data, Framing framing, ProgressStyle style,
                       const PictureOptions& options) {
  const bool training = model.registry().mode.training;
  model.registry().mode.training = false;
  Accuracy result;
  Progress progress("top-1", static_cast<std::int64_t>(data.items.size()), style);
  std::vector<Tensor> pictures;
  std::vector<int> labels;
  const auto flush = [&] {
    if (pictures.empty()) return;
    const Tensor x = to_batch(model.preprocess(), pictures, framing).to(model.registry().device());
    const Tensor logits = picture_by_picture(model.registry(), x, [&](std::int64_t, const Tensor& part) {
                            const NoGrad no_tape;
                            return model.logits(Var(part)).value();
                          }).to(Device::kCpu);
    for (std::size_t n = 0; n < labels.size(); ++n)
      result.right += argmax_row(logits, static_cast<std::int64_t>(n)) == labels[n] ? 1 : 0;
    result.pictures += static_cast<std::int64_t>(labels.size());
    pictures.clear();
    labels.clear();
  };
  for (const Item& item : data.items) {
    stop_if_interrupted("top-1", "nothing was written; start it again");
    progress.advance();
    if (item.classes.empty()) continue;
    try {
      pictures.push_back(read_picture(item.image, options));
      labels.push_back(item.classes[0]);
    } catch (const Error& error) {
      result.failures.push_back({item.name, "read", error.what()});
    }
    // Pictures of other proportions may give inputs of other sizes.
    if (pictures.size() == kBatch || framing == Framing::kShortSide) flush();
  }
  flush();
  model.registry().mode.training = training;
  check(result.pictures > 0, "top-1", "no picture of ", data.root, " could be scored",
        result.failures.empty() ? "; none has a label" : "; the first failure: " + result.failures[0].error);
  return result;
}

TrainLoss ClassifyTask::loss(const Batch& batch) {
  const Device device = model_.registry().device();
  const Var logits = model_.logits(Var(batch.images.to(device)));
  const Var loss = cross_entropy(logits, batch.classes.to(device), {.ignore_index = -1});
  return {loss, {loss.value().item()}};
}

Score ClassifyTask::evaluate() {
  const Accuracy accuracy = top1_accuracy(model_, *val_, framing_, ProgressStyle::kNone, picture_);
  JsonObject numbers;
  numbers.set("pictures", accuracy.pictures)
      .set("right", accuracy.right)
      .set("failed", static_cast<std::int64_t>(accuracy.failures.size()));
  return {"top1", accuracy.top1(), numbers};
}

TrainLoss SegmentTask::loss(const Batch& batch) {
  const Device device = model_.registry().device();
  const auto outputs = model_.logits(Var(batch.images.to(device)));
  SegmentationLossOptions options = loss_;
  if (batch.weights.defined()) options.cross_entropy.pixel_weights = batch.weights.to(device);
  SegmentationLoss loss = segmentation_loss(outputs, batch.labels.to(device), options);
  return {loss.total, std::move(loss.parts)};
}

Score SegmentTask::evaluate() {
  last_ = clearcut::evaluate(model_, *val_, normalize_of(card_.spec.preprocess.pixels), evaluation_);
  if (evaluated) evaluated(*last_);
  return {"miou", last_->scores.miou, to_json(*last_, card_.spec.class_names, evaluation_.score)};
}

}  // namespace clearcut
