#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <iostream>

#include "apps/opened_model.h"
#include "apps/verbs.h"
#include "data/json.h"
#include "models/network_tables.h"
#include "models/onnx_node.h"
#include "tensor/file.h"
#include "tensor/sha256.h"

namespace clearcut::apps {

namespace {

namespace fs = std::filesystem;

using Model = OpenedModel;

void print_line(const char* key, const std::string& text) {
  std::cout << std::left << std::setw(13) << key << text << "\n";
}

std::string input_text(const Model& model) {
  const Preprocess& rule = model.preprocess();
  const auto three = [](const std::array<double, 3>& v) { return cat(v[0], ", ", v[1], ", ", v[2]); };
  std::string text = cat(rule.height, " x ", rule.width, rule.any_size ? " (or any other size)" : "",
                         ", resized by ", name_of(rule.filter));
  if (!model.input_known)
    return text + "; channel order and normalisation are not known, there is no JSON file";
  return text + cat(rule.pixels.bgr ? ", BGR" : ", RGB", ", (pixel - (", three(rule.pixels.mean), ")) * (",
                    three(rule.pixels.scale), ")");
}

std::vector<std::string> class_names_of(const Model& model) {
  return model.classifies() ? model.classifier->class_names() : model.segmenter.card.spec.class_names;
}

// The SHA-256 of an ONNX file, and what the JSON file beside it says about that. "" for checkpoints.
std::string hash_text(const std::string& path) {
  if (fs::path(path).extension() != ".onnx") return "";
  const std::string hash = sha256(read_file(path)), json = fs::path(path).replace_extension(".json").string();
  if (!fs::exists(json)) return hash;
  const JsonObject card = JsonObject::read(json);
  if (!card.has("sha256")) return hash;
  const std::string stated = card.text("sha256");
  return hash + (stated == hash ? ", as the JSON file says"
                                : "; the JSON file says " + stated + ": it may describe another file");
}

void print_info(const Model& model, const std::string& path) {
  print_line("name", model.name());
  print_line("kind", model.classifies() ? "classifier" : "segmenter");
  print_line("parameters", std::to_string(model.registry().parameter_count()));
  print_line("input", input_text(model));
  const auto names = class_names_of(model);
  std::string classes =
      std::to_string(model.classifies() ? model.classifier->classes() : model.segmenter.model->classes());
  for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 3); ++i)
    classes += (i == 0 ? ": " : "; ") + names[i];
  print_line("classes", classes + (names.size() > 3 ? "; ..." : ""));
  if (const std::string hash = hash_text(path); !hash.empty()) print_line("SHA-256", hash);
  if (!model.classifies()) return;
  const std::string features = model.feature_path();
  print_line("feature map", features.empty() ? "not found; name a layer for Grad-CAM" : features);
  const auto cam = model.classifier->cam_weights();
  print_line("CAM", cam ? cat("weights ", cam->weights.shape(), " on ", cam->path)
                        : "does not apply: the network does not end in global pooling and one linear layer");
}

void print_info_json(const Model& model) {
  JsonObject json;
  const Preprocess& rule = model.preprocess();
  json.set("name", model.name())
      .set("kind", model.classifies() ? "classifier" : "segmenter")
      .set("parameters", model.registry().parameter_count())
      .set("height", rule.height)
      .set("width", rule.width)
      .set("class_names", class_names_of(model));
  if (model.input_known)
    json.set("channel_order", rule.pixels.bgr ? "BGR" : "RGB")
        .set("mean", std::vector<double>(rule.pixels.mean.begin(), rule.pixels.mean.end()))
        .set("scale", std::vector<double>(rule.pixels.scale.begin(), rule.pixels.scale.end()));
  if (model.classifies()) {
    json.set("feature_map", model.feature_path());
    const auto cam = model.classifier->cam_weights();
    json.set("cam", cam.has_value());
  }
  std::cout << json.pretty();
}

void print_known() {
  std::cout << network_list(network_costs()) << "operators of ONNX files\n  " << onnx::supported_operators()
            << "\n";
}

// One line per ONNX file or checkpoint below `folder`; what cannot be read is listed with its reason.
int print_found(const std::string& folder, Device device) {
  check(fs::is_directory(folder), "model list", "there is no folder ", folder);
  std::vector<std::string> paths;
  for (const auto& entry :
       fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied))
    if (entry.path().extension() == ".onnx" || entry.path().filename() == "model.safetensors")
      paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  bool all_read = true;
  for (const std::string& path : paths) {
    try {
      const Model model = open_model(path, device);
      std::cout << path << ": " << (model.classifies() ? "classifier " : "segmenter ") << model.name() << ", "
                << model.registry().parameter_count() << " parameters, input " << model.preprocess().height
                << " x " << model.preprocess().width << "\n";
    } catch (const Error& error) {
      std::cout << path << ": " << error.what() << "\n";
      all_read = false;
    }
  }
  if (paths.empty()) std::cout << folder << ": no NAME.onnx and no model.safetensors\n";
  return all_read ? kDone : kSomeFailed;
}

}  // namespace

void add_model(CLI::App& app, Session& session) {
  auto* model = app.add_subcommand("model", "list, describe and look into networks");
  model->require_subcommand(1);
  const auto device = [&session] { return device_of(session.common); };

  auto* list = model->add_subcommand("list", "networks that can be made by name, or the models in a folder");
  auto folder = std::make_shared<std::string>();
  list->add_option("folder", *folder, "look for ONNX files and checkpoints below it");
  add_common(*list, session, kCompute);
  on_run(*list, session, [folder, device] {
    if (!folder->empty()) return print_found(*folder, device());
    print_known();
    return static_cast<int>(kDone);
  });

  auto* info = model->add_subcommand("info", "kind, size, input, classes, feature map");
  auto path = std::make_shared<std::string>();
  auto as_json = std::make_shared<bool>(false);
  info->add_option("model", *path, "NAME.onnx, a checkpoint folder or a run's folder")->required();
  info->add_flag("--json", *as_json, "print one JSON object");
  add_common(*info, session, kCompute);
  on_run(*info, session, [path, as_json, device] {
    const Model opened = open_model(*path, device());
    *as_json ? print_info_json(opened) : print_info(opened, *path);
    return kDone;
  });

  add_model_layers(*model, session);
  add_model_weights(*model, session);
  add_model_export(*model, session);
}

}  // namespace clearcut::apps
