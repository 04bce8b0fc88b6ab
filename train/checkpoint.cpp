#include "train/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>

#include "data/json.h"
#include "models/card.h"
#include "tensor/deflate.h"
#include "tensor/file.h"
#include "tensor/safetensors.h"

namespace clearcut {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kVersion = 2;
// The weights that training goes on from, where model.safetensors holds their average.
constexpr const char* kTraining = "/training.safetensors";

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
      .set("evaluations_since_best", state.evaluations_since_best)
      .set("evaluation_due", state.evaluation_due)
      .set("config", state.config);
  return json;
}

bool is_checkpoint(const JsonObject& json) {
  return json.has("format") && json.text("format") == "clearcut checkpoint" && json.has("version");
}

TrainState from_json(const JsonObject& json, const std::string& path) {
  check(is_checkpoint(json), "checkpoint", path, " is not the state of a checkpoint");
  check(json.integer("version") == kVersion, "checkpoint", path, " has version ", json.integer("version"),
        ", this program reads version ", kVersion);
  TrainState state;
  state.step = json.integer("step");
  state.position = {static_cast<std::uint32_t>(json.integer("epoch")), json.integer("item")};
  const double best = json.number("best");
  if (!std::isnan(best)) state.best = best;
  state.best_step = json.integer("best_step");
  state.loss_sums = json.numbers("loss_sums");
  state.losses_summed = json.integer("losses_summed");
  state.evaluations_since_best = json.integer("evaluations_since_best");
  state.evaluation_due = json.flag("evaluation_due");
  state.config = json.text("config");
  return state;
}

/// "1234 bytes, crc32 89abcdef".
std::string file_sum(const std::string& path) {
  const Bytes bytes = read_file(path, std::numeric_limits<std::size_t>::max());
  char sum[9];
  std::snprintf(sum, sizeof sum, "%08x", crc32({bytes.data(), bytes.size()}));
  return cat(bytes.size(), " bytes, crc32 ", sum);
}

/// A whole checkpoint may be of another version of this program; what cannot be read at all is damaged.
void refuse_other_version(const std::string& folder) {
  std::int64_t version = kVersion;
  try {
    const JsonObject json = JsonObject::read(folder + "/state.json");
    if (is_checkpoint(json)) version = json.integer("version");
  } catch (const Error&) {
    return;
  }
  check(version == kVersion, "resume", folder, " is a checkpoint of version ", version,
        ", this program reads version ", kVersion,
        "; go on with the program that wrote it, or start a new run from its weights: another --work-dir and "
        "--set init.from=",
        folder, "/model.safetensors");
}

[[noreturn]] void fail_missing(const std::string& folder, const std::string& name,
                               const std::vector<std::int64_t>& steps) {
  std::string there;
  for (const std::int64_t step : steps) there += (there.empty() ? "" : ", ") + step_name(step);
  fail(
      "resume", folder, " has no checkpoint '", name, "'; it has ",
      there.empty() ? "none: start anew with --fresh" : there + "; name one with --resume --checkpoint NAME");
}

[[noreturn]] void fail_damaged(const Checkpoints& all, const std::string& name, const std::string& what,
                               const std::vector<std::int64_t>& steps) {
  std::string hint = "no other is whole: start anew with --fresh";
  for (const std::int64_t step : steps)
    if (all.damage(step_name(step)).empty()) {
      hint = cat(step_name(step), " is whole: go on from it with --resume --checkpoint ", step_name(step));
      break;
    }
  fail("resume", all.folder(), "/", name, " is damaged: ", what, "; ", hint);
}

}  // namespace

Checkpoints::Checkpoints(const std::string& work_dir, int keep)
    : folder_(work_dir + "/checkpoints"), keep_(std::max(keep, 1)) {}

bool Checkpoints::exists() const { return fs::is_symlink(folder_ + "/last") || !steps().empty(); }

void Checkpoints::clear() { fs::remove_all(folder_); }

std::vector<std::int64_t> Checkpoints::steps() const {
  std::vector<std::int64_t> found;
  if (!fs::is_directory(folder_)) return found;
  for (const auto& entry : fs::directory_iterator(folder_))
    if (const std::int64_t step = step_of(entry.path().filename().string()); step >= 0) found.push_back(step);
  std::ranges::sort(found, std::greater<>());
  return found;
}

void Checkpoints::link(const std::string& name, const std::string& target) const {
  const std::string temporary = folder_ + "/.link_" + name;
  fs::remove(temporary);
  fs::create_directory_symlink(target, temporary);
  fs::rename(temporary, folder_ + "/" + name);
}

