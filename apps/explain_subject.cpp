#include "apps/explain_subject.h"

#include "apps/verbs.h"
#include "data/label_png.h"
#include "data/resize.h"
#include "data/text_lines.h"
#include "explain/class_targets.h"
#include "train/config.h"

namespace clearcut::apps {

namespace {

// 1 where the file's label is not 0, shrunk to the input.
Tensor read_mask(const std::string& path, std::int64_t height, std::int64_t width) {
  const Tensor labels = read_label_png(path).labels;
  Tensor mask({labels.dim(0), labels.dim(1), 1});
  const auto* from = labels.data<const std::int32_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i) mask.data<float>()[i] = from[i] != 0 ? 1.0F : 0.0F;
  return resize_picture(mask, height, width).reshape({height, width});
}

}  // namespace

ExplainSubject::ExplainSubject(const std::string& model_path, Device device, TargetWords words)
    : model_(open_model(model_path, device)), words_(std::move(words)) {
  if (model_.classifies() == words_.of_segmenter())
    throw ConfigError(cat("--target: ", name(), " is a ", model_.classifies() ? "classifier" : "segmenter",
                          "; its targets read ",
                          model_.classifies() ? "top1, class:INDEX or a name" : "seg:CLASS@MASK", "; got '",
                          words_.text, "'"));
  check(model_.input_known, "explain", model_path, " does not say how pictures become its input; see ",
        "docs/models_to_bring.md");
}

int ExplainSubject::class_index(const Classifier& classifier, const std::string& word) const {
  if (is_whole_number(word)) {
    const int index = to_whole_number(word, "the class", "--target");
    if (index < 0 || index >= classifier.classes())
      throw ConfigError(cat("--target: class ", index, " is outside 0 to ", classifier.classes() - 1, " of ",
                            classifier.name()));
    return index;
  }
  const std::vector<int> classes = class_targets(classifier, {word})[0];
  if (classes.empty()) throw ConfigError(cat("--target: ", classifier.name(), " has no class '", word, "'"));
  return classes[0];
}

Target ExplainSubject::class_target(Classifier& classifier, const ExplainInput& input) const {
  const std::string& text = words_.text;
  if (text == "top1") {
    ExplainInput plain = input;
    plain.targets = {{.classes = {0}}};
    return {.classes = {explain_all(classifier, plain, {}).top1[0]}};
  }
  const bool prefixed = text.rfind("class:", 0) == 0;
  const std::string name = prefixed ? text.substr(6) : text;
  if (prefixed && is_whole_number(name)) return {.classes = {class_index(classifier, name)}};
  const std::vector<int> classes = class_targets(classifier, {name}, words_.groups)[0];
  if (classes.empty())
    throw ConfigError(cat("--target: ", classifier.name(), " has no class '", name,
                          "'; give top1, class:INDEX or the name of a class or group"));
  return {.classes = classes};
}

Classifier& ExplainSubject::ask(ExplainInput& input) {
  if (model_.classifies()) {
    input.targets = {class_target(*model_.classifier, input)};
    return *model_.classifier;
  }
  const std::string text = words_.text.substr(4);
  const std::size_t at = text.find('@');
  if (at == std::string::npos || at == 0 || at + 1 == text.size())
    throw ConfigError(cat("--target: seg:CLASS@MASK needs a class and a mask; got '", words_.text, "'"));
  const std::int64_t H = input.x.dim(2), W = input.x.dim(3);
  const std::string mask = text.substr(at + 1);
  masked_ = std::make_unique<MaskedSegmenter>(model_.segmenter, Tensor::full({H, W}, 1));
  const int index = class_index(*masked_, text.substr(0, at));
  masked_ = std::make_unique<MaskedSegmenter>(
      model_.segmenter,
      mask == "predicted" ? predicted_mask(model_.segmenter, input.x, index) : read_mask(mask, H, W));
  input.targets = {{.classes = {index}}};
  return *masked_;
}

}  // namespace clearcut::apps
