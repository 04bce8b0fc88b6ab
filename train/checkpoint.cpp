#include "train/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "data/json.h"
#include "models/card.h"
#include "tensor/file.h"
#include "tensor/safetensors.h"

namespace clearcut {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kVersion = 1;

std::string step_name(std::int64_t step) { return cat("step_", step); }

/// The number in "step_N"; -1 for other names.
std::int64_t step_of(const std::string& name) {
  if (!name.starts_with("step_") || name.size() < 6 || name.size() > 20) return -1;
  const std::string digits = name.substr(5);
  if (!std::ranges::all_of(digits, [](unsigned char c) { return std::isdigit(c) != 0; })) return -1;
  return std::stoll(digits);
}

JsonObject to_json(const TrainState& state) {
  JsonObject json;
  json.set("format", "clearcut checkpoint")
      .set("version", kVersion)
      .set("step", state.step)
      .set("epoch", static_cast<std::int64_t>(state.position.epoch))
      .set("item", state.position.item)
      .set("best", state.best)  // null before the first evaluation
      .set("best_step", state.best_step)
      .set("loss_sums", state.loss_sums)
      .set("losses_summed", state.losses_summed)
      .set("evaluation_due", state.evaluation_due)
      .set("config", state.config);
  return json;
}

TrainState from_json(const JsonObject& json, const std::string& path) {
  check(json.has("format") && json.text("format") == "clearcut checkpoint", "checkpoint", path,
        " is not the state of a checkpoint");
  check(json.integer("version") == kVersion, "checkpoint", path, " has version ", json.integer("version"),
        ", this program reads ", kVersion);
  TrainState state;
  state.step = json.integer("step");
  state.position = {static_cast<std::uint32_t>(json.integer("epoch")), json.integer("item")};
  const double best = json.number("best");
  if (!std::isnan(best)) state.best = best;
  state.best_step = json.integer("best_step");
  state.loss_sums = json.numbers("loss_sums");
  state.losses_summed = json.integer("losses_summed");
  state.evaluation_due = json.flag("evaluation_due");
  state.config = json.text("config");
  return state;
}

}  // namespace

Checkpoints::Checkpoints(const std::string& work_dir, int keep)
    : folder_(work_dir + "/checkpoints"), keep_(std::max(keep, 1)) {}

bool Checkpoints::exists() const { return fs::exists(folder_ + "/last/state.json"); }

void Checkpoints::clear() { fs::remove_all(folder_); }

void Checkpoints::link(const std::string& name, const std::string& target) const {
  const std::string temporary = folder_ + "/.link_" + name;
  fs::remove(temporary);
  fs::create_directory_symlink(target, temporary);
  fs::rename(temporary, folder_ + "/" + name);
}

void Checkpoints::save(const Registry& model, const Sgd& optimiser, const TrainState& state,
                       const std::string& card, const std::string& graph) {
  const std::string name = step_name(state.step), temporary = folder_ + "/.writing_" + name;
  fs::remove_all(temporary);
  fs::create_directories(temporary);
  write_safetensors(temporary + "/model.safetensors", {model.state(), {{"format", "clearcut"}}});
  write_safetensors(temporary + "/optim.safetensors", {optimiser.state(), {{"format", "clearcut"}}});
  write_file(temporary + "/model.json", card);
  if (!graph.empty()) write_file(temporary + "/" + kGraphFile, graph);
  to_json(state).write(temporary + "/state.json");
  fs::remove_all(folder_ + "/" + name);
  fs::rename(temporary, folder_ + "/" + name);
  link("last", name);
  if (state.best_step == state.step) link("best", name);
  remove_old(state);
}

void Checkpoints::remove_old(const TrainState& state) const {
  std::vector<std::int64_t> steps;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    // Left by a killed run.
    if (name.starts_with(".writing_")) fs::remove_all(entry.path());
    if (const std::int64_t step = step_of(name); step >= 0) steps.push_back(step);
  }
  std::ranges::sort(steps, std::greater<>());
  int kept = 0;
  for (const std::int64_t step : steps) {
    const bool needed = step <= state.step && ++kept <= keep_;
    if (!needed && step != state.best_step) fs::remove_all(folder_ + "/" + step_name(step));
  }
}

std::optional<TrainState> Checkpoints::resume(Registry& model, Sgd& optimiser) const {
  if (!exists()) return std::nullopt;
  const std::string last = folder_ + "/last";
  const TrainState state = from_json(JsonObject::read(last + "/state.json"), last + "/state.json");
  try {
    model.load(read_safetensors(last + "/model.safetensors").tensors);
  } catch (const Error& error) {
    fail("resume", last, " does not fit the model of this configuration: ", error.what(),
         "; go on with the configuration that made it, or start anew with --fresh");
  }
  optimiser.load(read_safetensors(last + "/optim.safetensors").tensors);
  return state;
}

HandOver hand_over(Registry& model, const std::string& path, const std::vector<std::string>& patterns,
                   const std::string& prefix) {
  const std::string file = find_weights(path);
  StateDict tensors = read_safetensors(file).tensors;
  for (auto& entry : tensors) entry.first = prefix + entry.first;
  const std::map<std::string, Tensor> source(tensors.begin(), tensors.end());
  HandOver result;
  for (const auto& [name, tensor] : model.state()) {
    const bool wanted = std::ranges::any_of(patterns, [&](const auto& p) { return fits(p, name); });
    const auto found = source.find(name);
    if (wanted && found != source.end() && found->second.shape() == tensor.shape()) {
      tensor.copy_from(found->second.to(tensor.dtype()), "hand_over");
      result.report.loaded.push_back(name);
    } else if (!wanted) {
      result.reinitialised.push_back(name + ", not asked for");
    } else if (found == source.end()) {
      result.report.missing.push_back(name);
      result.reinitialised.push_back(name + ", not in the file");
    } else {
      const std::string line = cat(name, " ", tensor.shape(), ", file has ", found->second.shape());
      result.report.wrong_shape.push_back(line);
      result.reinitialised.push_back(line);
    }
  }
  const StateDict own = model.state();
  for (const auto& [name, tensor] : tensors)
    if (std::ranges::none_of(own, [&](const auto& entry) { return entry.first == name; }))
      result.report.unexpected.push_back(name);
  check(!result.report.loaded.empty(), "hand over", "nothing in ", file,
        " fits this model by name and shape; the file starts with '",
        tensors.empty() ? "" : tensors.front().first, "', the model with '",
        own.empty() ? "" : own.front().first, "'");
  return result;
}

}  // namespace clearcut