void Checkpoints::write(const std::string& folder, const Registry& model, const Optimiser& optimiser,
                        const TrainState& state, const std::string& card, const std::string& graph,
                        const WeightAverage* average) const {
  const auto write_tensors = [&](const char* file, const StateDict& tensors) {
    write_safetensors(folder + file, {tensors, {{"format", "clearcut"}}});
  };
  write_tensors("/model.safetensors", average ? average->state() : model.state());
  if (average) write_tensors(kTraining, model.state());
  write_tensors("/optim.safetensors", optimiser.state());
  write_file(folder + "/model.json", card);
  if (!graph.empty()) write_file(folder + "/" + kGraphFile, graph);
  JsonObject sums;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  for (const std::string& name : names) sums.set(name, file_sum(folder + "/" + name));
  to_json(state).set("files", sums).write(folder + "/state.json");
}

void Checkpoints::save(const Registry& model, const Optimiser& optimiser, const TrainState& state,
                       const std::string& card, const std::string& graph, const WeightAverage* average) {
  const std::string name = step_name(state.step), temporary = folder_ + "/.writing_" + name;
  fs::remove_all(temporary);
  try {
    fs::create_directories(temporary);
    write(temporary, model, optimiser, state, card, graph, average);
  } catch (const std::exception& error) {
    std::error_code ignored;
    fs::remove_all(temporary, ignored);  // it takes room that may be missing
    fail("checkpoint", "step ", state.step, " could not be saved: ", error.what(),
         "; earlier checkpoints are as they were; make room and go on with --resume");
  }
  // A kill between any two of these lines leaves whole checkpoints behind each link.
  const std::string place = folder_ + "/" + name, old = folder_ + "/.writing_old_" + name;
  fs::remove_all(old);
  if (fs::exists(place)) fs::rename(place, old);
  fs::rename(temporary, place);
  if (const std::string best = step_name(state.best_step); fs::exists(folder_ + "/" + best))
    link("best", best);
  link("last", name);
  remove_old(state);
}

void Checkpoints::remove_old(const TrainState& state) const {
  for (const auto& entry : fs::directory_iterator(folder_))  // left by a killed run
    if (entry.path().filename().string().starts_with(".writing_")) fs::remove_all(entry.path());
  int kept = 0;
  for (const std::int64_t step : steps()) {
    const bool needed = step <= state.step && ++kept <= keep_;
    if (!needed && step != state.best_step) fs::remove_all(folder_ + "/" + step_name(step));
  }
}

std::string Checkpoints::damage(const std::string& name) const {
  const std::string folder = folder_ + "/" + name;
  try {
    const JsonObject state = JsonObject::read(folder + "/state.json");
    from_json(state, folder + "/state.json");
    const JsonObject sums = state.object("files");
    for (const std::string& file : sums.names()) {
      const std::string now = file_sum(folder + "/" + file), then = sums.text(file);
      if (now != then) return cat(file, " is ", now, ", it was written as ", then);
    }
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

std::optional<TrainState> Checkpoints::resume(Registry& model, Optimiser& optimiser, WeightAverage* average,
                                              const std::string& name) const {
  if (!exists()) return std::nullopt;
  std::string chosen = name;
  if (fs::is_symlink(folder_ + "/" + name)) chosen = fs::read_symlink(folder_ + "/" + name).string();
  // Killed before the first link, or while a checkpoint was written anew: the newest is the last.
  if (const auto all = steps(); name == "last" && !fs::exists(folder_ + "/" + chosen) && !all.empty())
    chosen = step_name(all.front());
  const std::string folder = folder_ + "/" + chosen;
  if (!fs::exists(folder)) fail_missing(folder_, chosen, steps());
  refuse_other_version(folder);
  if (const std::string what = damage(chosen); !what.empty()) fail_damaged(*this, chosen, what, steps());
  try {
    const bool averaged = fs::exists(folder + kTraining);
    model.load(read_safetensors(folder + (averaged ? kTraining : "/model.safetensors")).tensors);
    if (average && averaged) average->load(read_safetensors(folder + "/model.safetensors").tensors);
    if (average && !averaged) average->restart();
  } catch (const Error& error) {
    fail("resume", folder, " does not fit the model of this configuration: ", error.what(),
         "; go on with the configuration that made it, or start anew with --fresh");
  }
  optimiser.load(read_safetensors(folder + "/optim.safetensors").tensors);
  return from_json(JsonObject::read(folder + "/state.json"), folder + "/state.json");
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
