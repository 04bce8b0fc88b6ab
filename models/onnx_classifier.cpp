#include "models/onnx_classifier.h"

#include <filesystem>
#include <sstream>

#include "data/json.h"
#include "models/card.h"
#include "models/onnx_head.h"
#include "models/onnx_net.h"
#include "tensor/file.h"

namespace clearcut {

namespace {

namespace fs = std::filesystem;

// What a classifier is besides its network.
struct Card {
  std::string name;
  std::optional<Preprocess> preprocess;  // none if nothing says it
  std::string feature_path;              // "" unless the JSON says one
  std::string classes_file;              // "" unless the JSON says one
  std::vector<std::string> class_ids, class_names;
};

std::array<double, 3> three(const JsonObject& json, const char* key) {
  const auto values = json.numbers(key);
  check(values.size() == 3, "classifier", key, " must be three numbers, got ", values.size());
  return {values[0], values[1], values[2]};
}

// The size that the ONNX file says comes first; a side that it leaves open is -1.
void set_input_size(Preprocess& rule, const onnx::Value& input) {
  check(!input.known || (input.sizes.size() == 4 && (input.sizes[1] == 3 || input.sizes[1] == -1)),
        "classifier", "the input '", input.name, "' must be [N, 3, H, W]");
  rule.any_size = !input.known || (input.sizes[2] < 0 && input.sizes[3] < 0);
  if (input.known && input.sizes[2] > 0) rule.height = input.sizes[2];
  if (input.known && input.sizes[3] > 0) rule.width = input.sizes[3];
  const auto fits = [](std::int64_t side) { return side >= 1 && side <= 4096; };
  check(fits(rule.height) && fits(rule.width), "classifier", "the input size must be 1 to 4096 pixels, got ",
        rule.height, " x ", rule.width);
}

bool is_open(const onnx::Value& input) {
  return !input.known || input.sizes.size() != 4 || (input.sizes[2] < 0 && input.sizes[3] < 0);
}

Preprocess preprocess_of(const JsonObject& json, const std::string& file, const onnx::Value& input) {
  Preprocess rule;
  const std::string order = json.text("channel_order");
  check(order == "RGB" || order == "BGR", "classifier", file, ": channel_order must be RGB or BGR, got '",
        order, "'");
  rule.pixels = {three(json, "mean"), three(json, "scale"), order == "BGR"};
  if (json.has("resize")) rule.filter = filter_from_name(json.text("resize"));
  if (json.has("crop")) rule.crop = json.number("crop");
  if (json.has("input_size")) {
    const auto size = json.integers("input_size");
    check(size.size() == 2, "classifier", "input_size must be [height, width]");
    rule.height = size[0], rule.width = size[1];
  } else {
    check(!is_open(input), "classifier",
          "the ONNX file leaves the input size open; set input_size: [height, width] in the JSON file");
  }
  return rule;
}

std::string json_beside(const std::string& path) {
  return fs::path(path).replace_extension(".json").string();
}

Card read_card(const std::string& path, const onnx::Model& model) {
  check(model.graph.inputs.size() == 1, "classifier", path, ": the graph must have one input");
  Card card;
  card.name = fs::path(path).stem().string();
  if (const auto inside = model.metadata.find(kCardKey); inside != model.metadata.end()) {
    const ModelCard said = parse_model_card(inside->second, "the metadata");
    card.preprocess = said.spec.preprocess;
    card.class_ids = said.spec.class_ids;
    card.class_names = said.spec.class_names;
  }
  if (const std::string file = json_beside(path); fs::exists(file)) {
    const JsonObject json = JsonObject::read(file);
    card.preprocess = preprocess_of(json, file, model.graph.inputs[0]);
    if (json.has("name")) card.name = json.text("name");
    if (json.has("last_feature_map")) card.feature_path = json.object("last_feature_map").text("tensor");
    if (json.has("classes"))
      card.classes_file = (fs::path(file).parent_path() / json.text("classes")).string();
  }
  if (card.preprocess) set_input_size(*card.preprocess, model.graph.inputs[0]);
  return card;
}

// Lines INDEX tab ID tab NAME, in order.
void read_classes(const std::string& path, std::vector<std::string>& ids, std::vector<std::string>& names) {
  std::istringstream lines(read_text(path));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    const std::size_t first = line.find('\t');
    const std::size_t second = first == std::string::npos ? first : line.find('\t', first + 1);
    check(second != std::string::npos && line.substr(0, first) == std::to_string(ids.size()), "classifier",
          path, ": line ", ids.size() + 1, " must be ", ids.size(), ", tab, id, tab, name; it is '", line,
          "'");
    ids.push_back(line.substr(first + 1, second - first - 1));
    names.push_back(line.substr(second + 1));
  }
}

class OnnxClassifier : public Classifier {
 public:
  OnnxClassifier(const onnx::Model& model, Device device)
      : registry_(1, device),
        logits_(onnx::logits_value(model.graph)),
        net_(registry_.scope(), model, logits_),
        cam_(onnx::find_cam(model, logits_)) {}

  // Before anything else; folder: of the model, where a list of classes may lie.
  void describe(const onnx::Model& model, Card card, const fs::path& folder) {
    card_ = std::move(card);
    preprocess_ = *card_.preprocess;
    if (card_.feature_path.empty()) card_.feature_path = onnx::find_feature_map(model, logits_);
    check(card_.feature_path.empty() || net_.has(card_.feature_path), "classifier", "last_feature_map '",
          card_.feature_path, "' is no value of the network; `clearcut model layers` lists them");
    name_classes(folder, count_classes(model));
  }

