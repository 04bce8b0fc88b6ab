#include "models/card.h"

#include <algorithm>
#include <filesystem>

#include "data/json.h"
#include "models/onnx_classifier.h"
#include "tensor/file.h"
#include "tensor/safetensors.h"

namespace clearcut {

namespace {

namespace fs = std::filesystem;

constexpr int kVersion = 1;
constexpr const char* kFormat = "clearcut model";

template <class T>
std::vector<T> list_of(const std::array<T, 3>& three) {
  return {three.begin(), three.end()};
}

std::array<double, 3> three_of(const JsonObject& json, const std::string& key, const std::string& path) {
  const auto values = json.numbers(key);
  check(values.size() == 3, "model card", path, ": ", key, " must be three numbers, has ", values.size());
  return {values[0], values[1], values[2]};
}

JsonObject to_json(const Preprocess& p) {
  JsonObject json;
  json.set("height", p.height)
      .set("width", p.width)
      .set("resize", name_of(p.filter))
      .set("bgr", p.pixels.bgr)
      .set("mean", list_of(p.pixels.mean))
      .set("scale", list_of(p.pixels.scale))
      .set("crop", p.crop)
      .set("any_size", p.any_size);
  return json;
}

Preprocess preprocess_of(const JsonObject& json, const std::string& path) {
  Preprocess p;
  p.height = json.integer("height");
  p.width = json.integer("width");
  if (json.has("resize")) p.filter = filter_from_name(json.text("resize"));
  p.pixels.bgr = json.flag("bgr");
  p.pixels.mean = three_of(json, "mean", path);
  p.pixels.scale = three_of(json, "scale", path);
  p.crop = json.number("crop");
  p.any_size = json.flag("any_size");
  return p;
}

std::vector<std::int64_t> packed(const std::vector<Rgb>& colours) {
  std::vector<std::int64_t> values;
  for (const Rgb& c : colours) values.push_back((c.r << 16) | (c.g << 8) | c.b);
  return values;
}

std::vector<Rgb> unpacked(const std::vector<std::int64_t>& values) {
  std::vector<Rgb> colours;
  for (const std::int64_t v : values)
    colours.push_back({static_cast<std::uint8_t>(v >> 16 & 255), static_cast<std::uint8_t>(v >> 8 & 255),
                       static_cast<std::uint8_t>(v & 255)});
  return colours;
}

const char* name_of(ModelCard::Kind kind) {
  return kind == ModelCard::Kind::kClassifier ? "classifier" : "segmenter";
}

ModelCard card_of_kind(const std::string& path, ModelCard::Kind kind) {
  ModelCard card = read_model_card(path);
  check(card.kind == kind, "load model", path, " holds a ", name_of(card.kind), ", a ", name_of(kind),
        " is needed here");
  return card;
}

template <class Model>
void load_weights(Model& model, const std::string& path) {
  model.registry().load(read_safetensors(find_weights(path)).tensors);
  model.registry().require_grad(false);
  model.registry().mode.training = false;
}

}  // namespace

std::string to_json(const ModelCard& card, bool line) {
  const ModelSpec& s = card.spec;
  JsonObject json;
  json.set("format", kFormat)
      .set("version", kVersion)
      .set("kind", name_of(card.kind))
      .set("name", s.name)
      .set("classes", s.classes)
      .set("width", s.width)
      .set("output_stride", s.output_stride)
      .set("auxiliary", s.auxiliary)
      .set("class_names", s.class_names)
      .set("class_ids", s.class_ids)
      .set("input", to_json(s.preprocess))
      .set("colours", packed(card.colours))
      .set("background", card.background);
  if (card.resize_short > 0) json.set("resize_short", card.resize_short);
  if (!card.licence.empty()) json.set("licence", card.licence);
  return line ? json.line() : json.pretty();
}

ModelCard parse_model_card(const std::string& text, const std::string& file) {
  const JsonObject json = JsonObject::parse(text, file);
  check(json.has("format") && json.text("format") == kFormat, "model card", file,
        " does not describe a model of clearcut");
  check(json.integer("version") == kVersion, "model card", file, " has version ", json.integer("version"),
        ", this program reads ", kVersion);
  ModelCard card;
  const std::string kind = json.text("kind");
  check(kind == "classifier" || kind == "segmenter", "model card", file, ": kind is '", kind,
        "', must be classifier or segmenter");
  card.kind = kind == "classifier" ? ModelCard::Kind::kClassifier : ModelCard::Kind::kSegmenter;
  card.spec.name = json.text("name");
  card.spec.classes = json.integer("classes");
  card.spec.width = json.number("width");
  card.spec.output_stride = static_cast<int>(json.integer("output_stride"));
  card.spec.auxiliary = json.flag("auxiliary");
  card.spec.class_names = json.texts("class_names");
  card.spec.class_ids = json.texts("class_ids");
  card.spec.preprocess = preprocess_of(json.object("input"), file);
  card.colours = unpacked(json.integers("colours"));
  card.background = static_cast<int>(json.integer("background"));
  if (json.has("resize_short")) card.resize_short = json.integer("resize_short");
  if (json.has("licence")) card.licence = json.text("licence");
  return card;
}

ModelCard read_model_card(const std::string& path) {
  const fs::path weights = find_weights(path);
  if (weights.extension() == ".safetensors") {
    const auto metadata = read_safetensors_metadata(weights.string());
    const auto inside = metadata.find(kCardKey);
    if (inside != metadata.end()) return parse_model_card(inside->second, weights.string());
  }
  const std::string file = (weights.parent_path() / "model.json").string();
  check(fs::is_regular_file(file), "model card", "no ", file, " beside the weights");
  return parse_model_card(read_text(file), file);
}

std::string find_weights(const std::string& path) {
  if (fs::is_regular_file(path)) return path;
  const std::vector<std::string> places = {path + "/model.safetensors",
                                           path + "/checkpoints/best/model.safetensors",
                                           path + "/checkpoints/last/model.safetensors"};
  for (const std::string& place : places)
    if (fs::is_regular_file(place)) return place;
  fail("load model", "no weights at '", path, "'; looked for it as a file and for ", places[0], ", ",
       places[1], ", ", places[2]);
}

std::string find_graph(const std::string& path) {
  return (fs::path(find_weights(path)).parent_path() / kGraphFile).string();
}

std::unique_ptr<Classifier> load_trained_classifier(const std::string& path, Device device) {
  ModelCard card = card_of_kind(path, ModelCard::Kind::kClassifier);
  card.spec.device = device;
  auto model = is_onnx(card.spec.name) ? make_onnx_classifier(onnx::read_model(find_graph(path)), card.spec)
                                       : make_classifier(card.spec);
  load_weights(*model, path);
  return model;
}

TrainedSegmenter load_segmenter(const std::string& path, Device device) {
  TrainedSegmenter result{nullptr, card_of_kind(path, ModelCard::Kind::kSegmenter)};
  result.card.spec.device = device;
  result.model = make_segmenter(result.card.spec);
  load_weights(*result.model, path);
  return result;
}

}  // namespace clearcut