  const std::string& name() const override { return card_.name; }
  Var logits(const Var& x) const override {
    const Var y = net_(x);
    const std::int64_t rows = registry_.changes_rows() && y.shape().rank() == 2 ? y.dim(0) : x.dim(0);
    check(y.shape() == Shape{rows, classes()}, "classifier", card_.name, ": logits must be [", rows, ", ",
          classes(), "], the network gave ", y.shape());
    return y;
  }
  Registry& registry() override { return registry_; }
  const Preprocess& preprocess() const override { return preprocess_; }
  const std::vector<std::string>& class_names() const override { return names_; }
  const std::vector<std::string>& class_ids() const override { return ids_; }
  std::string feature_path() const override {
    check(
        !card_.feature_path.empty(), "classifier", card_.name,
        ": no global pooling was found, so its last feature map is not known; name a layer (`clearcut model "
        "layers` lists them) or set last_feature_map in the JSON file");
    return card_.feature_path;
  }
  std::optional<CamWeights> cam_weights() const override { return cam_; }

 private:
  // From the file where it says so, else from a run on an empty picture.
  std::int64_t count_classes(const onnx::Model& model) const {
    const onnx::Value& output = model.graph.outputs[0];
    if (output.known && output.sizes.size() == 2 && output.sizes[1] > 0) return output.sizes[1];
    if (cam_) return cam_->weights.dim(0);
    const NoGrad no_grad;
    const Shape shape = net_(Var(Tensor::zeros({1, 3, preprocess_.height, preprocess_.width}, DType::kFloat32,
                                               registry_.device())))
                            .shape();
    check(shape.rank() == 2 && shape[0] == 1, "classifier", card_.name,
          ": the output must be [N, classes], it is ", shape);
    return shape[1];
  }

  void name_classes(const fs::path& folder, std::int64_t count) {
    check(count >= 1 && count <= 1'000'000, "classifier", card_.name, ": ", count,
          " classes are not possible");
    const bool given = !card_.classes_file.empty();
    const std::string file = given ? card_.classes_file : (folder / "imagenet_classes.txt").string();
    if (given || (card_.class_names.empty() && count == 1000 && fs::exists(file))) {
      read_classes(file, ids_, names_);
      check(static_cast<std::int64_t>(ids_.size()) == count, "classifier", file, " names ", ids_.size(),
            " classes, ", card_.name, " has ", count);
      return;
    }
    if (static_cast<std::int64_t>(card_.class_names.size()) == count) {
      names_ = card_.class_names;
      ids_ = card_.class_ids.empty() ? names_ : card_.class_ids;
      return;
    }
    for (std::int64_t i = 0; i < count; ++i) {
      ids_.push_back(std::to_string(i));
      names_.push_back(cat("class ", i));
    }
  }

  Registry registry_;
  std::string logits_;
  onnx::Net net_;
  Card card_;
  Preprocess preprocess_;
  std::optional<CamWeights> cam_;
  std::vector<std::string> ids_, names_;
};

}  // namespace

std::unique_ptr<Classifier> load_onnx_classifier(const std::string& path, const OnnxOptions& options) {
  return load_onnx_classifier(path, onnx::read_model(path), options);
}

std::unique_ptr<Classifier> load_onnx_classifier(const std::string& path, const onnx::Model& model,
                                                 const OnnxOptions& options) {
  const std::string file = fs::path(path).filename().string();
  const ErrorScope scope(file);
  auto classifier = std::make_unique<OnnxClassifier>(model, options.device);
  Card card = read_card(path, model);
  if (!card.preprocess && options.preprocess) {
    card.preprocess = options.preprocess;
    set_input_size(*card.preprocess, model.graph.inputs[0]);
  }
  check(card.preprocess.has_value(), "classifier", fs::path(json_beside(path)).filename().string(),
        " is missing beside ", path,
        "; the ONNX file does not say how pictures are prepared: write channel_order (\"RGB\" or \"BGR\"), "
        "mean "
        "and scale (three numbers each, input = (pixel - mean) * scale, pixel 0..255) there");
  classifier->describe(model, std::move(card), fs::path(path).parent_path());
  return classifier;
}

std::optional<Preprocess> onnx_preprocess(const std::string& path, const onnx::Model& model) {
  return read_card(path, model).preprocess;
}

std::unique_ptr<Classifier> make_onnx_classifier(const onnx::Model& model, const ModelSpec& spec) {
  const ErrorScope scope(spec.name);
  auto classifier = std::make_unique<OnnxClassifier>(model, spec.device);
  Card card{.name = fs::path(spec.name).stem().string(),
            .preprocess = spec.preprocess,
            .feature_path = "",
            .classes_file = "",
            .class_ids = spec.class_ids,
            .class_names = spec.class_names};
  set_input_size(*card.preprocess, model.graph.inputs[0]);
  classifier->describe(model, std::move(card), "");
  check(spec.classes == 0 || classifier->classes() == spec.classes, "classifier", spec.name, " has ",
        classifier->classes(), " classes, not ", spec.classes);
  classifier->registry().require_grad(true);
  return classifier;
}

bool is_onnx(const std::string& name) { return fs::path(name).extension() == ".onnx"; }

}  // namespace clearcut
